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
    "mon": "Monday", "tue": "Tuesday", "tues": "Tuesday", "wed": "Wednesday", "weds": "Wednesday",
    "thu": "Thursday",
    "thur": "Thursday", "thurs": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday",
  ]

  static let twoLetterDays = [
    "Mo": "Monday", "Tu": "Tuesday", "We": "Wednesday", "Th": "Thursday", "Fr": "Friday",
    "Sa": "Saturday", "Su": "Sunday",
  ]

  /// Names of months and days in small letters, long and short.
  static let wordsInRules =
    months.map { $0.lowercased() } + short.keys + days.keys + days.values.map { $0.lowercased() }

  private static let long = Dictionary(
    uniqueKeysWithValues: months.enumerated().map { ($1.lowercased(), $0 + 1) })

  /// 1…12 for a month's full name, whatever the case.
  static func month(_ name: String) -> Int? { long[name.lowercased()] }

  /// 1…12 for a month's short name.
  static func shortMonth(_ name: String) -> Int? { short[name.lowercased()] }

  static func name(_ month: Int) -> String { months[month - 1] }

  /// 1…12 for a month's full or short name.
  static func anyMonth(_ name: String) -> Int? { month(name) ?? shortMonth(name) }

  /// "Saturday and"
  static func endsInDay(_ text: String) -> Bool {
    for joint in [" and", " or", " to"] where text.hasSuffix(joint) {
      return text.dropLast(joint.utf8.count).hasSuffix("day")
    }
    return false
  }

  /// "January and"
  static func months(endIn text: String) -> Bool {
    [" and", " or"].contains { joint in
      text.hasSuffix(joint)
        && months.contains { month in
          let list = text.dropLast(joint.utf8.count)
          return list.hasSuffix(month) || list.hasSuffix(month + ",")
        }
    }
  }

  static let partsOfDay: Set<String> = ["night", "morning", "afternoon", "evening", "brunch"]

  static func isDay(_ word: String) -> Bool { days.values.contains(word) }

  /// "June fourth, twenty twenty-four"; `nil` for a date that is none.
  static func words(month: Int, day: Int, year: Int? = nil) -> String? {
    guard (1...12).contains(month), (1...31).contains(day) else { return nil }
    return "\(name(month)) \(NumberWords.ordinal("\(day)"))"
      + (year.map { ", " + NumberWords.year($0) } ?? "")
  }
}

/// Dates.
extension EnglishReader {
  /// "6/4/2024", "2024-06-04", "4.6.2024", "2019.03.08"; month first where both orders are possible,
  /// except with full stops.
  mutating func readDate() -> Bool {
    if readShortDate() { return true }
    var end = cursor
    guard let first = end.digits(1...4), let separator = end.take(of: "/-."),
      let second = end.digits(1...2), end.take(separator), let third = end.digits(1...4),
      let one = Int(first), let two = Int(second), let three = Int(third)
    else { return false }
    // "2024-06-04T14:30:00Z"
    var time = end
    let hasTime = first.utf8.count == 4 && time.take("T") && time.current?.isDigit ?? false
    guard hasTime || end.isAtEnd && !(end.current == separator && end.peek(1)?.isDigit ?? false)
    else { return false }
    var words: String?
    if first.utf8.count == 4, separator != "." || second.utf8.count == 2 && third.utf8.count == 2 {
      words = Calendar.words(month: two, day: three, year: one)
    } else if first.utf8.count <= 2,
      third.utf8.count == 4
        || third.utf8.count == 2 && (separator == "/" || separator == "." && one > 12)
    {
      let year = third.utf8.count == 2 ? three + (three < 50 ? 2000 : 1900) : three
      let dayFirst = (separator == "." || one > 12) && two <= 12
      words = Calendar.words(month: dayFirst ? two : one, day: dayFirst ? one : two, year: year)
    }
    guard let words else { return false }
    _ = say(words, .year, upTo: end)
    if hasTime {
      spoken.put(",")
      cursor.position += 1
      if readTime(), cursor.current == "Z", !(cursor.peek(1)?.isWordPart ?? false) {
        spoken.say("U T C")
        cursor.position += 1
      }
    }
    return true
  }

  /// "on 3/14", "Tuesday (3/14)"
  private mutating func readShortDate() -> Bool {
    var end = cursor
    if let range = end.shortDateRange() { return say(range, upTo: end) }
    guard let month = end.digits(1...2).flatMap({ Int($0) }), end.take("/") else { return false }
    // "06/2021"
    var year = end
    if (1...12).contains(month), let value = year.digits(4...4).flatMap({ Int($0) }),
      (1900..<2100).contains(value), year.isAtEnd, year.current != "/"
    {
      return say(Calendar.name(month) + " " + NumberWords.year(value), .year, upTo: year)
    }
    guard let day = end.digits(1...2).flatMap({ Int($0) }), end.isAtEnd, end.current != "/",
      Calendar.isDay(spoken.lastWord) || Self.wordsBeforeShortDates.contains(spoken.context)
        || spoken.text.hasSuffix("eek of")
        || Self.wordsBeforeDates.contains(spoken.context) && day > 12 && day != 16,
      let words = Calendar.words(month: month, day: day)
    else { return false }
    return say(words, upTo: end)
  }

  private static let wordsBeforeShortDates: Set<String> = [
    "on", "due", "dated", "until", "till", "since", "starting", "effective", "expires", "exp",
  ]
  /// After these it may be a fraction too.
  private static let wordsBeforeDates: Set<String> = [
    "by", "before", "after", "from", "through", "thru", "to", "ends", "begins", "starts",
  ]

  /// "June 4, 2024", "June 4th", "Jun. 4", "june 4", "Mar-09-2021", "Jan. 2024"
  mutating func readMonth() -> Bool {
    var end = cursor
    guard let name = end.letters(), let month = Calendar.anyMonth(name) else { return false }
    let isFull = Calendar.month(name) != nil
    if !isFull, end.take("."), name.first?.isUppercase ?? false, isMonthAlone(end) {
      _ = say(Calendar.name(month), .word, upTo: end)
      if endsSentence(end) { spoken.put(".") }
      return true
    }
    guard let separator = end.take(of: " -") else { return false }
    guard let day = end.day(), separator == " " || !(end.current?.isLetter ?? false) else {
      // "Jan. 2024", "Jan '24", "Dec-2019"
      guard !isFull,
        end.peekYear().map({ (1000..<2100).contains($0) })
          ?? (end.current == "'" && end.peek(1)?.isDigit ?? false)
      else { return false }
      return say(Calendar.name(month), .word, upTo: end)
    }
    guard isMonth(name, day, end) || separator == "-",
      let words = Calendar.words(month: month, day: day)
    else { return false }
    return sayDate(words, upTo: end)
  }

  /// "Jan., Feb. and Mar.", "in Nov."
  private func isMonthAlone(_ end: Cursor) -> Bool {
    var next = end
    if next.current == " ", next.peek(1)?.isDigit ?? false { return false }
    return next.take(",") || next.take(literal: " and ") || next.take(literal: " or ")
      || Calendar.month(spoken.lastWord) != nil
      || ["in", "since", "until", "till", "early", "late", "mid", "next", "last", "this", "every"]
        .contains(spoken.context)
      || Calendar.months(endIn: spoken.text)
  }

  /// In small letters "may 5" and "march 10" can be verbs.
  private func isMonth(_ name: String, _ day: Int, _ end: Cursor) -> Bool {
    if name.unicodeScalars.first?.isCapital ?? false { return true }
    guard ["may", "march", "mar"].contains(name) else { return true }
    var year = end
    _ = year.take(",")
    return end.previous?.isLetter ?? false || year.take(" ") && year.peekYear() != nil
      || ["on", "by", "since", "until", "till", "from", "of", "to", "before", "after"]
        .contains(spoken.context)
  }

  /// A month and a day, and the second day of a range or the year.
  private mutating func sayDate(_ words: String, upTo end: Cursor) -> Bool {
    var words = words
    var end = end
    var range = end
    // "June 5-7"
    let isSpaced = range.take(" ")
    if range.take(of: "-–") != nil, !isSpaced || range.take(" "), let last = range.day(),
      range.current != "-"
    {
      words += " to " + NumberWords.ordinal("\(last)")
      end = range
    }
    var year = end
    let hasComma = year.take(",")
    let hasGap = year.take(" ") || !hasComma && year.take(of: "-/") != nil || hasComma
    if hasGap, let value = year.digits(4...4).flatMap({ Int($0) }), year.isAtEnd,
      hasComma || (1000..<2100).contains(value), year.current != ":"
    {
      return say(words + ", " + NumberWords.year(value), .year, upTo: year)
    }
    return say(words, upTo: end)
  }

  /// "4 June 2024", "15-Jan-2020", from the day on.
  mutating func readDayBeforeMonth() -> Bool {
    var end = cursor
    guard let day = end.day(), let separator = end.take(of: " -"),
      let name = end.letters(), let month = Calendar.anyMonth(name)
    else { return false }
    let isFull = Calendar.month(name) != nil
    if !isFull {
      let stop = end
      // A full stop that ends the sentence is not the month's.
      if end.take("."), endsSentence(end) { end = stop }
    }
    guard end.isAtEnd, separator == " " || end.current == "-" else { return false }
    var year = end
    _ = year.take(of: ",-")
    _ = year.take(" ")
    let value = separator == "-" ? year.peekShortYear() ?? year.peekYear() : year.peekYear()
    guard separator == " " || value != nil,
      name.unicodeScalars.first?.isCapital ?? false || value != nil || cursor.hasOrdinalDay
        || !["may", "march", "mar", "sun", "sat"].contains(name)
    else { return false }
    let article = spoken.context == "the" ? "" : "the "
    var words = article + NumberWords.ordinal("\(day)") + " of " + Calendar.name(month)
    if let value {
      words += ", " + NumberWords.year(value)
      _ = year.digits()
      end = year
    }
    return say(words, .year, upTo: end)
  }

  // MARK: Days

  /// Short names that are words or names of their own.
  private static let ambiguousDays: Set<String> = ["Mon", "Wed", "Weds", "Sat", "Sun"]
  private static let wordsBeforeDays: Set<String> = [
    "on", "every", "this", "next", "last", "until", "till", "from", "since", "each", "open",
    "through",
    "thru", "closed",
  ]

  /// "Mon-Fri", "Mon.-Sun.", "Tue", "Monday–Friday", "Jan-Mar"
  mutating func readDay() -> Bool {
    var end = cursor
    guard let first = end.dayOrMonth() else { return false }
    var range = end
    let isSpaced = range.take(" ")
    if range.take(of: "-–—") != nil, !isSpaced || range.take(" "),
      let last = range.dayOrMonth(), last.isDay == first.isDay
    {
      let isShort = range.previous == "."
      _ = say("\(first.name) to \(last.name)", .word, upTo: range)
      if isShort, endsSentence(range) { spoken.put(".") }
      return true
    }
    if first.isDay, end.position - cursor.position == 2 {
      return end.peek(2)?.isDigit ?? false && end.peek(1) == "("
        && say(first.name, .word, upTo: end)
    }
    guard first.isDay, first.isShort else { return false }
    if end.previous == "." {
      // "Sat. night", "Sun., Oct. 5", but "He sat. Then".
      guard
        end.current == "," || Calendar.partsOfDay.contains(end.nextWord() ?? "")
          || Self.wordsBeforeDays.contains(spoken.context)
      else { return false }
      _ = say(first.name, .word, upTo: end)
      if endsSentence(end) { spoken.put(".") }
      return true
    }
    return isDayAlone(end) && say(first.name, .word, upTo: end)
  }

  private func isDayAlone(_ end: Cursor) -> Bool {
    guard let name = end.lettersBefore(), Self.ambiguousDays.contains(name) else { return true }
    if Calendar.isDay(spoken.lastWord) || Calendar.endsInDay(spoken.text) { return true }
    var next = end
    if next.current == ":" { return true }
    let mark = next.take(of: ",/&(")
    _ = next.take(" ")
    if mark != "(", next.take("&") { _ = next.take(" ") }
    if next.take(literal: "and ") || next.take(literal: "or ") {}
    if next.current?.isDigit ?? false { return true }
    var day = next
    if day.dayOrMonth() != nil { return true }
    return Self.wordsBeforeDays.contains(spoken.context)
      && !(mark == nil && end.nextWord()?.unicodeScalars.first?.isCapital ?? false)
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
      !(".,".unicodeScalars.contains(copy.current ?? " ") && copy.peek(1)?.isDigit ?? false
        && !(copy.current == "," && copy.following().peekYear() != nil))
    else { return nil }
    self = copy
    return day
  }

  /// "5/12-5/18": two days of one spelling are no fractions.
  fileprivate mutating func shortDateRange() -> String? {
    var copy = self
    guard let first = copy.monthAndDay(), copy.take(of: "-–") != nil,
      let last = copy.monthAndDay(), copy.isAtEnd, copy.current != "/"
    else { return nil }
    self = copy
    return first + " to " + last
  }

  private mutating func monthAndDay() -> String? {
    guard let month = digits(1...2).flatMap({ Int($0) }), take("/"),
      let day = digits(1...2).flatMap({ Int($0) })
    else { return nil }
    return Calendar.words(month: month, day: day)
  }

  /// Whether letters follow the day's digits: "4th".
  fileprivate var hasOrdinalDay: Bool {
    var copy = self
    return copy.day() != nil && copy.previous?.isLetter ?? false
  }

  /// The four digits here, if they are a year.
  fileprivate func peekYear() -> Int? {
    var copy = self
    guard let digits = copy.digits(4...4), copy.isAtEnd, copy.current != ":" else { return nil }
    return Int(digits)
  }

  /// The two digits here as a year: "15-Jan-24".
  fileprivate func peekShortYear() -> Int? {
    var copy = self
    guard let year = copy.digits(2...2).flatMap({ Int($0) }), copy.isAtEnd else { return nil }
    return year + (year < 50 ? 2000 : 1900)
  }

  /// "Mon", "Tue.", "Friday", "Jan", "March"
  fileprivate mutating func dayOrMonth() -> (name: String, isDay: Bool, isShort: Bool)? {
    var copy = self
    guard current?.isCapital ?? false, let letters = copy.letters(),
      letters.dropFirst().allSatisfy(\.isLowercase)
    else { return nil }
    let key = letters.lowercased()
    var found: (name: String, isDay: Bool, isShort: Bool)?
    if let day = Calendar.days[key] ?? Calendar.twoLetterDays[letters] {
      found = (day, true, true)
    } else if Calendar.isDay(letters) {
      found = (letters, true, false)
    } else if let month = Calendar.anyMonth(key) {
      found = (Calendar.name(month), false, Calendar.month(key) == nil)
    }
    guard let found, copy.isAtEnd else { return nil }
    if found.isShort { _ = copy.take(".") }
    guard copy.current != "'" else { return nil }
    self = copy
    return found
  }

  /// The letters before this place.
  fileprivate func lettersBefore() -> String? {
    var start = position
    while start > 0, text[start - 1].isLetter { start -= 1 }
    return start < position ? String(text[start..<position]) : nil
  }
}
