// SPDX-License-Identifier: MIT

/// A place in a folded text, with what rules look for there. Copies are cheap, so a rule tries on a
/// copy.
struct Cursor {
  let text: [Unicode.Scalar]
  var position = 0

  init(_ text: [Unicode.Scalar]) { self.text = text }

  var current: Unicode.Scalar? { peek(0) }
  var previous: Unicode.Scalar? { peek(-1) }

  func peek(_ offset: Int) -> Unicode.Scalar? {
    let index = position + offset
    return text.indices.contains(index) ? text[index] : nil
  }

  /// Whether no word continues here.
  var isAtEnd: Bool { !(current?.isWordPart ?? false) }

  mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard current == scalar else { return false }
    position += 1
    return true
  }

  mutating func take(of choices: String) -> Unicode.Scalar? {
    guard let current, choices.unicodeScalars.contains(current) else { return nil }
    position += 1
    return current
  }

  /// The literal, in this case.
  mutating func take(literal: String) -> Bool {
    var place = position
    for scalar in literal.unicodeScalars {
      guard place < text.count, text[place] == scalar else { return false }
      place += 1
    }
    position = place
    return true
  }

  private mutating func run(_ isOfKind: (Unicode.Scalar) -> Bool) -> String? {
    let start = position
    while position < text.count, isOfKind(text[position]) { position += 1 }
    return start == position ? nil : String(text[start..<position])
  }

  /// Digits up to the first other character.
  mutating func digits(_ counts: ClosedRange<Int> = 1...Int.max) -> String? {
    let start = position
    guard let digits = run(\.isDigit), counts.contains(digits.utf8.count) else {
      position = start
      return nil
    }
    return digits
  }

  /// Letters up to the first other character.
  mutating func letters() -> String? { run(\.isLetter) }

  /// A word: letters, with apostrophes between them.
  mutating func word() -> String? {
    guard var word = letters() else { return nil }
    while current == "'", let next = peek(1), next.isLetter {
      position += 1
      word += "'" + (letters() ?? "")
    }
    return word
  }

  /// The word after spaces and silent characters, as it is spelled.
  func nextWord() -> String? {
    var copy = self
    while copy.take(of: " '\"([{") != nil {}
    return copy.letters()
  }

  /// Whether only characters without sound are left.
  var hasNothingLeft: Bool {
    var place = position
    while place < text.count, !text[place].isWordPart {
      // Looking on would cost a long text time; a sentence does not begin so late.
      if place - position > 8 { return false }
      place += 1
    }
    return place == text.count
  }
}

extension String {
  /// Letters, digits and signs of a folded text.
  init(_ folded: ArraySlice<Unicode.Scalar>) {
    // Most are ASCII, for which this is many times faster than a view of scalars.
    let bytes = folded.compactMap { UInt8(exactly: $0.value) }
    if bytes.count == folded.count, bytes.allSatisfy({ $0 < 128 }) {
      self.init(decoding: bytes, as: UTF8.self)
    } else {
      self.init(String.UnicodeScalarView(folded))
    }
  }
}

/// Digits with thousands separators and decimals.
struct Numeral {
  var integer: String
  /// Decimals, and further groups of a version number.
  var decimals: [String] = []

  var words: String {
    let head = integer.isEmpty ? "zero" : NumberWords.cardinal(integer)
    guard decimals.count == 1 else {
      return ([head] + decimals.map { NumberWords.cardinal($0) }).joined(separator: " point ")
    }
    return head + " point " + NumberWords.digits(decimals[0])
  }

  var isOne: Bool { integer == "1" && decimals.isEmpty }
}

extension Cursor {
  /// "1", "1,200", "3.14", ".5", "2.0.1"
  mutating func numeral() -> Numeral? {
    var numeral = Numeral(integer: "")
    if let digits = digits() {
      numeral.integer = digits
      while digits.utf8.count <= 3, current == ",", let group = group() { numeral.integer += group }
    } else if !(current == "." && (peek(1)?.isDigit ?? false)) {
      return nil
    }
    while current == ".", peek(1)?.isDigit ?? false {
      position += 1
      if let digits = digits() { numeral.decimals.append(digits) }
    }
    return numeral
  }

  /// A comma and three digits.
  private mutating func group() -> String? {
    var copy = self
    copy.position += 1
    guard let digits = copy.digits(3...3) else { return nil }
    self = copy
    return digits
  }
}
