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
    if isShouted, word == "A" { return spoken.say(spoken.isAtStart ? "A" : "a") }
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

  private static let rulers: Set<String> = [
    "king", "queen", "pope", "emperor", "henry", "louis", "george", "charles", "elizabeth",
    "edward", "james", "john", "paul", "richard", "william", "philip", "pius", "benedict", "leo",
    "alexander", "napoleon", "peter", "catherine", "frederick", "francis", "nicholas", "gregory",
    "clement", "innocent", "urban", "mary", "ramses", "ramesses", "ptolemy", "darius", "xerxes",
    "ivan", "sam", "alfonso", "antiochus", "haakon", "gustav", "christian", "ferdinand", "joseph",
    "leopold", "wilhelm", "friedrich", "umberto", "juan", "carlos", "felipe", "boniface", "sixtus",
    "julius", "harald", "olaf", "mehmed", "murad", "selim", "baldwin", "theodosius",
    "constantine", "justinian", "victor", "stephen", "robert", "david", "ludwig",
  ]
  /// Numerals that are hardly anything else.
  private static let unmistakable: Set<String> = ["II", "III", "VII", "VIII", "XII", "XIII", "XIV"]

  /// "Chapter IV", "Henry VIII", "Rocky II", "the XIX century"
  private func romanNumeral(_ word: String) -> String? {
    guard let value = NumberWords.roman(word) ?? NumberWords.roman(smallNumeral: word) else {
      return nil
    }
    let next = cursor.nextWord()
    if word.utf8.count > 1, next == "century" || next == "centuries" || next == "Century" {
      return NumberWords.ordinal("\(value)")
    }
    // A heading of its own: "IV", "III. The Hound"
    if spoken.text.isEmpty || spoken.isAtStart, word.utf8.count > 1,
      word.allSatisfy({ "IVX".contains($0) }),
      cursor.hasNothingLeft || cursor.current == "." && cursor.peek(1) == " "
    {
      return NumberWords.cardinal(value)
    }
    guard !spoken.context.isEmpty else { return nil }
    if Labels.counted.contains(spoken.context) || Labels.counted(inPlural: spoken.context),
      word.utf8.count > 1
        // "Article I D" spells something.
        || !word.allSatisfy({ "CDLM".contains($0) })
          && !(next?.utf8.count == 1 && next != "A" && next != "a")
          && (spoken.lastWord.unicodeScalars.first?.isCapital ?? false)
    {
      return NumberWords.cardinal(value)
    }
    guard word.unicodeScalars.allSatisfy(\.isCapital),
      spoken.lastWord.unicodeScalars.first?.isCapital ?? false
    else { return nil }
    if Self.rulers.contains(spoken.context), value < 90, word != "I" || isFirst(next) {
      return "the " + NumberWords.ordinal("\(value)")
    }
    // "Rocky IV." but "Start IV fluids."
    if cursor.current != " " || cursor.hasNothingLeft,
      ["IV", "VI", "IX", "XI", "XV"].contains(word)
    {
      return NumberWords.cardinal(value)
    }
    return Self.unmistakable.contains(word) ? NumberWords.cardinal(value) : nil
  }

  /// "Francis I of France", but "Henry I think so".
  private func isFirst(_ next: String?) -> Bool {
    guard let next, cursor.current == " " else { return cursor.current != "'" }
    return ["of", "was", "reigned", "ruled", "became", "died", "and"].contains(next)
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
      if previous == " ", next == " ", isBetweenNumbers { return operate("divided by") }
      if previous == " ", next == " " {
        spoken.put(",")
        break
      }
      if previous.isDigit, next.isDigit || next == " " {
        // What is no date and no fraction: "123/261788/2021".
        say("slash")
        break
      }
      if previous.isDigit, next.isLetter {
        // "1/f"
        say(cursor.peek(2)?.isWordPart ?? false ? "slash" : "over")
        break
      }
      guard previous.isLetter, next.isLetter else { break }
      var after = cursor.following()
      let words = (spoken.context, after.letters() ?? "")
      if words != ("and", "or"), words.0.utf8.count > 1, words.1.utf8.count > 1,
        words.1.unicodeScalars.allSatisfy({ $0.isSmall })
      {
        say("or")
      }
    case "&": if previous != "&" { say("and") }
    case "@": say("at")
    case "%": say("percent")
    case "+":
      if previous.isWordPart || previous == "+" || next.isWordPart
        || next == " " && (piece != .word || previous == " " && !spoken.context.isEmpty)
      {
        operate("plus")
      }
    case "=": operate("equals")
    case "<", ">":
      // Arrows of programs and quotations.
      if next == sign || previous == sign { break }
      readComparison(sign, previous, next)
    case "√": readRoot()
    case "©": say("copyright")
    case "~": if next.isDigit || next == "$" { say("about") }
    case "*": if isBetweenNumbers { operate("times") }
    case "×": operate("times")
    case "÷": operate("divided by")
    case "±": say("plus or minus")
    case "°": say("degrees")
    case "²": say("squared")
    case "³": say("cubed")
    case "^": readPower(previous, next)
    case "¢": say("cents")
    case "#": if previous.isWordPart { say(next.isDigit ? "number" : "hash") }
    case "$" where previous.isLetter && next == "$" && cursor.peek(2)?.isLetter ?? false:
      say("dollar dollar")
      cursor.position += 1
    case "$" where previous.isLetter: if !next.isWordPart, next != "$" { say("dollar") }
    default: if readLoneCurrency(sign) { break }
    }
  }

  private mutating func say(_ words: String) {
    spoken.sayInstead(words)
    piece = .word
  }

  /// Says an operation; what follows it is no year and no range.
  private mutating func operate(_ words: String) {
    spoken.sayInstead(words)
    piece = .operation
  }

  /// "x < 5", "<10%", "a >= b"; brackets of programs stay silent.
  private mutating func readComparison(
    _ sign: Unicode.Scalar, _ previous: Unicode.Scalar, _ next: Unicode.Scalar
  ) {
    var after = cursor.following()
    let hasEquals = after.take("=")
    let isSpaced = previous == " " && after.current == " "
    _ = after.take(" ")
    guard let operand = after.current else { return }
    let isOperand =
      operand.isDigit || isSpaced && operand.isLetter && !spoken.text.isEmpty && !spoken.hasMark
      || operand.isLetter && !(after.peek(1)?.isWordPart ?? false) && previous.isLetter
        && !(cursor.peek(-2)?.isWordPart ?? false) && after.peek(1) != ">"
      || ".-$€£√".unicodeScalars.contains(operand) && (after.peek(1)?.isDigit ?? false)
    guard isOperand else { return }
    if hasEquals { cursor.position += 1 }
    let isAfterOperand =
      !spoken.text.isEmpty && !spoken.hasMark && (previous.isWordPart || isSpaced)
    let isComparing =
      isAfterOperand && (piece != .word || spoken.context.utf8.count == 1 || isSpaced)
    switch (sign, hasEquals) {
    case ("<", false): operate(isComparing ? "is less than" : "less than")
    case (">", false): operate(isComparing ? "is greater than" : "more than")
    case ("<", true): operate(isComparing ? "is at most" : "at most")
    default: operate(isComparing ? "is at least" : "at least")
    }
  }

  /// "√2", "√(x + 1)"
  private mutating func readRoot() {
    let article = ["the", "a"].contains(spoken.context) ? "" : "the "
    operate(article + "square root of")
  }

  /// "x^2", "10^-6"
  private mutating func readPower(_ previous: Unicode.Scalar, _ next: Unicode.Scalar) {
    guard previous.isWordPart || previous == ")" else { return }
    var after = cursor.following()
    let isNegative = after.take("-")
    guard after.current?.isWordPart ?? false else { return }
    if isNegative { cursor.position += 1 }
    if !isNegative, let power = after.digits(), after.isAtEnd, power == "2" || power == "3" {
      cursor.position += 1
      return say(power == "2" ? "squared" : "cubed")
    }
    operate("to the power of" + (isNegative ? " minus" : ""))
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
}

extension Cursor {
  /// The place after the current character.
  func following() -> Cursor {
    var copy = self
    copy.position += 1
    return copy
  }
}
