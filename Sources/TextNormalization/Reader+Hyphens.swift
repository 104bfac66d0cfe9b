// SPDX-License-Identifier: MIT

/// What a hyphen or a dash says: "to" in a range, "minus" in arithmetic, a pause, or nothing.
extension EnglishReader {
  private static let farthest = 48
  private static let moments: Set<String> = ["noon", "midnight", "present", "now", "today"]

  mutating func readDash(
    _ sign: Unicode.Scalar, _ previous: Unicode.Scalar, _ next: Unicode.Scalar
  ) {
    let isSpaced = previous == " " && next == " "
    let after = next == " " ? cursor.peek(2) ?? " " : next
    let isNumber =
      after.isDigit || Currency.leading.contains(after)
      || after == "." && (cursor.peek(next == " " ? 3 : 2)?.isDigit ?? false)
    let isEven = (previous == " ") == (next == " ")
    if isNumber || after.isLetter && isEven && isQuantity(next == " " ? 2 : 1), isArithmetic,
      previous == " " || previous.isWordPart || previous == ")"
    {
      spoken.sayInstead("minus")
      piece = .operation
      return
    }
    // "UTC-8"
    if sign != "—", next.isDigit, ["utc", "gmt"].contains(cursor.wordBefore()) {
      spoken.sayInstead("minus")
      piece = .operation
      return
    }
    // "5 - -3"
    if after == "-", isSpaced, piece == .number, cursor.peek(3)?.isDigit ?? false {
      spoken.sayInstead("minus")
      piece = .operation
      return
    }
    if piece != .word, piece != .operation, !spoken.hasMark, isNumber, previous != "-" {
      if isSpaced ? isRange : !isInChain {
        spoken.sayInstead("to")
      } else if isSpaced {
        spoken.put(",")
      }
      return
    }
    // "June 5 - July 7", "2019–present", "noon - 1 pm", "noon-2pm"
    let isOpenRange =
      piece != .word && isBeforeDate(isSpaced ? 2 : 1)
      || isNumber && isSpaced && Self.moments.contains(spoken.context)
      || isNumber && ["noon", "midnight"].contains(spoken.context)
    if !spoken.hasMark, isEven, isOpenRange {
      spoken.sayInstead("to")
      return
    }
    // "x - 3", "a grade of B-"
    if isSpaced && isVariable && (isNumber || after.isSmall && isQuantity(2)) || isGrade(next) {
      spoken.sayInstead("minus")
      piece = .operation
      return
    }
    // "A-Z", "A–F"
    if sign != "—", previous.isCapital, next.isCapital, previous == "A" || next == "Z",
      next.value > previous.value + 1, !(cursor.peek(-2)?.isWordPart ?? false),
      !(cursor.peek(2)?.isWordPart ?? false), cursor.peek(2) != "-"
    {
      spoken.sayInstead("to")
      return
    }
    // "n-1"
    if sign == "-", "ijmnxy".unicodeScalars.contains(previous), next.isDigit,
      !(cursor.peek(-2)?.isWordPart ?? false), cursor.peek(-2) != "-",
      !(cursor.peek(2).map { $0.isWordPart || $0 == "-" } ?? false)
    {
      spoken.sayInstead("minus")
      piece = .operation
      return
    }
    if sign == "-", previous.isWordPart, next.isLetter {
      spoken.join()
    } else if sign == "-", previous.isWordPart, next.isDigit {
      return
    } else if sign != "-" || isSpaced || next == "-" {
      spoken.put(",")
    }
  }

  /// Whether the last word is the name of a quantity.
  private var isVariable: Bool {
    spoken.context.utf8.count == 1 && spoken.lastWord == spoken.context
      && !"ai".contains(spoken.context)
  }

  /// Whether the hyphen belongs to the letter before it: "B-", "AB-".
  private func isGrade(_ next: Unicode.Scalar) -> Bool {
    guard " .,;:!?)\"".unicodeScalars.contains(next), let letter = cursor.previous,
      "ABCDFO".unicodeScalars.contains(letter)
    else { return false }
    return !(cursor.peek(cursor.peek(-2) == "A" ? -3 : -2)?.isWordPart ?? false)
  }

  /// Whether the letter some places on stands by itself.
  private func isQuantity(_ offset: Int) -> Bool {
    !(cursor.peek(offset + 1)?.isLetter ?? false)
      && !(cursor.previous?.isLetter ?? false && (cursor.peek(-2)?.isLetter ?? false))
  }

  /// Whether a calculation goes on here: an equals sign or another sign between numbers is near.
  private var isArithmetic: Bool {
    let text = cursor.text
    func isPart(_ place: Int) -> Bool {
      let scalar = text[place]
      if scalar.isDigit || " .,()^²³/".unicodeScalars.contains(scalar) { return true }
      // A letter by itself is a quantity.
      return scalar.isLetter && !(place > 0 && text[place - 1].isLetter)
        && !(place + 1 < text.count && text[place + 1].isLetter)
    }
    var place = cursor.position + 1
    while place < text.count, place - cursor.position < Self.farthest {
      if "=×÷+*".unicodeScalars.contains(text[place]) { return true }
      guard isPart(place) || text[place] == "-" else { break }
      place += 1
    }
    place = cursor.position - 1
    while place >= 0, cursor.position - place < Self.farthest {
      if "=×÷*".unicodeScalars.contains(text[place]) { return place > 1 }
      // "50+ - 60"
      if text[place] == "+", place > 1, text[place - 1] == " " || text[place + 1].isDigit {
        return true
      }
      guard isPart(place) || text[place] == "-" else { break }
      place -= 1
    }
    return isQuestion
  }

  /// "What is 10 - 4", "calculate 10-4"
  private var isQuestion: Bool {
    var place = cursor.position - 1
    let text = cursor.text
    while place >= 0, cursor.position - place < 16,
      text[place].isDigit || " .,".unicodeScalars.contains(text[place])
    {
      place -= 1
    }
    let end = place + 1
    while place >= 0, end - place < 12,
      text[place].isLetter || text[place] == "'" || text[place] == " "
    {
      place -= 1
    }
    let words = String(text[(place + 1)..<end]).lowercased().split(separator: " ")
    guard let last = words.last else { return false }
    return ["calculate", "compute", "evaluate", "what's", "solve"].contains(last)
      || last == "is" && words.dropLast().last?.hasSuffix("hat") ?? false
  }

  /// Whether a spaced dash stands between the ends of a range.
  private var isRange: Bool {
    var end = cursor
    end.position += 2
    let isMoney = end.current.map { Currency.leading.contains($0) } ?? false
    if isMoney { end.position += 1 }
    guard let right = end.numeral() else { return false }
    if end.current == "/" { return false }
    var suffix = end
    if let letters = suffix.letters()?.lowercased(), ["st", "nd", "rd", "th"].contains(letters) {
      return cursor.peek(-2)?.isLetter ?? false
    }
    guard let left = cursor.numeralBefore() else { return true }
    // "Covid-19 - 5 years later"
    if left.isPartOfWord { return false }
    // "Call 911 - 24 hours a day", "Chapter 3 - 5 ways to cook"
    let label = left.word.lowercased()
    if ["call", "dial", "text", "phone"].contains(label) { return false }
    if Labels.counted.contains(label), end.current == " ", end.peek(1)?.isSmall ?? false {
      return false
    }
    // "won 112 - 98"
    if ["won", "lost", "score", "lead", "led", "win", "drew", "tied", "beat"].contains(label) {
      return true
    }
    guard let first = Int(left.digits), let second = Int(right.integer) else { return true }
    return first < 100 || first < second || isMoney
  }

  /// What has one number of two parts: "Room 3-201", "No. 12-345", "Boeing 747-400".
  private static let numbered: Set<String> = [
    "number", "no", "room", "suite", "unit", "case", "apt", "apartment", "docket", "figure", "fig",
    "table", "gate", "rule", "form", "boeing", "airbus", "model", "catalog", "ticket", "invoice",
    "issn", "issue",
  ]

  /// Whether more hyphens than this, or letters, are in the same run of characters: "x86-64".
  private var isInChain: Bool {
    let text = cursor.text
    if let left = cursor.numeralBefore(), Self.numbered.contains(left.word.lowercased()) {
      return true
    }
    var start = cursor.position
    while start > 0, cursor.position - start < Self.farthest,
      text[start - 1].isWordPart || text[start - 1] == "-"
    {
      start -= 1
    }
    var end = cursor.position + 1
    while end < text.count, end - cursor.position < Self.farthest,
      text[end].isWordPart || text[end] == "-"
    {
      end += 1
    }
    let left = text[start..<cursor.position]
    let right = text[(cursor.position + 1)..<end]
    // "B12-4", but "9 am-5 pm".
    if left.contains("-") || left.first?.isLetter ?? false && left.contains(where: \.isDigit) {
      return true
    }
    if let hyphen = right.firstIndex(of: "-") {
      // "a 10-15-minute walk"
      return
        !(right[..<hyphen].allSatisfy(\.isDigit)
        && right[hyphen...].allSatisfy { $0.isSmall || $0 == "-" })
    }
    // "978-0": scores and years have no such ends.
    return piece != .year && left.count > right.count + 1 && left.allSatisfy(\.isDigit)
      && right.allSatisfy(\.isDigit)
  }

  /// Whether a month's day begins some places on.
  private func isBeforeDate(_ offset: Int) -> Bool {
    var end = cursor
    end.position += offset
    guard let name = end.letters() else { return false }
    if Self.moments.contains(name.lowercased()) { return true }
    guard Calendar.anyMonth(name) != nil else { return false }
    _ = end.take(".")
    return end.take(" ") && end.current?.isDigit ?? false
  }
}

extension Cursor {
  /// The digits before this place or a space here, and the word before them.
  fileprivate func numeralBefore() -> (digits: String, word: String, isPartOfWord: Bool)? {
    var start = self
    if start.previous == " " { start.position -= 1 }
    let end = start.position
    while end - start.position < 12, start.previous?.isDigit ?? false { start.position -= 1 }
    guard start.position < end else { return nil }
    let letter = start.previous == "-" ? start.peek(-2) : start.previous
    return (
      String(text[start.position..<end]), start.wordBefore(over: " ."), letter?.isLetter ?? false
    )
  }
}
