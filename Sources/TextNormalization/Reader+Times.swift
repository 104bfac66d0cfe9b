// SPDX-License-Identifier: MIT

/// Times of day, durations, and what else has a colon: ratios and verses.
extension EnglishReader {
  /// "9:30", "17:45", "10:00am", "5 p.m.", "6.30pm"
  mutating func readTime() -> Bool {
    if readDayBeforeMonth() { return true }
    var end = cursor
    guard let digits = end.digits(1...2), let hour = Int(digits), hour <= 24 else { return false }
    guard end.current == ":" || end.current == "." && end.isDottedTime else {
      guard (1...12).contains(hour), let half = end.halfOfDay() else { return false }
      return sayTime(NumberWords.cardinal(hour), half, upTo: end)
    }
    end.position += 1
    guard let minuteDigits = end.digits(2...2), let minute = Int(minuteDigits), minute < 60,
      !isVerse
    else { return readRatio() }
    var seconds: String?
    if end.current == ":", end.peek(1)?.isDigit ?? false {
      end.position += 1
      seconds = end.digits(2...2)
      guard seconds != nil else { return false }
    }
    if seconds != nil, end.current == ".", end.peek(1)?.isDigit ?? false {
      // Fractions of a second are no time of day that anybody says.
      end.position += 1
      _ = end.digits()
    }
    guard end.current.map({ !$0.isDigit }) ?? true else { return false }
    let half = end.halfOfDay()
    guard end.isAtEnd || half != nil || end.current == "Z" else { return false }
    // "2 May 2000 15:56": the year and the hour would be one number.
    if piece == .year, !spoken.context.isEmpty, !["to", "and", "or"].contains(spoken.context) {
      spoken.put(",")
    }
    var words = NumberWords.cardinal(hour)
    switch minute {
    case 0:
      if half == nil {
        words += (1...12).contains(hour) && seconds == nil ? " o'clock" : " hundred"
      }
    case ..<10: words += " oh " + NumberWords.cardinal(minute)
    default: words += " " + NumberWords.cardinal(minute)
    }
    if let seconds, let count = Int(seconds), count > 0 || half == nil {
      words += " and " + NumberWords.cardinal(count) + (count == 1 ? " second" : " seconds")
    }
    return sayTime(words, half, upTo: end)
  }

  static let zones: Set<String> = [
    "est", "edt", "pst", "pdt", "cst", "cdt", "mst", "mdt", "gmt", "utc", "bst", "cet", "et", "pt",
    "ist", "jst",
  ]

  private mutating func sayTime(_ words: String, _ half: String?, upTo end: Cursor) -> Bool {
    _ = say(words + (half.map { " " + $0 } ?? ""), upTo: end)
    var zone = end
    if zone.take(" "), let name = zone.letters(), Self.zones.contains(name), zone.isAtEnd,
      zone.current != "."
    {
      spoken.say(Acronyms.spell(name))
      cursor = zone
      return true
    }
    // The full stop of "p.m." may end a sentence besides.
    if half != nil, end.previous == ".", endsSentence(end) { spoken.put(".") }
    return true
  }

  /// "16:9", "John 3:16", "1 Cor. 13:4-7"
  private mutating func readRatio() -> Bool {
    var end = cursor
    guard let first = end.digits(1...4), end.take(":"), let second = end.digits(1...4), end.isAtEnd,
      end.current != ":"
    else { return false }
    let joint = isVerse ? " " : " to "
    return say(NumberWords.cardinal(first) + joint + NumberWords.cardinal(second), upTo: end)
  }

  /// Whether chapter and verse of a book are meant.
  private var isVerse: Bool { Scripture.isBook(spoken.context) }

  /// "1 Cor. 13:4": the first of two letters.
  mutating func readBookNumber() -> Bool {
    var end = cursor
    guard let number = end.take(of: "123"), end.current == " " else { return false }
    var name = end.following()
    guard let book = name.letters(), name.isBeforeVerse(),
      Scripture.book(book) != nil || Scripture.isBook(book.lowercased())
    else { return false }
    return say(NumberWords.ordinal(String(number)), .word, upTo: end)
  }

  // MARK: Durations

  /// "1h 20m", "2h30m", "1hr 5 min", "30s"
  mutating func readDuration() -> Bool {
    var end = cursor
    var words: [String] = []
    var last = -1
    var isShort = false
    while words.count < 5 {
      var next = end
      if !words.isEmpty {
        _ = next.take(",")
        _ = next.take(" ")
        if next.take(literal: "and ") {}
      }
      guard let numeral = next.numeral(), numeral.decimals.count < 2 else { break }
      if next.current == " ", next.peek(2)?.isLetter ?? false { next.position += 1 }
      guard let letters = next.letters() else { break }
      let name = letters.count == 1 ? letters.lowercased() : letters
      guard let unit = Units.times[name], let order = Units.timeOrder.firstIndex(of: unit),
        order > last, next.isAtEnd || next.current?.isDigit ?? false
      else { break }
      last = order
      isShort = isShort || name.utf8.count == 1
      words.append(numeral.words + " " + unit + (numeral.isOne ? "" : "s"))
      end = next
    }
    guard words.count > 1, end.isAtEnd else { return false }
    if end.current == ".", !endsSentence(end.following()), !isShort { end.position += 1 }
    return say(words.joined(separator: " "), upTo: end)
  }
}

/// The books that chapters and verses are read from.
enum Scripture {
  private static let books: [String: String] = [
    "gen": "Genesis", "ex": "Exodus", "exod": "Exodus", "lev": "Leviticus", "num": "Numbers",
    "deut": "Deuteronomy", "josh": "Joshua", "judg": "Judges", "sam": "Samuel", "kgs": "Kings",
    "chron": "Chronicles", "chr": "Chronicles", "neh": "Nehemiah", "ps": "Psalm", "pss": "Psalms",
    "prov": "Proverbs", "eccl": "Ecclesiastes", "isa": "Isaiah", "jer": "Jeremiah",
    "lam": "Lamentations", "ezek": "Ezekiel", "dan": "Daniel", "hos": "Hosea", "mic": "Micah",
    "hab": "Habakkuk", "zech": "Zechariah", "mal": "Malachi", "matt": "Matthew", "mt": "Matthew",
    "mk": "Mark", "lk": "Luke", "jn": "John", "rom": "Romans", "cor": "Corinthians",
    "gal": "Galatians", "eph": "Ephesians", "phil": "Philippians", "col": "Colossians",
    "thess": "Thessalonians", "tim": "Timothy", "tit": "Titus", "philem": "Philemon",
    "heb": "Hebrews", "jas": "James", "pet": "Peter", "rev": "Revelation",
  ]
  private static let names = Set(books.values.map { $0.lowercased() }).union([
    "ruth", "ezra", "esther", "job", "joel", "amos", "obadiah", "jonah", "nahum", "zephaniah",
    "haggai", "acts", "jude", "psalms", "surah", "sura", "quran", "verse", "verses",
  ])

  static func isBook(_ word: String) -> Bool { names.contains(word) }

  /// The name of a book for its short form, where chapter and verse follow.
  static func book(_ short: String) -> String? { books[short.lowercased()] }
}

extension Cursor {
  /// Whether two digits after a full stop are minutes: "6.30pm".
  fileprivate var isDottedTime: Bool {
    var copy = self
    copy.position += 1
    guard copy.digits(2...2) != nil else { return false }
    return copy.halfOfDay() != nil
      || ["morning", "afternoon", "evening"].contains { copy.at(" in the " + $0) }
  }

  private func at(_ literal: String) -> Bool {
    var copy = self
    return copy.take(literal: literal)
  }

  /// "am", "P.M."
  fileprivate mutating func halfOfDay() -> String? {
    var copy = self
    _ = copy.take(" ")
    guard let first = copy.take(of: "apAP") else { return nil }
    let hasStop = copy.take(".")
    guard copy.take(of: "mM") != nil else { return nil }
    if hasStop { _ = copy.take(".") }
    guard copy.isAtEnd else { return nil }
    self = copy
    return first == "a" || first == "A" ? "A M" : "P M"
  }

  /// "13:4" and more verses, after a space.
  func isBeforeVerse() -> Bool {
    var copy = self
    _ = copy.take(".")
    guard copy.take(" "), copy.digits(1...3) != nil, copy.take(":") else { return false }
    return copy.current?.isDigit ?? false
  }
}
