// SPDX-License-Identifier: MIT

/// Times of day, durations, and what else has a colon: ratios and verses.
extension EnglishReader {
  /// "9:30", "17:45", "10:00am", "5 p.m.", "6.30pm"
  mutating func readTime() -> Bool {
    if readDayBeforeMonth() { return true }
    var end = cursor
    if readMilitaryTime() { return true }
    guard let digits = end.digits(1...2), let hour = Int(digits), hour <= 24 else {
      return readRatio()
    }
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
    if end.current == ".", end.peek(1)?.isDigit ?? false {
      end.position += 1
      let fraction = end.digits() ?? ""
      // "1:23.456" is a lap; after seconds, fractions are no time of day that anybody says.
      if seconds == nil, end.isAtEnd {
        let rest = minute < 10 ? NumberWords.digits(minuteDigits) : NumberWords.cardinal(minute)
        return say(
          "\(NumberWords.cardinal(hour)) \(rest) point \(NumberWords.digits(fraction))", upTo: end)
      }
    }
    guard end.current.map({ !$0.isDigit }) ?? true else { return false }
    let half = end.halfOfDay()
    if half == nil, end.current == "h", end.following().isAtEnd { end.position += 1 }
    guard end.isAtEnd || half != nil || end.current == "Z" || end.zone() != nil else {
      return false
    }
    if Self.wordsAfterRatios.contains(end.nextWord() ?? "") || isAfterRatio { return readRatio() }
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

  /// "at 0930", "0800 hours"
  private mutating func readMilitaryTime() -> Bool {
    var end = cursor
    guard let digits = end.digits(4...4), end.isAtEnd, let value = Int(digits), value < 2400,
      value % 100 < 60
    else { return false }
    let isAfterAt = ["at", "until", "till", "by", "from", "around"].contains(cursor.wordBefore())
    var unit = end
    _ = unit.take(" ")
    let isInHours = ["hours", "hrs"].contains(unit.letters())
    guard isInHours && (isAfterAt || digits.hasPrefix("0")) || isAfterAt && digits.hasPrefix("0")
    else { return false }
    let hour = (digits.hasPrefix("0") ? "zero " : "") + NumberWords.cardinal(value / 100)
    let minute = value % 100
    let rest =
      minute == 0
      ? "hundred"
      : minute < 10 ? "oh \(NumberWords.cardinal(minute))" : NumberWords.cardinal(minute)
    return say(hour + " " + rest, upTo: end)
  }

  static let zones: Set<String> = [
    "est", "edt", "pst", "pdt", "cst", "cdt", "mst", "mdt", "gmt", "utc", "bst", "cet", "et", "pt",
    "ist", "jst",
  ]

  private mutating func sayTime(_ words: String, _ half: String?, upTo end: Cursor) -> Bool {
    _ = say(words + (half.map { " " + $0 } ?? ""), upTo: end)
    if let zone = end.zone() {
      spoken.say(Acronyms.spell(zone.name))
      cursor = zone.end
      return true
    }
    // The full stop of "p.m." may end a sentence besides.
    if half != nil, end.previous == ".", endsSentence(end) { spoken.put(".") }
    return true
  }

  private static let wordsAfterRatios: Set<String> = [
    "ratio", "scale", "odds", "aspect", "dilution", "mixture", "mix", "model", "replica",
  ]

  /// "mix 1:10", "a ratio of 1:20"
  private var isAfterRatio: Bool {
    if spoken.context == "of" {
      return ["ratio of", "scale of", "odds of"].contains { spoken.text.hasSuffix($0) }
    }
    return ["ratio", "mix", "mixed", "scale", "dilute", "diluted", "odds"].contains(spoken.context)
  }

  /// "16:9", "John 3:16", "1 Cor. 13:4-7"
  private mutating func readRatio() -> Bool {
    var end = cursor
    guard let first = end.digits(1...4), end.take(":"), let second = end.digits(1...4), end.isAtEnd,
      end.current != ":"
    else { return false }
    // "ISO 9001:2015"
    if first.utf8.count > 3, let year = Int(second), (1900..<2100).contains(year) {
      return say(NumberWords.cardinal(first) + ", " + NumberWords.year(year), upTo: end)
    }
    let joint = isVerse ? " " : " to "
    return say(NumberWords.cardinal(first) + joint + NumberWords.cardinal(second), upTo: end)
  }

  /// Whether chapter and verse of a book are meant, the first of them or further ones:
  /// "Genesis 1:1–2:3".
  private var isVerse: Bool {
    if Scripture.isBook(spoken.context) { return true }
    guard let previous = cursor.previous, "-–, ".unicodeScalars.contains(previous) else {
      return false
    }
    var place = cursor
    var hasColon = false
    while cursor.position - place.position < 20, let scalar = place.previous,
      scalar.isDigit || ":-–, ".unicodeScalars.contains(scalar)
    {
      hasColon = hasColon || scalar == ":"
      place.position -= 1
    }
    let word = place.wordBefore(over: " .")
    return hasColon && (Scripture.isBook(word) || Scripture.book(word) != nil)
  }

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
      // "1H23" is the half of a year.
      if letters == "H", next.current?.isDigit ?? false { break }
      let name = letters.count == 1 ? letters.lowercased() : letters
      guard let unit = Units.times[name], let order = Units.timeOrder.firstIndex(of: unit),
        order > last, next.isAtEnd || next.current?.isDigit ?? false
      else { break }
      last = order
      isShort = isShort || name.utf8.count == 1
      words.append(numeral.words + " " + unit + (numeral.isOne ? "" : "s"))
      end = next
      // "1h45"
      var minutes = end
      if name == "h", let digits = minutes.digits(2...2), minutes.isAtEnd {
        if numeral.integer.utf8.count > 1 { words = [numeral.words] }
        words.append(
          digits.hasPrefix("0")
            ? "oh " + NumberWords.cardinal(String(digits.dropFirst()))
            : NumberWords.cardinal(digits))
        end = minutes
        break
      }
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
    "is": "Isaiah", "prov": "Proverbs", "eccl": "Ecclesiastes", "isa": "Isaiah", "jer": "Jeremiah",
    "lam": "Lamentations", "ezek": "Ezekiel", "dan": "Daniel", "hos": "Hosea", "mic": "Micah",
    "hab": "Habakkuk", "zech": "Zechariah", "mal": "Malachi", "matt": "Matthew", "mt": "Matthew",
    "mk": "Mark", "lk": "Luke", "jn": "John", "rom": "Romans", "cor": "Corinthians",
    "gal": "Galatians", "eph": "Ephesians", "phil": "Philippians", "col": "Colossians",
    "thess": "Thessalonians", "tim": "Timothy", "tit": "Titus", "philem": "Philemon",
    "heb": "Hebrews", "jas": "James", "pet": "Peter", "rev": "Revelation",
  ]
  private static let names = Set(books.values.map { $0.lowercased() }).union([
    "songs", "solomon", "ruth", "ezra", "esther", "job", "joel", "amos", "obadiah", "jonah",
    "nahum", "zephaniah",
    "haggai", "acts", "jude", "psalms", "surah", "sura", "quran", "qur'an", "koran", "verse",
    "verses",
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
    guard let minutes = copy.digits(2...2), minutes < "60" else { return false }
    var later = copy
    if later.halfOfDay() != nil { return true }
    guard copy.isAtEnd else { return false }
    var start = self
    while start.previous?.isDigit ?? false { start.position -= 1 }
    // "6.30 - 8pm", "6.30 to 8pm"
    _ = later.take(" ")
    if later.take(of: "-–") != nil || later.take(literal: "to ") {
      _ = later.take(" ")
      return later.numeral() != nil && later.halfOfDay() != nil
    }
    return [" in the morning", " in the afternoon", " in the evening"].contains(where: copy.at)
      || start.wordBefore() == "at" && copy.current == " "
        && ["this", "tonight", "tomorrow", "sharp", "on"].contains(copy.nextWord())
      || start.wordBefore() == "the" && copy.current == " "
        && ["train", "bus", "flight", "ferry", "news", "show", "service"].contains(copy.nextWord())
  }

  private func at(_ literal: String) -> Bool {
    var copy = self
    return copy.take(literal: literal)
  }

  /// The zone of a time here, in small letters after a space, or directly after it: "p.m. est",
  /// "11:30EST".
  fileprivate func zone() -> (name: String, end: Cursor)? {
    var copy = self
    let hasGap = copy.take(" ")
    guard let name = copy.letters(),
      EnglishReader.zones.contains(hasGap ? name : name.lowercased()),
      copy.isAtEnd, copy.current != "."
    else { return nil }
    return (name, copy)
  }

  /// "am", "P.M."
  fileprivate mutating func halfOfDay() -> String? {
    var copy = self
    _ = copy.take(" ")
    guard let first = copy.take(of: "apAP") else { return nil }
    let hasStop = copy.take(".")
    guard copy.take(of: "mM") != nil else { return nil }
    if hasStop { _ = copy.take(".") }
    guard copy.isAtEnd || copy.zone() != nil && hasStop else { return nil }
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
