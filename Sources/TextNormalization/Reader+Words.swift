// SPDX-License-Identifier: MIT

/// Words, and what signs between them say.
extension EnglishReader {
  /// A word as it is, unless it is in capitals.
  mutating func readWord() {
    let isInWord = cursor.previous?.isWordPart ?? false
    let followsAnd = cursor.previous == "&"
    let isShouted = isInShoutedSentence()
    guard let word = cursor.word() else {
      cursor.position += 1
      return
    }
    // "1990 to 1995": the second is a year too.
    if !(piece == .year && ["to", "and", "or"].contains(word)) { piece = .word }
    if !isInWord, let number = romanNumeral(word) { return spoken.sayInstead(number) }
    if word.utf8.count == 1, "ACDFG".contains(word), cursor.take("#") {
      return spoken.sayInstead(word + " sharp")
    }
    let (stem, ending) = Self.stem(word)
    let isInCapitals =
      stem.utf8.count > 1 && stem.unicodeScalars.allSatisfy { $0.isCapital || $0 == "'" }
    guard isInCapitals else {
      spoken.say(word)
      return
    }
    // "AT&T"
    let isSpelled = stem.utf8.count == 2 && (followsAnd || cursor.current == "&")
    let words = isSpelled ? Acronyms.spell(stem) : Acronyms.spoken(stem, isShouted: isShouted)
    // Spelled letters and names stay separate; ordinary words keep their hyphens.
    if words == stem.lowercased() {
      spoken.say((spoken.isAtStart ? Self.capitalized(words) : words) + ending)
    } else {
      // "C E O's", but "Gifs".
      spoken.sayInstead(
        words + (words.contains(" ") || word.contains("'") ? ending : ending.filter(\.isLetter)))
    }
  }

  private static func capitalized(_ words: String) -> String {
    words.prefix(1).uppercased() + words.dropFirst()
  }

  /// "CEOs" and "FBI's" without their ending.
  private static func stem(_ word: String) -> (stem: String, ending: String) {
    if word.hasSuffix("'s") { return (String(word.dropLast(2)), "'s") }
    if word.utf8.count > 2, word.hasSuffix("s"), word.dropLast().allSatisfy(\.isUppercase) {
      return (String(word.dropLast()), "'s")
    }
    return (word, "")
  }

  private mutating func isInShoutedSentence() -> Bool {
    while let first = shouted.first, first.upperBound <= cursor.position {
      shouted = shouted.dropFirst()
    }
    return shouted.first?.contains(cursor.position) ?? false
  }

  // MARK: Roman numerals

  private static let counted: Set<String> = [
    "chapter", "part", "book", "volume", "act", "scene", "section", "article", "war", "figure",
    "appendix", "type", "phase", "level", "stage", "bowl", "title", "canto", "unit", "mark",
    "class",
  ]
  private static let rulers: Set<String> = [
    "king", "queen", "pope", "emperor", "henry", "louis", "george", "charles", "elizabeth",
    "edward",
    "james", "john", "paul", "richard", "william", "philip", "pius", "benedict", "leo", "alexander",
    "napoleon", "peter", "catherine", "frederick", "francis", "nicholas", "gregory", "clement",
    "innocent", "urban", "mary", "ramses", "ramesses", "ptolemy", "darius", "xerxes", "ivan",
  ]
  /// Numerals that are hardly anything else.
  private static let unmistakable: Set<String> = ["II", "III", "VII", "VIII", "XII", "XIII", "XIV"]

  /// "Chapter IV", "Henry VIII", "Rocky II"
  private func romanNumeral(_ word: String) -> String? {
    guard !spoken.context.isEmpty, spoken.lastWord.unicodeScalars.first?.isCapital ?? false,
      let value = NumberWords.roman(word)
    else { return nil }
    if Self.counted.contains(spoken.context) { return NumberWords.cardinal(value) }
    if Self.rulers.contains(spoken.context), word != "I" {
      return "the " + NumberWords.ordinal("\(value)")
    }
    return Self.unmistakable.contains(word) ? NumberWords.cardinal(value) : nil
  }

  // MARK: Signs

  /// Says or drops a character that is no letter and no digit.
  mutating func readSign(_ sign: Unicode.Scalar) {
    let previous = cursor.previous ?? " "
    let next = cursor.peek(1) ?? " "
    defer { cursor.position += 1 }
    switch sign {
    case " ": break
    case ",", "!", "?": spoken.put(Character(sign))
    case ":", ";":
      // A face is silent.
      if "-)(".unicodeScalars.contains(next), !previous.isWordPart { break }
      spoken.put(Character(sign))
    case ".": readFullStops()
    case "-", "–", "—": readDash(sign, previous, next)
    case "(", ")", "[", "]", "{", "}", "|": spoken.put(",")
    case "/":
      if previous == " ", next == " ", isBetweenNumbers { return say("divided by") }
      guard previous.isLetter, next.isLetter else { break }
      var after = cursor.following()
      let words = (spoken.context, after.letters() ?? "")
      if words != ("and", "or"), words.0.utf8.count > 1, words.1.utf8.count > 1,
        words.1.unicodeScalars.allSatisfy({ $0.isSmall })
      {
        say("or")
      }
    case "&": say("and")
    case "@": say("at")
    case "%": say("percent")
    case "+":
      if previous.isWordPart || previous == "+" || next.isWordPart || next == " " && piece != .word
      {
        say("plus")
      }
    case "=": say("equals")
    case "<": if isBetweenNumbers { say("is less than") }
    case ">": if isBetweenNumbers { say("is greater than") }
    case "~": if next.isDigit || next == "$" { say("about") }
    case "*": if isBetweenNumbers { say("times") }
    case "×": say("times")
    case "÷": say("divided by")
    case "±": say("plus or minus")
    case "°": say("degrees")
    case "²": say("squared")
    case "³": say("cubed")
    case "^": if previous.isWordPart, next.isWordPart { say("to the power of") }
    case "¢": say("cents")
    default: break
    }
  }

  private mutating func say(_ words: String) {
    spoken.sayInstead(words)
    piece = .word
  }

  private var isBetweenNumbers: Bool {
    var after = cursor.following()
    _ = after.take(" ")
    return piece != .word && !spoken.hasMark && after.current?.isDigit ?? false
  }

  /// One full stop ends a sentence. More of them end one only before a capital.
  private mutating func readFullStops() {
    var end = cursor
    var count = 0
    while end.take(".") { count += 1 }
    if count > 1 {
      cursor.position += count - 1
      while end.take(of: " \"'") != nil {}
      spoken.put(end.current?.isSmall ?? false ? "," : ".")
    } else {
      spoken.put(".")
    }
  }

  /// A hyphen joins words; between numbers it is "to"; a dash is a pause.
  private mutating func readDash(
    _ sign: Unicode.Scalar, _ previous: Unicode.Scalar, _ next: Unicode.Scalar
  ) {
    let isSpaced = previous == " " && next == " "
    let after = isSpaced ? cursor.peek(2) ?? " " : next
    let isNumber = after.isDigit || "$€£¥₹".unicodeScalars.contains(after)
    if piece != .word, !spoken.hasMark, isNumber, previous != "-" {
      let isDifference = isSpaced && sign == "-"
      spoken.sayInstead(isDifference ? "minus" : "to")
      if isDifference { piece = .word }
      return
    }
    if sign == "-", previous.isWordPart, next.isLetter {
      spoken.join()
    } else if sign == "-", previous.isWordPart, next.isDigit {
      return
    } else if sign != "-" || previous == " " && next == " " || next == "-" {
      spoken.put(",")
    }
  }
}

extension Cursor {
  /// The place after the current character.
  func following() -> Cursor {
    var copy = self
    copy.position += 1
    return copy
  }
}
