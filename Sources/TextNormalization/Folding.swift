// SPDX-License-Identifier: MIT

import Foundation

/// Brings a text down to the characters the rules know: printable ASCII, a few signs, single spaces.
enum Folding {
  /// Signs beyond ASCII that the rules read.
  private static let signs: Set<Unicode.Scalar> = [
    "€", "£", "¥", "¢", "₹", "°", "²", "³", "×", "÷", "±", "–", "—",
  ]

  /// What compatibility decomposition does not give, or not the way it is said.
  private static let replacements: [Unicode.Scalar: String] = [
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "ʼ": "'", "′": "'", "`": "'", "“": "\"", "”": "\"",
    "„": "\"", "‟": "\"", "«": "\"", "»": "\"", "″": "\"", "‐": "-", "‑": "-", "‒": "–", "―": "—",
    "−": "-", "…": "...", "。": ". ", "，": ", ", "、": ", ", "！": "! ", "？": "? ", "：": ": ",
    "；": "; ", "¿": " ", "¡": " ", "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3",
    "⅔": " 2/3", "⅛": " 1/8", "⅜": " 3/8", "⅝": " 5/8", "⅞": " 7/8", "ß": "ss", "ẞ": "SS",
    "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d",
    "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "µ": "micro", "μ": "micro",
    "π": " pi ", "№": "No. ", "§": " section ", "™": "", "®": "", "©": "", "•": ", ", "·": " ",
    "≈": "~", "≤": " at most ", "≥": " at least ", "≠": " is not ", "→": ", ", "℃": "°C",
    "℉": "°F", "＄": "$", "￥": "¥", "￡": "£",
  ]

  static func fold(_ text: String) -> [Unicode.Scalar] {
    var folded: [Unicode.Scalar] = []
    folded.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      if scalar.isASCII || signs.contains(scalar) {
        append(scalar, to: &folded)
      } else if let replacement = replacements[scalar] {
        for scalar in replacement.unicodeScalars { append(scalar, to: &folded) }
      } else if scalar.properties.isWhitespace {
        append(" ", to: &folded)
      } else if scalar.properties.numericType == .decimal, let value = digit(scalar) {
        append(value, to: &folded)
      } else {
        decompose(scalar, to: &folded)
      }
    }
    return folded
  }

  private static func append(_ scalar: Unicode.Scalar, to folded: inout [Unicode.Scalar]) {
    switch scalar {
    case "\"":
      // Quotation marks are silent; after a digit they may be inches.
      if let last = folded.last, last.isDigit { folded.append(scalar) }
    case "\t", "\n", "\r", "\u{B}", "\u{C}", " ":
      if let last = folded.last, last != " " { folded.append(" ") }
    case "\u{0}"..."\u{1F}", "\u{7F}": break
    default: folded.append(scalar)
    }
  }

  private static func digit(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
    scalar.properties.numericValue.flatMap { UInt8(exactly: $0) }.map { Unicode.Scalar($0 + 48) }
  }

  /// Letters without their accents, and wide or styled ones as plain ones. The rest is dropped.
  private static func decompose(_ scalar: Unicode.Scalar, to folded: inout [Unicode.Scalar]) {
    let plain = String(scalar).decomposedStringWithCompatibilityMapping.unicodeScalars
    let letters = plain.filter { $0.isASCII && !$0.properties.isWhitespace }
    if letters.isEmpty {
      // A character of another script separates the words around it; a mark or a selector does not.
      switch scalar.properties.generalCategory {
      case .nonspacingMark, .enclosingMark, .spacingMark, .format: break
      default: append(" ", to: &folded)
      }
    }
    for letter in letters { append(letter, to: &folded) }
  }
}

extension Unicode.Scalar {
  var isDigit: Bool { ("0"..."9").contains(self) }
  var isCapital: Bool { ("A"..."Z").contains(self) }
  var isSmall: Bool { ("a"..."z").contains(self) }
  var isLetter: Bool { isCapital || isSmall }
  /// A letter or a digit.
  var isWordPart: Bool { isLetter || isDigit }
}
