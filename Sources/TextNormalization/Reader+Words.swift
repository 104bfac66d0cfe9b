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
    let before = piece
    // "1990 to 1995": the second is a year too.
    if !(piece == .year && ["to", "and", "or"].contains(word)) { piece = .word }
    if !isInWord, let number = romanNumeral(word) { return spoken.sayInstead(number) }
    if isShouted, word == "A" { return spoken.say(spoken.isAtStart ? "A" : "a") }
    if word.utf8.count == 1, "ACDFG".contains(word), cursor.take("#") {
      return spoken.sayInstead(word + " sharp")
    }
    // "8½ x 11"
    if word == "x", before == .number, cursor.current == " ", cursor.peek(1)?.isDigit ?? false {
      return spoken.say("by")
    }
    if spoken.context == "per", let unit = Units.period(word), unit != word {
      return spoken.say(unit)
    }
    // "H2SO4"
    if isInWord, word.utf8.count < 4, word.allSatisfy(\.isUppercase) {
      return spoken.sayInstead(Acronyms.spell(word))
    }
    // "Portland, OR 97209", "Austin, TX"
    if word.utf8.count == 2, spoken.hasMark, word.allSatisfy(\.isUppercase),
      let state = States.name(
        word, isBeforePostalCode: cursor.isBeforePostalCode,
        isAfterOneName: !isShouted && cursor.isAfterOneName(2)
          // "Salem, OR." but "Salem, OR maybe Gary"
          && (!["IN", "OR"].contains(word) || cursor.current != " "))
    {
      return spoken.say(state)
    }
    let parts = Self.camelCased(word)
    if parts.count > 1 {
      for part in parts { sayWord(part, isSpelled: false, isShouted: isShouted) }
      return
    }
    // "AT&T", "M&Ms"
    let isSpelled = followsAnd || cursor.current == "&"
    sayWord(word, isSpelled: isSpelled, isShouted: isShouted)
  }

  /// "ChatGPT" and "ThrowbackThursday" in their words.
  private static func camelCased(_ word: String) -> [String] {
    guard word.utf8.count > 2 else { return [word] }
    let letters = Array(word.unicodeScalars)
    if let last = letters.last, last.isSmall, last != "s",
      letters.dropLast().allSatisfy(\.isCapital)
    {
      // "IPv", "ARMv"
      return [String(word.dropLast()), String(last)]
    }
    var parts: [String] = []
    var start = 0
    for place in 1..<letters.count where letters[place].isCapital && letters[place - 1].isSmall {
      // "iPhone" and "McDonald" stay whole, "macOS" does not.
      let isAcronym = place + 1 < letters.count && letters[place + 1].isCapital
      guard place - start > (parts.isEmpty ? 2 : 1) || isAcronym, letters.count - place > 1 else {
        continue
      }
      let part = String(letters[start..<place])
      parts.append(part.utf8.count == 1 ? part.uppercased() : part)
      start = place
    }
    return parts + [String(letters[start...])]
  }

  private mutating func sayWord(_ word: String, isSpelled: Bool, isShouted: Bool) {
    if isSpelled, word.utf8.count == 2, word.hasSuffix("s"), let letter = word.first {
      return spoken.say("\(letter)'s")
    }
    let (stem, ending) = Self.stem(word)
    let isInCapitals =
      stem.utf8.count > 1 && stem.unicodeScalars.allSatisfy { $0.isCapital || $0 == "'" }
    guard isInCapitals else {
      spoken.say(word)
      return
    }
    let words =
      isSpelled && stem.utf8.count == 2
      ? Acronyms.spell(stem) : Acronyms.spoken(stem, isShouted: isShouted)
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
    if word == "PhDs" { return ("PHD", "'s") }
    if word == "PhD" { return ("PHD", "") }
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
    if word.hasSuffix("'s") {
      // "Charles V's army"
      return romanNumeral(String(word.dropLast(2))).map { $0 + "'s" }
    }
    // "scene i"
    let isSmallOne =
      word == "i" && ["scene", "act", "part", "chapter", "book"].contains(spoken.context)
    guard
      let value = NumberWords.roman(word) ?? NumberWords.roman(smallNumeral: word)
        ?? (isSmallOne ? 1 : nil)
    else { return nil }
    if isSmallOne { return NumberWords.cardinal(value) }
    let next = cursor.nextWord()
    if word.utf8.count > 1, next == "century" || next == "centuries" || next == "Century" {
      return NumberWords.ordinal("\(value)")
    }
    // A heading of its own: "IV", "III. The Hound"
    if spoken.text.isEmpty || spoken.isAtStart, word.utf8.count > 1,
      word.allSatisfy({ "IVXivx".contains($0) }),
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
    guard word.unicodeScalars.allSatisfy(\.isCapital) else { return nil }
    // "Z6 II", "GTA V"
    if let name = cursor.nameBefore(word.utf8.count),
      name.hasDigit && Self.unmistakable.contains(word)
        || (name.hasDigit || name.isAcronym) && ["IV", "VI", "IX", "XI"].contains(word)
        || name.isAcronym && word == "V"
    {
      return NumberWords.cardinal(value)
    }
    guard spoken.lastWord.unicodeScalars.first?.isCapital ?? false else { return nil }
    if Self.rulers.contains(spoken.context), value < 90, word != "I" || isFirst(next) {
      return "the " + NumberWords.ordinal("\(value)")
    }
    // "Diablo IV launched", but "Start IV fluids."
    if ["IV", "VI", "IX", "XI", "XV"].contains(word),
      word != "IV" || !(next.map { Self.wordsAfterIntravenous.contains($0) } ?? false)
    {
      return NumberWords.cardinal(value)
    }
    // "Rocky V.", "Rocky V was"
    let endsName =
      cursor.current != " " || cursor.hasNothingLeft
      || next.map { Self.wordsAfterNames.contains($0) } ?? false
    if endsName, word == "V", spoken.lastWord.utf8.count > 3,
      !Self.wordsBeforeInitial.contains(spoken.context)
    {
      return NumberWords.cardinal(value)
    }
    return Self.unmistakable.contains(word) ? NumberWords.cardinal(value) : nil
  }

  /// What "IV" is short for "intravenous" before.
  private static let wordsAfterIntravenous: Set<String> = [
    "access", "administration", "antibiotic", "antibiotics", "bag", "bags", "catheter", "contrast",
    "dose", "doses", "drip", "drips", "drug", "drugs", "fluid", "fluids", "infusion", "infusions",
    "injection", "line", "lines", "medication", "medications", "needle", "pole", "push", "saline",
    "site", "therapy", "treatment", "tubing", "use",
  ]
  /// Words that follow a name and are no part of it.
  private static let wordsAfterNames: Set<String> = [
    "is", "was", "has", "had", "will", "would", "could", "can", "did", "does", "made", "came", "or",
    "and", "but", "for", "in", "on", "at", "by", "with", "from", "of", "to", "as", "that", "which",
    "the", "a", "it", "when", "after", "before", "than", "if", "because",
  ]
  /// A letter after these is an initial or a kind, and no number.
  private static let wordsBeforeInitial: Set<String> = [
    "vitamin", "plan", "mister", "missus", "miss", "agent", "letter", "model", "formula", "doctor",
    "type", "gary", "team", "with", "and", "the",
  ]

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
    case "!" where next == "=":
      operate("is not equal to")
      cursor.position += 1
    case "!" where isFactorial: operate("factorial")
    case ",", "!", "?": spoken.put(Character(sign))
    case "'" where isPossessive:
      spoken.end(with: "'s")
      cursor.position += 1
    case ":", ";":
      if !previous.isWordPart, skipFace() { break }
      // "std::vector"
      spoken.put(next == ":" || previous == ":" ? "," : Character(sign))
    case ".": readFullStops()
    case "-", "–", "—": readDash(sign, previous, next)
    case "(" where isCall: say("of")
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
      if let words = wordsOfSlash(words.0, words.1) { return say(words) }
      if !["and", "or"].contains(words.1), words.0.utf8.count > 1, words.1.utf8.count > 1,
        words.1.unicodeScalars.allSatisfy({ $0.isSmall })
      {
        say("or")
      }
    case "&": if previous != "&" { say("and") }
    case "@": say("at")
    case "%": say("percent")
    case "+":
      // "+/-", "+-"
      var after = cursor.following()
      if after.take(literal: "/-") || after.take("-"), previous != "+" {
        say("plus or minus")
        cursor.position = after.position - 1
        break
      }
      if previous.isWordPart || previous == "+" || next.isWordPart || next == "="
        || Currency.leading.contains(next)
        || next == " " && (piece != .word || previous == " " && !spoken.context.isEmpty)
      {
        operate("plus")
      }
    case "=":
      // "==" is one, "=>" an arrow.
      if next == ">" { spoken.put(",") } else if next != "=" { operate("equals") }
    case "<", ">":
      // Arrows of programs and quotations.
      if next == sign || previous == sign { break }
      readComparison(sign, previous, next)
    case "√": readRoot()
    case "©": if spoken.context != "copyright" { say("copyright") }
    case "~":
      if next.isDigit || Currency.leading.contains(next) {
        say("about")
      } else if next == " ", cursor.peek(2)?.isDigit ?? false, spoken.text.isEmpty {
        say("about")
      } else if previous == " ", next == " ", !spoken.text.isEmpty {
        say("is about")
      }
    case "*":
      if isBetweenNumbers { return operate("times") }
      // "dial *67"
      if next.isDigit, ["dial", "press", "call", "enter"].contains(spoken.context) { say("star") }
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

  /// Whether "'s" belongs to the number or the letters before it: "Blink-182's", "the U.K.'s".
  private var isPossessive: Bool {
    guard let previous = cursor.previous, previous.isWordPart || previous == ".",
      cursor.peek(1) == "s"
    else { return false }
    return !(cursor.peek(2)?.isWordPart ?? false)
  }

  /// Whether the sign belongs to the number or the quantity before it, and a calculation goes on:
  /// "5! = 120", "n!/k!".
  private var isFactorial: Bool {
    guard let previous = cursor.previous,
      previous.isDigit || previous.isSmall && !(cursor.peek(-2)?.isWordPart ?? false)
    else { return false }
    var after = cursor.following()
    let isSpaced = after.take(" ")
    guard let sign = after.take(of: "=+-*/×÷"), !(sign == "=" && !isSpaced) else { return false }
    if isSpaced { _ = after.take(" ") }
    // "I have 5! - he said" goes on otherwise.
    return after.current.map {
      $0.isDigit || $0.isLetter && (sign == "=" || !(after.peek(1)?.isLetter ?? false))
    }
      ?? false
  }

  /// Whether a parenthesis has what a function is of: "f(x)", "O(n log n)".
  private var isCall: Bool {
    guard let name = cursor.previous, "fghpFGHPOTuvy".unicodeScalars.contains(name),
      !(cursor.peek(-2)?.isWordPart ?? false), cursor.peek(-2) != "-",
      cursor.peek(1)?.isWordPart ?? false
    else { return false }
    let argument = cursor.text[(cursor.position + 1)...].prefix(16).prefix { $0 != ")" }
    // "(a)" and "group F(see below)" are none.
    return cursor.peek(argument.count + 1) == ")"
      && argument.split { !$0.isLetter }.allSatisfy { $0.count < 4 }
  }

  /// ":)", ";-)", ":D": a face is silent after words.
  private mutating func skipFace() -> Bool {
    var end = cursor.following()
    let hasNose = end.take("-")
    if !hasNose, end.current == "(" || end.current == ")" { return true }
    guard end.take(of: ")(DPpOo3/|") != nil, !(end.current?.isWordPart ?? false),
      !spoken.text.isEmpty || "()".unicodeScalars.contains(end.previous ?? " ")
    else { return false }
    cursor.position = end.position - 1
    return true
  }

  /// What a slash between two words says, where it is not "or".
  private func wordsOfSlash(_ first: String, _ second: String) -> String? {
    let letters = first + second
    // "x/y"
    if letters.utf8.count == 2, second.utf8.count == 1,
      letters.allSatisfy({ "pqrtuvwxyz".contains($0) })
    {
      return "over"
    }
    // "r/AskReddit"
    if first == "r" || first == "u", second.utf8.count > 2 { return "slash" }
    // "days/wk"
    guard first.utf8.count > 2, first.hasSuffix("s"), Units.period(second) != nil else {
      return nil
    }
    return "per"
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
    if sign == "<", readHeart() { return }
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

  /// "I <3 you"; after other words it is silent, as a face is.
  private mutating func readHeart() -> Bool {
    var end = cursor.following()
    guard end.take("3"), end.isAtEnd, end.current != ".",
      spoken.context.utf8.count != 1 || "iu".contains(spoken.context),
      piece == .word
    else { return false }
    let isLoving = ["i", "we", "you", "they"].contains(spoken.context) && end.nextWord() != nil
    guard isLoving || end.hasNothingLeft || end.current != " " || spoken.text.isEmpty else {
      return false
    }
    if isLoving { say("love") }
    cursor.position = end.position - 1
    return true
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
    } else if isInsideStylizedName {
      return
    } else if isInsideCode {
      if !(cursor.previous?.isCapital ?? false && cursor.peek(1)?.isDigit ?? false) { say("dot") }
    } else {
      spoken.put(".")
    }
  }

  /// "will.i.am": one of several full stops between small letters.
  private var isInsideStylizedName: Bool {
    guard cursor.previous?.isSmall ?? false, cursor.peek(1)?.isSmall ?? false else { return false }
    let isFirst = cursor.peek(2) == "." && cursor.peek(3)?.isSmall ?? false
    return isFirst || cursor.peek(-2) == "." && cursor.peek(-3)?.isSmall ?? false
  }

  /// "H.264", "1.0-beta.2", "18.x": the full stop ends no sentence.
  private var isInsideCode: Bool {
    guard let previous = cursor.previous, let next = cursor.peek(1) else { return false }
    var name = cursor.following()
    if previous.isLetter, next.isSmall, name.letters() != nil, name.current == "(" {
      // "Array.map()"
      return true
    }
    if previous.isDigit { return next.isSmall && !(cursor.peek(2)?.isWordPart ?? false) }
    guard previous.isLetter, next.isDigit else { return false }
    var start = cursor.position
    while start > 0, cursor.position - start < 16, cursor.text[start - 1] != " " { start -= 1 }
    let code = cursor.text[start..<cursor.position]
    return code.count == 1 || code.contains(where: \.isDigit)
  }
}

extension Cursor {
  /// Whether one capitalised word and a comma are before a word of so many letters that was just read:
  /// "in Boston, MA", but "Jane Doe, MA".
  fileprivate func isAfterOneName(_ count: Int) -> Bool {
    var place = self
    place.position -= count
    guard place.previous == " ", place.peek(-2) == "," else { return false }
    place.position -= 2
    let end = place.position
    while end - place.position < 20, place.previous?.isLetter ?? false { place.position -= 1 }
    guard end - place.position > 3, place.current?.isCapital ?? false else { return false }
    guard place.previous == " " else { return place.previous == nil }
    place.position -= 1
    // A sentence begins with it.
    guard place.previous?.isLetter ?? false else { return true }
    while end - place.position < 40, place.previous?.isLetter ?? false { place.position -= 1 }
    return place.current?.isSmall ?? false
  }

  /// What is before a word of so many letters that was just read, in one run of letters and digits:
  /// "Z6" of "Z6 II", "GTA" of "GTA V".
  fileprivate func nameBefore(_ count: Int) -> (hasDigit: Bool, isAcronym: Bool)? {
    var end = self
    end.position -= count
    guard end.previous == " " else { return nil }
    end.position -= 1
    var start = end
    while end.position - start.position < 8, start.previous?.isWordPart ?? false {
      start.position -= 1
    }
    let name = text[start.position..<end.position]
    guard name.count > 1, name.first?.isCapital ?? false, start.previous != "-" else { return nil }
    return (name.contains(where: \.isDigit), name.count > 2 && name.allSatisfy(\.isCapital))
  }

  /// Whether a space and five digits follow.
  fileprivate var isBeforePostalCode: Bool {
    var copy = self
    _ = copy.take(",")
    return copy.take(" ") && copy.digits(5...5) != nil && copy.isAtEnd
  }

  /// The place after the current character.
  func following() -> Cursor {
    var copy = self
    copy.position += 1
    return copy
  }
}
