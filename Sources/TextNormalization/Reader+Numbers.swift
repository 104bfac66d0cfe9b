// SPDX-License-Identifier: MIT

/// Cardinals, ordinals, fractions, years, decades.
extension EnglishReader {
  /// What nothing else explains.
  mutating func readPlainNumber() {
    let isInWord = cursor.previous?.isWordPart ?? false
    let start = cursor
    guard let numeral = cursor.numeral() else {
      cursor.position += 1
      return
    }
    spoken.sayInstead(plainWords(numeral, isInWord: isInWord, start))
    piece = .number
    if !isInWord { readCount(numeral, start) }
  }

  private func plainWords(_ numeral: Numeral, isInWord: Bool, _ start: Cursor) -> String {
    guard numeral.decimals.isEmpty else { return numeral.words }
    let digits = numeral.integer
    if digits.utf8.count > 2, isCode(numeral, start) { return NumberWords.digits(digits) }
    // "AB9453", "iPhone2007", "ABC-1234" and "44-2219-B".
    let numbers = digits.utf8.count > 3 ? start.numbersInCapitalCode : 0
    if isInWord || numbers > 0, digits.utf8.count > 3 {
      let isShort = digits.utf8.count == 4
      if isShort, digits.hasPrefix("19") || digits.hasPrefix("20") {
        return Int(digits).map(NumberWords.year) ?? ""
      }
      if isShort, !isInWord, numbers == 1, !digits.hasPrefix("0") {
        return Int(digits).map(NumberWords.inPairs) ?? ""
      }
      return NumberWords.digits(digits)
    }
    // "Chapter 01"
    if digits.utf8.count == 2, digits.hasPrefix("0"), digits != "00",
      Labels.counted.contains(spoken.context)
    {
      return NumberWords.cardinal(String(digits.dropFirst()))
    }
    return numeral.words
  }

  private func isCode(_ numeral: Numeral, _ start: Cursor) -> Bool {
    var place = start
    var label = place.stepBack()
    // "My PIN is 4821."
    if label == "is" || label == "was" { label = place.wordBefore() }
    if Self.wordsBeforeCodes.contains(label) || endsInContext() || isPostalCode(numeral, start) {
      return true
    }
    if numeral.isGrouped { return false }
    let count = numeral.integer.utf8.count
    // "Text STOP to 55555."
    if label == "to", (5...6).contains(count), spoken.text.suffix(24).lowercased().contains("text ")
    {
      return true
    }
    return count > 4 && (start.previous == "#" || Self.wordsBeforeLongCodes.contains(label))
      || count > 8 && !numeral.integer.hasSuffix("000")
  }

  /// Numbers after these are said digit by digit.
  private static let wordsBeforeCodes: Set<String> = [
    "code", "pin", "zip", "extension", "dial", "call", "digits", "serial", "pincode", "passcode",
    "postcode", "otp", "password", "isbn", "imei", "ssn", "sku", "text", "ending", "ext",
  ]
  /// Long ones after these too.
  private static let wordsBeforeLongCodes: Set<String> = [
    "number", "account", "order", "tracking", "confirmation", "reference", "ticket", "invoice",
    "case", "id", "license", "policy", "patent", "acct", "flight", "bug", "issue",
  ]

  /// "ending in 8876"
  private func endsInContext() -> Bool {
    spoken.context == "in"
      && ["ending in", "ends in", "end in"].contains { spoken.text.hasSuffix($0) }
  }

  /// What multiplies a number after it, "1.2M views", or divides it, "5/day".
  private mutating func readCount(_ numeral: Numeral, _ start: Cursor) {
    var end = cursor
    if let letter = end.take(of: "KMBT"), end.isAtEnd, start.previous != "-",
      isMagnitude(letter, numeral, end)
    {
      let words: [Unicode.Scalar: String] = [
        "K": "thousand", "M": "million", "B": "billion", "T": "trillion",
      ]
      spoken.say(words[letter] ?? "")
      cursor = end
      if let unit = end.unit(), unit.hasGap, unit.name.utf8.count > 1 {
        _ = sayMeasure(unit.names.many, unit)
      }
      return
    }
    end = cursor
    // "10 bn dollars"
    _ = end.take(" ")
    if let letters = end.letters(), ["bn", "mn", "tn"].contains(letters), end.isAtEnd {
      spoken.say(Magnitude.ofMoney(letters) ?? letters)
      cursor = end
      return
    }
    end = cursor
    // "1e6", "6.02E-23"
    if end.take(of: "eE") != nil {
      let isNegative = end.take("-")
      if !isNegative { _ = end.take("+") }
      if let power = end.digits(1...3), end.isAtEnd {
        spoken.say(
          "times ten to the " + (isNegative ? "minus " : "") + NumberWords.cardinal(Int(power) ?? 0)
        )
        cursor = end
      }
    }
    readRate()
  }

  /// "1.2M", "2B users", but "3M" and "apartment 2B".
  private func isMagnitude(
    _ letter: Unicode.Scalar, _ numeral: Numeral, _ end: Cursor
  ) -> Bool {
    let next = end.nextWord() ?? ""
    let isCount =
      end.current == " " && next.utf8.count > 2 && next.allSatisfy(\.isLowercase)
      && (next.hasSuffix("s") || ["people", "children", "men", "women"].contains(next))
    switch letter {
    case "K":
      return numeral.integer.utf8.count < 4 && !Self.wordsAfterKs.contains(next.lowercased())
        && numeral.integer != "4"
    default:
      return numeral.decimals.count == 1 || isCount || end.current == "+"
        || numeral.integer.utf8.count > 1 && letter == "M"
          && !Labels.counted.contains(spoken.context)
    }
  }

  /// "a 10K run", "a 4K screen"
  static let wordsAfterKs: Set<String> = [
    "run", "race", "runs", "races", "runner", "runners", "resolution", "video", "tv", "screen",
    "monitor", "display", "course", "walk", "time", "pace", "gold",
  ]

  /// Five digits after a state's two letters, which may be written "C A" too.
  private func isPostalCode(_ numeral: Numeral, _ start: Cursor) -> Bool {
    guard numeral.integer.utf8.count == 5 else { return false }
    var state = start
    if state.previous == " " { state.position -= 1 }
    if state.previous == "," { state.position -= 1 }
    if state.position < start.position, state.previous?.isCapital ?? false,
      state.peek(-2)?.isCapital ?? false, !(state.peek(-3)?.isWordPart ?? false)
    {
      return true
    }
    let last = Array(spoken.text.utf8.suffix(3))
    let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")
    return last.count == 3 && last[1] == UInt8(ascii: " ") && capitals.contains(last[0])
      && capitals.contains(last[2]) && spoken.lastWord.utf8.count == 1
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

  /// "24/7", "9/11", "a 60-40 split", "the 2022/23 season"
  mutating func readNamedPair() -> Bool {
    var end = cursor
    guard let digits = end.digits(1...4), let first = Int(digits), let sign = end.take(of: "/-"),
      let others = end.digits(1...4), let second = Int(others)
    else { return false }
    var parts = [first, second]
    if parts == [24, 7], end.take(literal: "/365") { parts.append(365) }
    guard end.isAtEnd,
      !(end.peek(1)?.isWordPart ?? false && "/-".unicodeScalars.contains(end.current ?? " "))
    else { return false }
    if sign == "/", (1800..<2100).contains(first),
      second == first + 1 || others.utf8.count == 2 && second == (first + 1) % 100
    {
      let last = second < 10 ? "oh " + NumberWords.cardinal(second) : NumberWords.inPairs(second)
      return say(NumberWords.year(first) + " " + last, .year, upTo: end)
    }
    let isShare = first + second == 100 && first % 5 == 0 && first >= second && second > 0
    guard
      isShare || parts.starts(with: [24, 7]) || parts == [20, 20]
        || sign == "/" && end.nextWord() == "vision"
        || sign == "/" && [[9, 11], [4, 20]].contains(parts)
    else { return false }
    return say(parts.map(NumberWords.inPairs).joined(separator: " "), upTo: end)
  }

  /// "1/2", "2 1/2", "1/2 lb", "10/10"
  mutating func readFraction() -> Bool {
    var end = cursor
    // "9.5/10"
    var rating = cursor
    if let numeral = rating.numeral(), numeral.decimals.count == 1, rating.take("/"),
      let best = rating.digits(1...3), ["5", "10", "100"].contains(best), rating.isAtEnd
    {
      return say(numeral.words + " out of " + NumberWords.cardinal(best), upTo: rating)
    }
    // "31/31/100" and "MIG-25/2" are no fractions.
    guard let first = end.digits(1...9), cursor.previous != "/",
      cursor.previous != "-" || !(cursor.peek(-2)?.isLetter ?? false)
    else { return false }
    var whole: String?
    var top = first
    var spaced = end
    if spaced.take(of: " -") != nil, let second = spaced.digits(1...3), spaced.current == "/",
      first.utf8.count < 5
    {
      whole = first
      top = second
      end = spaced
    }
    guard end.take("/"), let bottom = end.digits(1...9) else { return false }
    var ordinal = end
    let suffix = ordinal.letters()?.lowercased() ?? ""
    if ["th", "st", "nd", "rd", "ths", "nds", "rds"].contains(suffix) { end = ordinal }
    guard end.isAtEnd, end.current != "/" else { return false }
    if whole == nil,
      top == bottom && !["1", "2"].contains(bottom) || ["stars", "points"].contains(end.nextWord())
    {
      return say(NumberWords.cardinal(top) + " out of " + NumberWords.cardinal(bottom), upTo: end)
    }
    let fraction = NumberWords.fraction(top, bottom)
    let words = whole.map { NumberWords.cardinal($0) + " and " + fraction } ?? fraction
    if whole == nil, top == "1", let unit = end.unit(), unit.name == "s" {
      // "1/60 s"
      return say("one \(NumberWords.ordinal(bottom)) of a second", upTo: unit.end)
    }
    if let unit = end.unit(),
      unit.name.utf8.count > 1 || unit.name == "m" || unit.name == "g"
        || unit.name == "c" && unit.hasGap && unit.end.current == ".",
      unit.name != "in" || ["."].contains(unit.end.current) || unit.isAdjective
        || (unit.end.nextWord().map { Self.dimensions.contains($0) } ?? false)
    {
      // "one half pound", "two and one quarter pounds", "a one quarter mile walk"
      let isOne = whole == nil && top.utf8.count < 4 && (Int(top) ?? 0) < (Int(bottom) ?? 0)
      return sayMeasure(
        "\(words) \(isOne || unit.isAdjective ? unit.names.one : unit.names.many)", unit)
    }
    if end.current == "\"" {
      end.position += 1
      let isOne = whole == nil || Units.measured.contains(end.nextWord() ?? "")
      return say(words + (isOne ? " inch" : " inches"), upTo: end)
    }
    return say(words, upTo: end)
  }

  // MARK: Years

  /// "1999" where a year is meant, "1990s", "80s"
  mutating func readYear() -> Bool {
    var end = cursor
    guard let digits = end.digits(2...4), digits.utf8.count != 3, let value = Int(digits),
      !digits.hasPrefix("0")
    else { return false }
    if value >= 1000, value % 10 == 0, end.take(literal: " s"), end.isAtEnd {
      return say(NumberWords.decade(value), .year, upTo: end)
    }
    end = cursor
    _ = end.digits()
    if let plural = end.pluralEnding(), isDecade(value, isApostrophe: end.current == "'", plural) {
      return say(NumberWords.decade(value), .year, upTo: plural)
    }
    // A comma may be a thousands separator or end a clause.
    guard value >= 1000, value < 2100 || spoken.context == "year", end.isAtEnd,
      !(end.current == "," && (end.peek(1)?.isDigit ?? false) && (end.peek(3)?.isDigit ?? false)),
      isYear(value, upTo: end)
    else { return false }
    return say(NumberWords.year(value), .year, upTo: end)
  }

  /// "1990s", "the 80s", "80's", but "wait 30s".
  private func isDecade(_ value: Int, isApostrophe: Bool, _ end: Cursor) -> Bool {
    guard value % 10 == 0, (20..<100).contains(value) || value >= 1000 else { return false }
    if value >= 1000 || isApostrophe || piece == .year { return true }
    let next = end.nextWord()?.lowercased()
    return Self.wordsBeforeDecades.contains(spoken.context)
      || Self.wordsAfterDecades.contains(next ?? "")
      || value >= 50 && spoken.isAtStart && next == nil
  }

  private static let wordsBeforeDecades: Set<String> = [
    "the", "early", "mid", "late", "his", "her", "their", "my", "your", "our", "its", "roaring",
    "swinging", "and", "low", "high", "upper", "lower", "into",
  ]
  private static let wordsAfterDecades: Set<String> = [
    "music", "hits", "kids", "fashion", "movie", "movies", "film", "films", "style", "styles",
    "pop",
    "rock", "show", "shows", "band", "bands", "song", "songs", "night", "party", "vibe", "vibes",
    "child", "era", "throwback", "synth", "disco", "cars", "sitcom", "sitcoms",
  ]

  private func isYear(_ value: Int, upTo end: Cursor) -> Bool {
    if end.current == ".", end.peek(1)?.isDigit ?? false { return false }
    if piece == .operation || end.current.map({ "%°/\"'+*=^".unicodeScalars.contains($0) }) ?? false
    {
      return false
    }
    if end.current == "×" { return false }
    if end.current == " ", "/+*×÷=<>^".unicodeScalars.contains(end.peek(1) ?? " ") { return false }
    let next = end.nextWord()
    if end.unit().map({ $0.name != "in" && $0.name.utf8.count > 1 || $0.name == "m" }) ?? false {
      return false
    }
    let context = spoken.context
    if YearContexts.beforeYears.contains(context) || Calendar.month(spoken.lastWord) != nil {
      return true
    }
    // "Q3 2023"
    if cursor.peek(-3) == "Q", cursor.peek(-2)?.isDigit ?? false, cursor.previous == " " {
      return true
    }
    if piece == .year, value >= 1400, ["", "to", "and", "or"].contains(context) { return true }
    if cursor.previous == "(", end.current.map({ ")-–".unicodeScalars.contains($0) }) ?? false {
      return true
    }
    if next.map({ YearContexts.eras.contains($0) }) ?? false { return true }
    if end.isBeforeDottedEra { return true }
    // "1990-1995", "1914-18", "1939 - 1945", "1990 to 1995"
    var range = end
    _ = range.take(" ")
    let isRange =
      range.take(of: "-–") != nil && (range.take(" ") || true) || range.take(literal: "to ")
    if isRange, value >= 1100, let digits = range.digits(2...4), range.isAtEnd,
      let other = Int(digits),
      digits.utf8.count == 2 ? other > value % 100 : value < other && other < 2100
    {
      return true
    }
    return isLikelyYear(value, next, end)
  }

  /// By itself a number like 1987 is a year where nothing is counted.
  private func isLikelyYear(_ value: Int, _ next: String?, _ end: Cursor) -> Bool {
    guard value >= 1010, value % 100 != 0 || value == 1900 || value == 2000,
      cursor.previous.map({ " ([/".unicodeScalars.contains($0) }) ?? true,
      !(spoken.text.hasSuffix("minus") || spoken.text.hasSuffix("plus")),
      !YearContexts.beforeCounts.contains(spoken.context),
      !Self.wordsBeforeCodes.contains(cursor.wordBefore())
    else { return false }
    guard end.current == " ", let next else { return end.current != "-" }
    if YearContexts.afterYears.contains(next) || next.unicodeScalars.first?.isCapital ?? false {
      return true
    }
    // "the 1987 film", "a 1967 convertible", but "1500 books".
    return ["the", "a", "this", "that", "his", "her", "their", "its", "my"].contains(spoken.context)
      && value >= 1700 && !next.hasSuffix("s")
  }

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

  /// "2Q22", "1H23"
  mutating func readQuarter() -> Bool {
    var end = cursor
    guard let digits = end.digits(1...1), let count = Int(digits), (1...4).contains(count),
      let part = end.take(of: "QH"), part == "Q" || count < 3, let year = end.digits(2...4),
      year.utf8.count != 3, end.isAtEnd, let value = Int(year)
    else { return false }
    let words = NumberWords.ordinal(digits) + (part == "Q" ? " quarter" : " half") + " of "
    let isShort = year.utf8.count == 2
    return say(
      words + (isShort ? NumberWords.cardinal(value) : NumberWords.year(value)), .year, upTo: end)
  }

  // MARK: Numbers that name

  /// "#5", "#swift"
  mutating func readHash() -> Bool {
    guard let next = cursor.peek(1), next.isWordPart else { return false }
    cursor.position += 1
    var number = cursor
    // "#5", but "#100DaysOfCode".
    let isNumber = number.digits() != nil && !(number.current?.isLetter ?? false)
    spoken.sayInstead(isNumber ? "number" : "hashtag")
    piece = .word
    return true
  }
}

extension Cursor {
  /// How many numbers the code here has: one with hyphens, all of whose letters are capitals. 0: it is none.
  fileprivate var numbersInCapitalCode: Int {
    func isPart(_ scalar: Unicode.Scalar?) -> Bool {
      scalar.map { $0.isWordPart || $0 == "-" } ?? false
    }
    var start = self
    while position - start.position < 16, isPart(start.previous) { start.position -= 1 }
    var end = self
    while end.position - position < 16, isPart(end.current) { end.position += 1 }
    let code = text[start.position..<end.position]
    guard code.contains("-"), code.contains(where: \.isCapital),
      !code.contains(where: \.isSmall)
    else { return 0 }
    return code.split { !$0.isDigit }.count
  }

  /// The place after "s" or "'s".
  fileprivate func pluralEnding() -> Cursor? {
    var copy = self
    _ = copy.take("'")
    guard copy.take("s"), copy.isAtEnd else { return nil }
    return copy
  }

  /// " B.C.", " A.D."
  fileprivate var isBeforeDottedEra: Bool {
    var copy = self
    guard copy.take(" ") else { return false }
    return copy.take(literal: "B.C") || copy.take(literal: "A.D")
  }
}
