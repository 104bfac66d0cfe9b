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
    // "June 5 - July 7", "2019 - present", "noon - 1 pm"
    let isOpenRange =
      piece != .word && isBeforeDate || Self.moments.contains(spoken.context) && isNumber
    if !spoken.hasMark, isSpaced, isOpenRange {
      spoken.sayInstead("to")
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
    // "Call 911 - 24 hours a day", "Chapter 3 - 5 ways to cook"
    let label = left.word.lowercased()
    if ["call", "dial", "text", "phone"].contains(label) { return false }
    if Labels.counted.contains(label), end.current == " ", end.peek(1)?.isSmall ?? false {
      return false
    }
    guard let first = Int(left.digits), let second = Int(right.integer) else { return true }
    return first < 100 || first < second || isMoney
  }

  /// Whether more hyphens than this, or letters, are in the same run of characters: "x86-64".
  private var isInChain: Bool {
    let text = cursor.text
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
    if left.contains("-") || left.first?.isLetter ?? false { return true }
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

  /// Whether a month's day follows the dash.
  private var isBeforeDate: Bool {
    var end = cursor
    end.position += 2
    guard let name = end.letters() else { return false }
    if Self.moments.contains(name.lowercased()) { return true }
    guard Calendar.anyMonth(name) != nil else { return false }
    _ = end.take(".")
    return end.take(" ") && end.current?.isDigit ?? false
  }
}

extension Cursor {
  /// The digits before a space at this place, and the word before them.
  fileprivate func numeralBefore() -> (digits: String, word: String)? {
    var start = position - 1
    let end = start
    while start > 0, end - start < 12, text[start - 1].isDigit { start -= 1 }
    guard start < end else { return nil }
    var word = start
    if word > 0, text[word - 1] == " " { word -= 1 }
    let last = word
    while word > 0, last - word < 16, text[word - 1].isLetter { word -= 1 }
    return (String(text[start..<end]), String(text[word..<last]))
  }
}
