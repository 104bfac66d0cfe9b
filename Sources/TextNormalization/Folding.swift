// SPDX-License-Identifier: MIT

import Foundation

/// Brings a text down to the characters the rules know: printable ASCII, a few signs, single spaces.
enum Folding {
  /// Signs beyond ASCII that the rules read.
  private static let signs: Set<Unicode.Scalar> = Set(Currency.signs.keys).union([
    "°", "²", "³", "×", "÷", "±", "–", "—", "√", "©",
  ])

  /// What compatibility decomposition does not give, or not the way it is said.
  private static let replacements: [Unicode.Scalar: String] = [
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "ʼ": "'", "′": "'", "`": "'", "“": "\"", "”": "\"",
    "„": "\"", "‟": "\"", "«": "\"", "»": "\"", "″": "\"", "‐": "-", "‑": "-", "‒": "–", "―": "—",
    "−": "-", "…": "...", "。": ". ", "，": ", ", "、": ", ", "！": "! ", "？": "? ", "：": ": ",
    "；": "; ", "¿": " ", "¡": " ", "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3",
    "⅔": " 2/3", "⅛": " 1/8", "⅜": " 3/8", "⅝": " 5/8", "⅞": " 7/8", "ß": "ss", "ẞ": "SS",
    "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d",
    "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "µ": "micro", "μ": "micro",
    "π": " pi ", "№": "No. ", "§": " section ", "™": "", "®": "", "℗": "©", "¶": " paragraph ",
    "•": ", ",
    "·": " ", "⋅": "×", "∙": "×", "∼": "~", "♭": " flat ", "♯": " sharp ", "‰": " per mille ",
    "∞": " infinity ",
    "∑": " the sum of ", "∫": " the integral of ", "∆": " delta ", "\u{2126}": "ohm",
    "\u{3A9}": "ohm", "∴": " therefore ", "∏": " the product of ", "∛": " the cube root of ",
    "∧": " and ", "∨": " or ", "¬": " not ", "∀": " for all ", "∃": " there is ", "∠": " angle ",
    "△": " triangle ", "∉": " not in ", "⊂": " is a subset of ", "⊆": " is a subset of ",
    "≡": " is equivalent to ", "∥": " is parallel to ", "⊥": " is perpendicular to ",
    "❤": "<3", "♥": "<3", "円": "¥",
    "∈": " in ", "∅": " the empty set ", "∪": " union ", "∩": " intersection ",
    "∝": " is proportional to ",
    "⁄": "/", "∕": "/", "⅕": " 1/5", "⅖": " 2/5", "⅗": " 3/5", "⅘": " 4/5", "⅙": " 1/6",
    "⅚": " 5/6",
    "⅐": " 1/7", "⅑": " 1/9", "⅒": " 1/10", "←": ", ", "↔": ", ", "⇒": ", ", "➔": ", ", "➜": ", ",
    "≈": "~", "≤": "<=", "≥": ">=", "≠": " is not equal to ", "→": ", ", "℃": "°C",
    "℉": "°F", "＄": "$", "￥": "¥", "￡": "£",
  ]

  /// Signs above a line, which are powers after what they follow.
  private static let superscripts: [Unicode.Scalar: Unicode.Scalar] = [
    "⁰": "0", "¹": "1", "²": "2", "³": "3", "⁴": "4", "⁵": "5", "⁶": "6", "⁷": "7", "⁸": "8",
    "⁹": "9", "⁻": "-", "⁺": "+",
  ]
  private static let greek: [Unicode.Scalar: String] = [
    "α": "alpha", "β": "beta", "γ": "gamma", "Γ": "gamma", "δ": "delta", "Δ": "delta",
    "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta", "Θ": "theta", "κ": "kappa",
    "λ": "lambda", "Λ": "lambda", "ν": "nu", "ξ": "xi", "ρ": "rho", "σ": "sigma", "Σ": "sigma",
    "τ": "tau", "φ": "phi", "Φ": "phi", "χ": "chi", "ψ": "psi", "Ψ": "psi", "ω": "omega",
  ]
  /// Letters of phonetic writing and of some alphabets, as the nearest of English.
  private static let phonetic: [Unicode.Scalar: String] = [
    "ə": "e", "Ə": "E", "ɛ": "e", "ɜ": "e", "ɔ": "o", "ɒ": "o", "ʊ": "u", "ʌ": "u", "ɪ": "i",
    "ɑ": "a", "ɐ": "a", "ʃ": "sh", "ʒ": "zh", "ŋ": "ng", "θ": "th", "ɹ": "r", "ɾ": "r", "ʁ": "r",
    "ɫ": "l", "ɡ": "g", "ʔ": "", "ˈ": "", "ˌ": "", "ː": "", "ɲ": "ny", "ʎ": "ly", "ħ": "h",
    "ɦ": "h",
  ]
  private static let groupingSpaces: Set<Unicode.Scalar> = ["\u{A0}", "\u{202F}", "\u{2009}"]

  static func fold(_ text: String) -> [Unicode.Scalar] {
    var isQuoteOpen = false
    return fold(text, isQuoteOpen: &isQuoteOpen)
  }

  /// - Parameter isQuoteOpen: Whether the text begins inside a quotation, and whether it ends inside one.
  static func fold(_ text: String, isQuoteOpen: inout Bool) -> [Unicode.Scalar] {
    let text = Markup.removed(from: text)
    var folded = FoldedText(isQuoteOpen: isQuoteOpen)
    defer { isQuoteOpen = folded.isQuoteOpen }
    folded.scalars.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      let scalar = text[index]
      defer { index += 1 }
      if let digits = superscripts[scalar] {
        var end = index + 1
        while end < text.count, superscripts[text[end]] != nil { end += 1 }
        if end == index + 1, signs.contains(scalar) {
          folded.append(scalar)
        } else if let last = folded.scalars.last, last.isWordPart || last == ")" {
          folded.append("^")
          for place in index..<end { superscripts[text[place]].map { folded.append($0) } }
          index = end - 1
        } else {
          folded.append(digits)
        }
      } else if scalar == "\n", folded.scalars.last?.isWordPart ?? false,
        beginsItem(text, index + 1)
      {
        for scalar in ", ".unicodeScalars { folded.append(scalar) }
      } else if scalar == "$", folded.scalars.last?.isLetter ?? false, index + 1 < text.count,
        text[index + 1].isLetter
      {
        // "Ke$ha"
        folded.append(text[index + 1].isCapital ? "S" : "s")
      } else if scalar == "!", isVowel(text, index, folded.scalars) {
        folded.append(text[index + 1].isCapital ? "I" : "i")
      } else if scalar.isASCII {
        folded.append(scalar, next: index + 1 < text.count ? text[index + 1] : nil)
      } else if scalar == "·", folded.scalars.last?.isLetter ?? false, index + 1 < text.count,
        text[index + 1].isLetter
      {
        // "kW·h"
        continue
      } else if scalar == "★" || scalar == "⭐" {
        let isCount = folded.scalars.last?.isDigit ?? false
        for scalar in (isCount ? " stars" : " ").unicodeScalars { folded.append(scalar) }
      } else if signs.contains(scalar) {
        folded.append(scalar)
      } else if let replacement = replacements[scalar] {
        for scalar in replacement.unicodeScalars { folded.append(scalar) }
      } else if let letters = phonetic[scalar], scalar != "θ" || !isAlone(text, index) {
        for scalar in letters.unicodeScalars { folded.append(scalar) }
      } else if scalar == "º" || scalar == "˚" {
        // "45º", but "nº".
        folded.append((folded.scalars.last?.isDigit ?? false) ? "°" : "o")
      } else if let name = greek[scalar] {
        // A letter by itself is a sign; a word of them is another script.
        let words = isAlone(text, index) ? " \(name) " : " "
        for scalar in words.unicodeScalars { folded.append(scalar) }
      } else if groupingSpaces.contains(scalar), isGrouping(text, index) {
        folded.append(",")
      } else if scalar.properties.isWhitespace {
        folded.append(" ")
      } else if scalar.properties.numericType == .decimal, let value = digit(scalar) {
        folded.append(value)
      } else {
        decompose(scalar, to: &folded)
      }
    }
    return folded.scalars
  }

  /// Whether the sign stands for the first vowel of a word: "P!nk", "Wh!te", but "Hmm!Nice".
  private static func isVowel(
    _ text: [Unicode.Scalar], _ index: Int, _ folded: [Unicode.Scalar]
  ) -> Bool {
    func hasVowel(_ letters: some Sequence<Unicode.Scalar>) -> Bool {
      letters.contains { "aeiouyAEIOUY".unicodeScalars.contains($0) }
    }
    let before = folded.suffix(8).reversed().prefix { $0.isLetter }
    let after = text[(index + 1)...].prefix(12).prefix { $0.isASCII && $0.isLetter }
    guard let last = before.first, let next = after.first, before.count < 5, !hasVowel(before),
      !(index + 1 + after.count < text.count && text[index + 1 + after.count].isWordPart)
    else { return false }
    if !hasVowel(after) { return last.isSmall == next.isSmall || before.count == 1 && next.isSmall }
    // "Wh!te" and "M!ss", but "Mr!Smith" and "Mm!nice".
    let isBeginning =
      before.count == 1 || before.count == 2 && last.isSmall && !"rm".unicodeScalars.contains(last)
    return isBeginning && next.isSmall
  }

  /// Whether a line of a list or a heading begins at a place: "* milk", "2. flour", "# Sauce".
  private static func beginsItem(_ text: [Unicode.Scalar], _ start: Int) -> Bool {
    let line = text[start...].prefix(12).drop { $0 == " " }
    let number = line.prefix { $0.isDigit }
    let marker = number.isEmpty ? line.prefix { "*+#•".unicodeScalars.contains($0) } : number
    let rest = line.dropFirst(marker.count)
    if marker.isEmpty { return false }
    guard !number.isEmpty else { return rest.first == " " }
    return rest.first.map { ".)".unicodeScalars.contains($0) } ?? false
      && rest.dropFirst().first == " "
  }

  /// Whether no Greek letter is beside one.
  private static func isAlone(_ text: [Unicode.Scalar], _ index: Int) -> Bool {
    ![index - 1, index + 1].contains { text.indices.contains($0) && isGreek(text[$0]) }
  }

  private static func isGreek(_ scalar: Unicode.Scalar) -> Bool {
    (0x370...0x3FF).contains(scalar.value) || (0x1F00...0x1FFF).contains(scalar.value)
  }

  /// Whether a narrow space stands before three digits of a number.
  private static func isGrouping(_ text: [Unicode.Scalar], _ index: Int) -> Bool {
    guard index > 0, text[index - 1].isDigit else { return false }
    return text[(index + 1)...].prefix(4).prefix(while: \.isDigit).count == 3
  }

  private static func digit(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
    scalar.properties.numericValue.flatMap { UInt8(exactly: $0) }.map { Unicode.Scalar($0 + 48) }
  }

  /// Letters without their accents, and wide or styled ones as plain ones. The rest is dropped.
  private static func decompose(_ scalar: Unicode.Scalar, to folded: inout FoldedText) {
    let plain = String(scalar).decomposedStringWithCompatibilityMapping.unicodeScalars
    let letters = plain.filter { $0.isASCII && !$0.properties.isWhitespace }
    if letters.isEmpty {
      // A character of another script parts the words around it; a mark or a selector does not.
      switch scalar.properties.generalCategory {
      case .nonspacingMark, .enclosingMark, .spacingMark, .format: break
      default: folded.append(" ")
      }
    }
    for letter in letters { folded.append(letter) }
  }
}

/// Scalars with single spaces, and quotation marks only where they are inches.
private struct FoldedText {
  var scalars: [Unicode.Scalar] = []
  var isQuoteOpen: Bool
  private var endOfQuote = Int.min
  private var lineBreaks = 0

  init(isQuoteOpen: Bool) { self.isQuoteOpen = isQuoteOpen }

  /// - Parameter next: The scalar after it in the text.
  mutating func append(_ scalar: Unicode.Scalar, next: Unicode.Scalar? = nil) {
    let last = scalars.last
    switch scalar {
    case "\"":
      // Silent; a digit before it may be inches, unless a quotation ends there.
      if let last, last.isDigit, !isQuoteOpen, !(next?.isDigit ?? false) {
        scalars.append(scalar)
      } else {
        isQuoteOpen = last.map { " ([-".unicodeScalars.contains($0) } ?? true
        if !isQuoteOpen {
          endOfQuote = scalars.count
        } else if endOfQuote + 1 == scalars.count, scalars[endOfQuote - 1].isWordPart {
          // Two quotations are two, also where only a space is between them.
          scalars.insert(",", at: endOfQuote)
        }
      }
    case "\t", "\n", "\r", "\u{B}", "\u{C}", " ":
      if scalar == "\n" {
        lineBreaks += 1
        if lineBreaks > 1 { isQuoteOpen = false }
      }
      if let last, last != " " { scalars.append(" ") }
      return
    case "\u{0}"..."\u{1F}", "\u{7F}": break
    default: scalars.append(scalar)
    }
    lineBreaks = 0
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
