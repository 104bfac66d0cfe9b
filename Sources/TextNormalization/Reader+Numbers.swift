// SPDX-License-Identifier: MIT

/// Cardinals, ordinals, years, fractions, phone numbers.
extension EnglishReader {
  /// What nothing else explains.
  mutating func readPlainNumber() {
    guard let numeral = cursor.numeral() else {
      cursor.position += 1
      return
    }
    let isCode =
      numeral.decimals.isEmpty && numeral.integer.utf8.count > 2
      && Self.wordsBeforeCodes.contains(spoken.context) || isPostalCode(numeral)
    spoken.sayInstead(isCode ? NumberWords.digits(numeral.integer) : numeral.words)
    piece = .number
  }

  /// Numbers after these are said digit by digit.
  private static let wordsBeforeCodes: Set<String> = [
    "code", "pin", "zip", "extension", "dial", "call", "digits", "serial", "pincode", "passcode",
    "postcode",
  ]

  /// Five digits after a state's two letters: "C A" is what was said of "CA".
  private func isPostalCode(_ numeral: Numeral) -> Bool {
    guard numeral.integer.utf8.count == 5, numeral.decimals.isEmpty else { return false }
    let last = Array(spoken.text.unicodeScalars.suffix(3))
    return spoken.context.utf8.count == 1 && last.count == 3 && last[0].isCapital && last[1] == " "
  }

  /// "1st", "22nd", "1,000th"
  mutating func readOrdinal() -> Bool {
    var end = cursor
    guard let numeral = end.numeral(), numeral.decimals.isEmpty,
      let suffix = end.letters()?.lowercased(), ["st", "nd", "rd", "th"].contains(suffix),
      end.isAtEnd
    else { return false }
    return say(NumberWords.ordinal(numeral.integer), upTo: end)
  }

  /// "1/2", "2 1/2", "24/7"
  mutating func readFraction() -> Bool {
    var end = cursor
    guard let first = end.digits(1...4) else { return false }
    var whole: String?
    var top = first
    if end.current == " ", end.peek(1)?.isDigit ?? false {
      end.position += 1
      guard let second = end.digits(1...3) else { return false }
      whole = first
      top = second
    }
    guard end.take("/"), let bottom = end.digits(1...4), end.isAtEnd, end.current != "/" else {
      return false
    }
    if whole == nil, ["24/7", "9/11", "50/50"].contains("\(top)/\(bottom)") {
      return say(NumberWords.cardinal(top) + " " + NumberWords.cardinal(bottom), upTo: end)
    }
    let fraction = NumberWords.fraction(top, bottom)
    return say(whole.map { NumberWords.cardinal($0) + " and " + fraction } ?? fraction, upTo: end)
  }

  // MARK: Years

  private static let wordsBeforeYears: Set<String> = [
    "in", "since", "until", "till", "by", "from", "of", "year", "during", "before", "after",
    "circa",
    "late", "early", "mid", "pre", "post", "spring", "summer", "fall", "autumn", "winter",
    "copyright", "class",
  ]

  /// "1999" where a year is meant, "1990s", "80s"
  mutating func readYear() -> Bool {
    var end = cursor
    guard let digits = end.digits(2...4), digits.utf8.count != 3, let value = Int(digits),
      !digits.hasPrefix("0")
    else { return false }
    if end.current == "s" || end.current == "'" && end.peek(1) == "s" {
      var plural = end
      _ = plural.take("'")
      plural.position += 1
      if plural.isAtEnd, value % 10 == 0, (20..<100).contains(value) || value >= 1000 {
        return say(NumberWords.decade(value), .year, upTo: plural)
      }
    }
    // A comma may be a thousands separator or end a clause.
    guard (1000..<2100).contains(value), end.isAtEnd,
      !(end.current == "," && end.peek(1)?.isDigit ?? false), isYear(value, upTo: end)
    else { return false }
    return say(NumberWords.year(value), .year, upTo: end)
  }

  private func isYear(_ value: Int, upTo end: Cursor) -> Bool {
    if end.current == ".", end.peek(1)?.isDigit ?? false { return false }
    if end.current == "%" || end.current == "°" || end.current == "/" { return false }
    let context = spoken.context
    if Self.wordsBeforeYears.contains(context) || Calendar.month(spoken.lastWord) != nil {
      return true
    }
    // "Q3 2023"
    if cursor.peek(-3) == "Q", cursor.peek(-2)?.isDigit ?? false, cursor.previous == " " {
      return true
    }
    if piece == .year, value >= 1400, ["", "to", "and", "or"].contains(context) { return true }
    let isModern = (1900..<2100).contains(value)
    if context == "the" || spoken.isAtStart {
      if isModern, let next = end.nextWord(), Self.wordsAfterYears.contains(next) { return true }
    }
    if cursor.previous == "(", end.current.map({ ")-–".unicodeScalars.contains($0) }) ?? false {
      return true
    }
    if let next = end.nextWord(), ["BC", "AD", "BCE", "CE"].contains(next) { return true }
    // "1990-1995", "1914-18", "1990 to 1995"
    var range = end
    let isRange = range.take(of: "-–") != nil || range.take(literal: " to ")
    guard isRange, value >= 1400, let digits = range.digits(2...4), range.isAtEnd,
      let other = Int(digits)
    else { return false }
    return digits.utf8.count == 2 ? other > value % 100 : value < other && other < 2100
  }

  private static let wordsAfterYears: Set<String> = [
    "was", "is", "will", "has", "saw", "had", "began", "ended", "election", "season", "film",
    "movie",
    "census", "edition", "report", "war", "revolution", "landing", "budget", "version", "model",
  ]

  /// "'90s", "'99"
  mutating func readDecade() -> Bool {
    var end = cursor
    guard end.take("'"), let digits = end.digits(2...2), let value = Int(digits) else {
      return false
    }
    if end.current == "s", value % 10 == 0, value > 10 {
      end.position += 1
      return end.isAtEnd && say(NumberWords.decade(value), .year, upTo: end)
    }
    guard end.isAtEnd, end.current != "'" else { return false }
    let words = value < 10 ? "oh " + NumberWords.cardinal(value) : NumberWords.cardinal(value)
    return say(words, .year, upTo: end)
  }

  // MARK: Numbers that name

  /// "#5", "#swift"
  mutating func readHash() -> Bool {
    guard let next = cursor.peek(1), next.isWordPart else { return false }
    cursor.position += 1
    spoken.sayInstead(next.isDigit ? "number" : "hashtag")
    piece = .word
    return true
  }

  private static let wordsBeforeRanges: Set<String> = [
    "pages", "lines", "from", "between", "of", "items", "chapters", "verses", "rooms",
  ]

  /// "(415) 555-0199", "415-555-0199", "+44 20 7946 0958", "555-0199", "9-1-1", "123-45-6789"
  mutating func readPhoneNumber() -> Bool {
    var end = cursor
    let isInternational = end.take("+")
    var groups: [String] = []
    if end.take("(") {
      guard let area = end.digits(3...3), end.take(")") else { return false }
      _ = end.take(of: " -")
      groups.append(area)
    }
    var separators: Set<Unicode.Scalar> = []
    while groups.count < 7, let group = end.digits(1...5) {
      groups.append(group)
      guard let separator = end.current, " -.".unicodeScalars.contains(separator) else { break }
      var next = end
      next.position += 1
      if isInternational, next.current == "(" { next.position += 1 }
      guard next.current?.isDigit ?? false else { break }
      separators.insert(separator)
      end = next
    }
    guard end.isAtEnd, !"/%".unicodeScalars.contains(end.current ?? " "),
      !(".:".unicodeScalars.contains(end.current ?? " ") && end.peek(1)?.isDigit ?? false)
    else { return false }
    let lengths = groups.map { $0.utf8.count }
    let isPhone =
      switch lengths {
      case [3, 3, 4], [1, 3, 3, 4]: separators.count <= 2
      case [3, 4]:
        cursor.current == "("
          || separators == ["-"] && !Self.wordsBeforeRanges.contains(spoken.context)
      default:
        isInternational && lengths.reduce(0, +) >= 7 && lengths.count > 1
          || separators == ["-"] && lengths.count > 2 && !isDate(lengths)
      }
    guard isPhone else { return false }
    // Single digits with hyphens are one group; pairs count down.
    let separator = lengths.allSatisfy { $0 == 1 } ? " " : ", "
    let isCount = lengths.allSatisfy { $0 <= 2 }
    let words = groups.map { isCount ? NumberWords.cardinal($0) : NumberWords.digits($0) }
      .joined(separator: separator)
    return say((isInternational ? "plus " : "") + words, upTo: end)
  }

  private func isDate(_ lengths: [Int]) -> Bool {
    lengths == [4, 2, 2] || lengths == [2, 2, 4] || lengths == [1, 1, 4] || lengths == [1, 2, 4]
      || lengths == [2, 1, 4]
  }
}
