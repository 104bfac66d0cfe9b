// SPDX-License-Identifier: MIT

/// Months and how a date is said.
enum Calendar {
  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  private static let short: [String: Int] = [
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9,
    "oct": 10, "nov": 11, "dec": 12,
  ]
  static let days = [
    "mon": "Monday", "tue": "Tuesday", "tues": "Tuesday", "wed": "Wednesday", "thu": "Thursday",
    "thur": "Thursday", "thurs": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday",
  ]

  /// Names of months and days in small letters, long and short.
  static let wordsInRules =
    months.map { $0.lowercased() } + short.keys + days.keys + days.values.map { $0.lowercased() }

  /// 1…12 for a month's full name, whatever the case.
  static func month(_ name: String) -> Int? {
    months.firstIndex { $0.lowercased() == name.lowercased() }.map { $0 + 1 }
  }

  /// 1…12 for a month's short name.
  static func shortMonth(_ name: String) -> Int? { short[name.lowercased()] }

  static func name(_ month: Int) -> String { months[month - 1] }

  static func isDay(_ word: String) -> Bool { days.values.contains(word) }

  /// "June fourth, twenty twenty-four"; `nil` for a date that is none.
  static func words(month: Int, day: Int, year: Int? = nil) -> String? {
    guard (1...12).contains(month), (1...31).contains(day) else { return nil }
    return "\(name(month)) \(NumberWords.ordinal("\(day)"))"
      + (year.map { ", " + NumberWords.year($0) } ?? "")
  }
}

/// Dates and times.
extension EnglishReader {
  /// "6/4/2024", "2024-06-04", "4.6.2024"; month first where both orders are possible, except with
  /// full stops.
  mutating func readDate() -> Bool {
    var end = cursor
    guard let first = end.digits(1...4), let separator = end.take(of: "/-."),
      let second = end.digits(1...2), end.take(separator), let third = end.digits(1...4),
      end.isAtEnd, let one = Int(first), let two = Int(second), let three = Int(third),
      !(end.current == separator && (end.peek(1)?.isDigit ?? false))
    else { return false }
    var words: String?
    if first.utf8.count == 4, separator != "." {
      words = Calendar.words(month: two, day: three, year: one)
    } else if first.utf8.count <= 2,
      third.utf8.count == 4 || separator == "/" && third.utf8.count == 2
    {
      let year = third.utf8.count == 2 ? three + (three < 70 ? 2000 : 1900) : three
      let dayFirst = separator == "." || one > 12
      words = Calendar.words(month: dayFirst ? two : one, day: dayFirst ? one : two, year: year)
    }
    return words.map { say($0, upTo: end) } ?? false
  }

  /// "June 4, 2024", "June 4th", "Jun. 4"
  mutating func readMonth() -> Bool {
    var end = cursor
    guard cursor.current?.isCapital ?? false, let name = end.letters() else { return false }
    var month = Calendar.month(name)
    if month == nil {
      month = Calendar.shortMonth(name)
      _ = end.take(".")
    }
    guard let month, end.take(" ") else { return false }
    guard let day = end.day() else {
      // "Jan. 2024"
      guard Calendar.month(name) == nil, end.current?.isDigit ?? false else { return false }
      return say(Calendar.name(month), .word, upTo: end)
    }
    guard let words = Calendar.words(month: month, day: day) else { return false }
    var last = end
    let hasComma = last.take(",")
    if last.take(" "), let year = last.digits(4...4).flatMap({ Int($0) }), last.isAtEnd,
      hasComma || (1000..<2100).contains(year), last.current != ":"
    {
      return say(words + ", " + NumberWords.year(year), .year, upTo: last)
    }
    return say(words, upTo: end)
  }

  /// "4 June 2024", from the day on.
  mutating func readDayBeforeMonth() -> Bool {
    var end = cursor
    guard let day = end.day(), end.take(" "), end.current?.isCapital ?? false,
      let name = end.letters(), (1...31).contains(day)
    else { return false }
    var month = Calendar.month(name)
    if month == nil {
      month = Calendar.shortMonth(name)
      if month != nil { _ = end.take(".") }
    }
    guard let month, end.isAtEnd else { return false }
    let article = spoken.context == "the" ? "" : "the "
    var words = article + NumberWords.ordinal("\(day)") + " of " + Calendar.name(month)
    var last = end
    _ = last.take(",")
    if last.take(" "), let year = last.digits(4...4).flatMap({ Int($0) }), last.isAtEnd {
      words += ", " + NumberWords.year(year)
      end = last
    }
    return say(words, .year, upTo: end)
  }

  // MARK: Times

  /// "9:30", "17:45", "10:00am", "5 p.m."
  mutating func readTime() -> Bool {
    if readDayBeforeMonth() { return true }
    var end = cursor
    guard let digits = end.digits(1...2), let hour = Int(digits), hour <= 24 else { return false }
    guard end.take(":") else {
      guard (1...12).contains(hour), let half = end.halfOfDay() else { return false }
      return sayTime(NumberWords.cardinal(hour), half, upTo: end)
    }
    guard let minuteDigits = end.digits(2...2), let minute = Int(minuteDigits), minute < 60 else {
      return readRatio()
    }
    var seconds: String?
    if end.current == ":", end.peek(1)?.isDigit ?? false {
      end.position += 1
      seconds = end.digits(2...2)
      guard seconds != nil else { return false }
    }
    guard end.current.map({ !$0.isDigit }) ?? true else { return false }
    let half = end.halfOfDay()
    guard end.isAtEnd || half != nil else { return false }
    var words = NumberWords.cardinal(hour)
    switch minute {
    case 0:
      if half == nil {
        words += (1...12).contains(hour) && seconds == nil ? " o'clock" : " hundred"
      }
    case ..<10: words += " oh " + NumberWords.cardinal(minute)
    default: words += " " + NumberWords.cardinal(minute)
    }
    if let seconds, let count = Int(seconds) {
      words += " and " + NumberWords.cardinal(count) + (count == 1 ? " second" : " seconds")
    }
    return sayTime(words, half, upTo: end)
  }

  private mutating func sayTime(_ words: String, _ half: String?, upTo end: Cursor) -> Bool {
    guard let half else { return say(words, upTo: end) }
    _ = say(words + " " + half, upTo: end)
    // The full stop of "p.m." may also end a sentence.
    if end.previous == ".", endsSentence(end) { spoken.put(".") }
    return true
  }

  /// "16:9"
  private mutating func readRatio() -> Bool {
    var end = cursor
    guard let first = end.digits(1...4), end.take(":"), let second = end.digits(1...4), end.isAtEnd,
      end.current != ":"
    else { return false }
    return say(NumberWords.cardinal(first) + " to " + NumberWords.cardinal(second), upTo: end)
  }
}

extension Cursor {
  /// "4", "4th"
  fileprivate mutating func day() -> Int? {
    var copy = self
    guard let digits = copy.digits(1...2), let day = Int(digits), (1...31).contains(day) else {
      return nil
    }
    var suffixed = copy
    if let suffix = suffixed.letters(), ["st", "nd", "rd", "th"].contains(suffix.lowercased()) {
      copy = suffixed
    }
    guard copy.isAtEnd, !":/%°".unicodeScalars.contains(copy.current ?? " "),
      !(".,".unicodeScalars.contains(copy.current ?? " ") && copy.peek(1)?.isDigit ?? false)
    else { return nil }
    self = copy
    return day
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
}
