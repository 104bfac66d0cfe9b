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

  /// What follows the digits here; `nil` at the end of the text.
  var afterDigits: Unicode.Scalar? {
    var place = position
    while place < text.count, text[place].isDigit { place += 1 }
    return place < text.count ? text[place] : nil
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

  /// The word before this place in small letters, with nothing but such marks in between.
  func wordBefore(over marks: String = " :#") -> String {
    var copy = self
    return copy.stepBack(over: marks)
  }

  /// The same, stepping back to where the word begins.
  mutating func stepBack(over marks: String = " :#") -> String {
    let here = position
    while let previous, here - position < 3, marks.unicodeScalars.contains(previous) {
      position -= 1
    }
    let end = position
    while end - position < 16, previous?.isLetter ?? false { position -= 1 }
    return String(text[position..<end]).lowercased()
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
    if folded.allSatisfy(\.isASCII) {
      self.init(
        decoding: folded.map { UInt8(truncatingIfNeeded: $0.value) }, as: UTF8.self)
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
  /// Whether its thousands are separated.
  var isGrouped = false

  var words: String {
    let head =
      integer.isEmpty
      ? "zero" : isGrouped ? NumberWords.grouped(integer) : NumberWords.cardinal(integer)
    guard decimals.count == 1 else {
      return ([head] + decimals.map { NumberWords.cardinal($0) }).joined(separator: " point ")
    }
    return head + " point " + NumberWords.digits(decimals[0])
  }

  var isOne: Bool { integer == "1" && decimals.isEmpty }
}

extension Cursor {
  /// "1", "1,200", "3.14", ".5", "2.0.1", "12 345 678", "1.234,56"
  mutating func numeral() -> Numeral? {
    if let numeral = groupedNumeral() { return numeral }
    var numeral = Numeral(integer: "")
    if let digits = digits() {
      numeral.integer = digits
      if digits.utf8.count <= 2, let pairs = indianPairs() {
        numeral.integer += pairs
        numeral.isGrouped = true
      }
      while digits.utf8.count <= 3, let group = group(",") {
        numeral.integer += group
        numeral.isGrouped = true
      }
    } else if !(current == "." && (peek(1)?.isDigit ?? false)) {
      return nil
    }
    while current == ".", peek(1)?.isDigit ?? false {
      position += 1
      if let digits = digits() { numeral.decimals.append(digits) }
    }
    return numeral
  }

  /// Thousands that are separated as in most of Europe: "1.234,56", "1.234.567", "12 345 678".
  private mutating func groupedNumeral() -> Numeral? {
    var copy = self
    guard let digits = copy.digits(1...3), !digits.hasPrefix("0"),
      let separator = copy.current, separator == "." || separator == " "
    else { return nil }
    var groups: [String] = []
    // No number has more, and a long row of them must not be looked through from every place.
    while groups.count < 12, let group = copy.group(separator) { groups.append(group) }
    var numeral = Numeral(integer: digits + groups.joined(), isGrouped: true)
    var end = copy
    if !groups.isEmpty, end.take(","), let decimals = end.digits(1...2) {
      numeral.decimals = [decimals]
      copy = end
    } else if separator == "." {
      guard groups.count > 1 else { return nil }
    } else {
      // One group of zeros is "10 000"; others may be numbers by themselves.
      guard groups == ["000"] || groups.count > 1 && digits.utf8.count < 3 else { return nil }
    }
    guard copy.isAtEnd || copy.current?.isLetter ?? false,
      !(copy.current == "." && (copy.peek(1)?.isDigit ?? false)),
      !(copy.current == " " && (copy.peek(1)?.isDigit ?? false))
    else { return nil }
    self = copy
    return numeral
  }

  /// The pairs of "1,00,000", before its last three digits.
  private mutating func indianPairs() -> String? {
    var end = self
    var pairs = ""
    while pairs.utf8.count < 8 {
      var next = end
      guard next.take(","), let pair = next.digits(2...2), next.current == "," else { break }
      pairs += pair
      end = next
    }
    var last = end
    guard !pairs.isEmpty, last.group(",") != nil else { return nil }
    self = end
    return pairs
  }

  /// A separator and three digits.
  private mutating func group(_ separator: Unicode.Scalar) -> String? {
    var copy = self
    guard copy.take(separator), let digits = copy.digits(3...3) else { return nil }
    self = copy
    return digits
  }
}
