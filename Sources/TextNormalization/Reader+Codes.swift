// SPDX-License-Identifier: MIT

/// Numbers that are read digit by digit, or in groups: telephones, cards, postal codes.
extension EnglishReader {
  private static let wordsBeforeRanges: Set<String> = [
    "pages", "lines", "from", "between", "of", "items", "chapters", "verses", "rooms",
  ]

  /// "(415) 555-0199", "415-555-0199", "+44 20 7946 0958", "555-0199", "9-1-1", "123-45-6789",
  /// "4000 1234 5678 9010", "89501-1234", "978-1-23-456789-7"
  mutating func readPhoneNumber() -> Bool {
    if readVanityNumber() { return true }
    var end = cursor
    let isInternational = end.take("+")
    var groups: [String] = []
    if end.take("(") {
      guard let area = end.digits(2...5), end.take(")") else { return false }
      _ = end.take(of: " -")
      groups.append(area)
    }
    var separators: Set<Unicode.Scalar> = []
    while groups.count < 8, let group = end.digits(1...12) {
      groups.append(group)
      var next = end
      if let separator = next.take(of: " -.") {
        if next.take("(") || next.current?.isDigit ?? false { separators.insert(separator) }
      } else if !next.take("(") {
        break
      }
      if next.previous == "(" {
        // "+44 (0)20" too.
        guard groups.count == 1, let area = next.digits(1...4), next.take(")") else { break }
        groups.append(area)
        _ = next.take(of: " -.")
      }
      guard next.current?.isDigit ?? false else { break }
      end = next
    }
    guard end.isAtEnd, !"/%=".unicodeScalars.contains(end.current ?? " "),
      !(".:,".unicodeScalars.contains(end.current ?? " ") && end.peek(1)?.isDigit ?? false),
      !(end.current == "-" && (end.peek(1)?.isWordPart ?? false)),
      let words = words(groups, separators, isInternational)
    else { return false }
    var number = (isInternational ? "plus " : "") + words
    var extent = end
    if extent.take(literal: " x"), let digits = extent.digits(1...5), extent.isAtEnd {
      number += ", extension " + NumberWords.digits(digits)
      end = extent
    }
    return say(number, upTo: end)
  }

  /// The groups of a code as they are said; `nil` where they are none.
  private func words(
    _ groups: [String], _ separators: Set<Unicode.Scalar>, _ isInternational: Bool
  ) -> String? {
    let lengths = groups.map(\.utf8.count)
    let count = lengths.reduce(0, +)
    let hasArea = cursor.current == "("
    let isCode =
      switch lengths {
      case [3, 3, 4], [1, 3, 3, 4], [4, 4, 4, 4]: separators.count <= 2
      // American Express.
      case [4, 6, 5]: separators.count == 1
      case [4, 4]: cursor.wordBefore() == "issn"
      case [3, 4]:
        hasArea || separators == ["-"] && !Self.wordsBeforeRanges.contains(spoken.context)
      // A postal code with its four more digits.
      case [5, 4]: separators == ["-"]
      default:
        isInternational && count >= 7 && lengths.count > 1
          || hasArea && lengths.count > 1 && count >= 7
          || separators == ["-"] && lengths.count > 2 && !isDate(lengths, groups[0])
          || (9...15).contains(count) && lengths.count > 1 && groups[0].hasPrefix("0")
            && !separators.contains(".")
      }
    guard isCode else { return nil }
    // Single digits with hyphens are one group; pairs count down.
    let separator = lengths.allSatisfy { $0 == 1 } ? " " : ", "
    let isCountdown =
      !isInternational && lengths.allSatisfy { $0 <= 2 } && !groups.contains { $0.hasPrefix("0") }
    return groups.map { isCountdown ? NumberWords.cardinal($0) : NumberWords.digits($0) }
      .joined(separator: separator)
  }

  private func isDate(_ lengths: [Int], _ first: String) -> Bool {
    guard lengths.count == 3 else { return false }
    // "1998-3-4"
    let hasYear = lengths[0] == 4 && (first.hasPrefix("19") || first.hasPrefix("20"))
    return lengths == [4, 2, 2] || hasYear && lengths[1] <= 2 && lengths[2] <= 2
      || lengths[2] == 4 && lengths[0] <= 2 && lengths[1] <= 2
  }

  /// "1-800-FLOWERS", "1-800-GO-U-HAUL", "555-HELP"
  private mutating func readVanityNumber() -> Bool {
    var end = cursor
    var words: [String] = []
    if end.take("1") {
      guard end.take(of: "- ") != nil else { return false }
      words.append("one")
    }
    let hasParenthesis = end.take("(")
    guard let area = end.digits(3...3), ["8", "9"].contains(area.first) || area == "555" else {
      return false
    }
    if hasParenthesis, !end.take(")") { return false }
    words.append(area.hasSuffix("00") ? NumberWords.cardinal(area) : NumberWords.digits(area))
    var letterCount = 0
    while let separator = end.take(of: "- "), letterCount < 12 {
      if let letters = end.letters() {
        guard letters.allSatisfy(\.isUppercase) else { return false }
        // They stand for words.
        words.append(
          letters.utf8.count == 1 ? letters : Acronyms.spoken(letters, isShouted: true))
        letterCount += letters.utf8.count
      } else if let digits = end.digits(1...4) {
        words.append(
          digits.utf8.count == 1 ? NumberWords.cardinal(digits) : NumberWords.digits(digits))
      } else {
        end.position -= 1
        break
      }
      if separator == " " { break }
    }
    guard letterCount >= 3, end.isAtEnd else { return false }
    return say(words.joined(separator: " "), upTo: end)
  }

  /// "401(k)", "501(c)(3)", "a 401k"
  mutating func readSubsection() -> Bool {
    var end = cursor
    for plan in ["401k", "403b"] {
      var short = cursor
      guard short.take(literal: plan) else { continue }
      let isPlural = short.take("s") || short.take(literal: "'s")
      guard short.isAtEnd else { continue }
      let words = NumberWords.inPairs(Int(plan.dropLast()) ?? 0) + " \(plan.suffix(1).uppercased())"
      return say(words + (isPlural ? "'s" : ""), upTo: short)
    }
    guard let number = end.digits(1...4), end.current == "(" else { return false }
    var words = Int(number).map(NumberWords.inPairs) ?? ""
    var count = 0
    while count < 4, end.current == "(" {
      var part = end
      part.position += 1
      if let letters = part.letters(), letters.utf8.count == 1, part.take(")") {
        words += " " + letters.uppercased()
      } else if count > 0, let digits = part.digits(1...2), part.take(")") {
        words += " " + NumberWords.cardinal(digits)
      } else {
        break
      }
      end = part
      count += 1
    }
    guard count > 0 else { return false }
    // "401(k)s"
    if end.current == "s", end.following().isAtEnd {
      end.position += 1
      words += "'s"
    }
    return end.isAtEnd && say(words, upTo: end)
  }

  /// "S01E05"
  mutating func readEpisode() -> Bool {
    var end = cursor
    guard end.take(of: "sS") != nil, let season = end.digits(1...2), end.take(of: "eE") != nil,
      let episode = end.digits(1...3), end.isAtEnd
    else { return false }
    func number(_ digits: String) -> String { NumberWords.cardinal(Int(digits) ?? 0) }
    return say("season \(number(season)) episode \(number(episode))", upTo: end)
  }

  /// "Se7en", "Numb3rs": a digit that looks like a letter, in a name that is a word besides.
  mutating func readDigitInName() -> Bool {
    var end = cursor
    guard let first = end.current, first.isCapital, let head = end.letters(),
      (2...5).contains(head.utf8.count), head.dropFirst().allSatisfy(\.isLowercase),
      let digit = end.take(of: "01357"), let tail = end.letters(),
      (2...4).contains(tail.utf8.count), tail.allSatisfy(\.isLowercase), end.isAtEnd
    else { return false }
    func isVowel(_ letter: Character?) -> Bool { letter.map { "aeiou".contains($0) } ?? false }
    let letters: [Unicode.Scalar: String] = [
      "0": "o", "1": "i", "3": "e", "5": "s",
      "7": isVowel(head.last) && isVowel(tail.first) ? "v" : "t",
    ]
    // A vowel beside a vowel is none: "Web3authn", "Data1um".
    let letter = letters[digit] ?? ""
    if isVowel(letter.first), isVowel(head.last) || isVowel(tail.first) { return false }
    return say(head + letter + tail, .word, upTo: end)
  }

  /// "0xFF", "0x1F"
  mutating func readHexadecimal() -> Bool {
    var end = cursor
    guard end.take(literal: "0x") else { return false }
    let start = end.position
    while end.position - start < 17, let digit = end.current, digit.properties.isASCIIHexDigit {
      end.position += 1
    }
    guard end.position > start, end.isAtEnd else { return false }
    let digits = cursor.text[start..<end.position].map { digit in
      digit.isDigit ? NumberWords.digits(String(digit)) : String(digit).uppercased()
    }
    return say("zero X " + digits.joined(separator: " "), upTo: end)
  }

  /// "1080p", "720p60"
  mutating func readResolution() -> Bool {
    var end = cursor
    guard let lines = end.digits(3...4).flatMap({ Int($0) }), Self.resolutions.contains(lines),
      let scan = end.take(of: "pi")
    else { return false }
    let rate = end.digits(2...3).map { " " + NumberWords.cardinal($0) } ?? ""
    guard end.isAtEnd else { return false }
    return say(NumberWords.inPairs(lines) + " " + String(scan).uppercased() + rate, upTo: end)
  }

  private static let resolutions: Set<Int> = [240, 360, 480, 576, 720, 1080, 1440, 2160, 4320]

  /// "B-52s", "two 747s", "MP3s", "100s of cats"
  mutating func readPluralCode() -> Bool {
    var end = cursor
    for (round, words) in [
      ("1,000s of", "thousands"), ("1000s of", "thousands"), ("100s of", "hundreds"),
    ] {
      if end.take(literal: round) {
        end.position -= 3
        return say(words, upTo: end)
      }
    }
    guard let digits = end.digits(1...4), let value = Int(digits), end.take("s"), end.isAtEnd,
      cursor.previous?.isCapital ?? false
        || cursor.previous == "-" && cursor.peek(-2)?.isCapital ?? false
        || digits.utf8.count == 3
          && (spoken.lastWord.first?.isUppercase ?? false
            || ["two", "three", "the", "these", "those", "some", "several"].contains(spoken.context))
    else { return false }
    let words = digits.utf8.count == 3 ? NumberWords.inPairs(value) : NumberWords.cardinal(digits)
    return say(NumberWords.plural(words), upTo: end)
  }

  /// "127.0.0.1", and ":8080" after it
  mutating func readInternetAddress() -> Bool {
    var end = cursor
    var parts: [String] = []
    while parts.count < 4, let part = end.digits(1...3) {
      parts.append(part)
      if parts.count < 4, !(end.current == "." && (end.peek(1)?.isDigit ?? false)) { return false }
      if parts.count < 4 { end.position += 1 }
    }
    guard parts.count == 4, end.isAtEnd, !(end.current == "." && (end.peek(1)?.isDigit ?? false))
    else { return false }
    var words = parts.map(NumberWords.digits).joined(separator: " dot ")
    var port = end
    if port.take(":"), let digits = port.digits(1...5), port.isAtEnd {
      words += " colon " + Addresses.port(digits)
      end = port
    }
    var mask = end
    if mask.take("/"), let digits = mask.digits(1...2), mask.isAtEnd {
      words += " slash " + NumberWords.cardinal(digits)
      end = mask
    }
    return say(words, upTo: end)
  }
}
