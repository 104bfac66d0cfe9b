// SPDX-License-Identifier: MIT

/// Abbreviations and initials, and whether the full stop after them ends a sentence.
extension EnglishReader {
  /// How a sentence can go on after an abbreviation.
  private enum Kind {
    /// Its full stop never ends a sentence: a name or a number follows.
    case title
    /// It can stand last in a sentence.
    case last
    /// It counts only before a digit.
    case beforeDigit
    /// It counts only before a year.
    case beforeYear
    /// As `last`, and in small letters too.
    case anyCase
    /// As `title`, and in small letters too.
    case link
    /// As `last`, but only after a name.
    case street
    /// As `last`, but only after a comma, as in "Boston, Mass."
    case state
  }

  static let wordsInRules: Set<String> = Set(abbreviations.keys).union(Units.names)
    .union(streets.keys)

  private static let abbreviations: [String: (words: String, kind: Kind)] = [
    "mr": ("Mister", .title), "mrs": ("Missus", .title), "ms": ("Miz", .title),
    "prof": ("Professor", .title), "gen": ("General", .title), "col": ("Colonel", .title),
    "sgt": ("Sergeant", .title), "capt": ("Captain", .title), "lt": ("Lieutenant", .title),
    "maj": ("Major", .title), "rev": ("Reverend", .title), "hon": ("Honorable", .title),
    "gov": ("Governor", .title), "sen": ("Senator", .title), "rep": ("Representative", .title),
    "pres": ("President", .title), "mt": ("Mount", .title), "ft": ("Fort", .title),
    "jr": ("Junior", .last), "sr": ("Senior", .last), "inc": ("Incorporated", .last),
    "ltd": ("Limited", .last), "co": ("Company", .last), "corp": ("Corporation", .last),
    "bros": ("Brothers", .last), "ave": ("Avenue", .last), "blvd": ("Boulevard", .last),
    "rd": ("Road", .last), "ln": ("Lane", .last), "hwy": ("Highway", .last),
    "pkwy": ("Parkway", .last), "sq": ("Square", .last), "expy": ("Expressway", .last),
    "ct": ("Court", .street), "pl": ("Place", .street), "cir": ("Circle", .street),
    "ter": ("Terrace", .street), "trl": ("Trail", .street), "fwy": ("Freeway", .last),
    "fl": ("Floor", .beforeDigit),
    "dept": ("Department", .anyCase),
    "univ": ("University", .last), "apt": ("Apartment", .last), "ste": ("Suite", .last),
    "etc": ("et cetera", .anyCase), "misc": ("miscellaneous", .link), "vs": ("versus", .link),
    "approx": ("approximately", .link), "incl": ("including", .link), "tel": ("telephone", .link),
    "ext": ("extension", .link), "govt": ("government", .anyCase), "no": ("number", .beforeDigit),
    "nos": ("numbers", .beforeDigit), "fig": ("figure", .beforeDigit),
    "figs": ("figures", .beforeDigit), "vol": ("volume", .beforeDigit),
    "ch": ("chapter", .beforeDigit), "sec": ("section", .beforeDigit),
    "p": ("page", .beforeDigit), "pp": ("pages", .beforeDigit),
    "est": ("established", .beforeDigit),
    "ca": ("circa", .beforeDigit), "rm": ("room", .beforeDigit), "pt": ("part", .beforeDigit),
    "max": ("maximum", .beforeDigit), "min": ("minimum", .beforeDigit),
    "op": ("opus", .beforeDigit), "eq": ("equation", .beforeDigit),
    "eqs": ("equations", .beforeDigit), "eqn": ("equation", .beforeDigit),
    "rte": ("route", .beforeDigit), "rt": ("route", .beforeDigit),
    "vols": ("volumes", .beforeDigit), "art": ("article", .beforeDigit),
    "arts": ("articles", .beforeDigit), "chap": ("chapter", .beforeDigit),
    "chs": ("chapters", .beforeDigit), "sect": ("section", .beforeDigit),
    "secs": ("sections", .beforeDigit), "pg": ("page", .beforeDigit),
    "pgs": ("pages", .beforeDigit), "ex": ("example", .beforeDigit),
    "tab": ("table", .beforeDigit), "bk": ("book", .beforeDigit), "ver": ("version", .beforeDigit),
    "para": ("paragraph", .beforeDigit), "paras": ("paragraphs", .beforeDigit),
    "app": ("appendix", .beforeDigit), "ref": ("reference", .beforeDigit),
    "refs": ("references", .beforeDigit), "ep": ("episode", .beforeDigit),
    "eps": ("episodes", .beforeDigit), "pts": ("parts", .beforeDigit),
    "natl": ("National", .title), "intl": ("International", .title), "nr": ("number", .beforeDigit),
    "iss": ("issue", .beforeDigit), "sc": ("scene", .beforeDigit),
    "ll": ("lines", .beforeDigit), "vv": ("verses", .beforeDigit), "fn": ("footnote", .beforeDigit),
    "cl": ("clause", .beforeDigit), "prob": ("problem", .beforeDigit),
    "ques": ("question", .beforeDigit),
    "bldg": ("building", .beforeDigit), "temp": ("temperature", .beforeDigit),
    "ps": ("Psalm", .beforeDigit),
    "cpl": ("Corporal", .title), "pvt": ("Private", .title), "adm": ("Admiral", .title),
    "cmdr": ("Commander", .title), "supt": ("Superintendent", .title),
    "atty": ("Attorney", .title), "messrs": ("Messieurs", .title), "lk": ("Lake", .title),
    "calif": ("California", .last), "fla": ("Florida", .last), "ariz": ("Arizona", .last),
    "mich": ("Michigan", .last), "minn": ("Minnesota", .last), "tenn": ("Tennessee", .last),
    "okla": ("Oklahoma", .last), "nev": ("Nevada", .last), "conn": ("Connecticut", .last),
    "colo": ("Colorado", .last), "wis": ("Wisconsin", .last), "tex": ("Texas", .last),
    "kans": ("Kansas", .last), "nebr": ("Nebraska", .last), "mont": ("Montana", .last),
    "wyo": ("Wyoming", .last), "mass": ("Massachusetts", .state), "wash": ("Washington", .state),
    "ill": ("Illinois", .state), "ind": ("Indiana", .state), "ore": ("Oregon", .state),
    "va": ("Virginia", .state), "ga": ("Georgia", .state), "pa": ("Pennsylvania", .state),
    "mo": ("Missouri", .state), "md": ("Maryland", .state), "ky": ("Kentucky", .state),
    "ala": ("Alabama", .state), "del": ("Delaware", .state), "la": ("Louisiana", .state),
    "feat": ("featuring", .link), "exp": ("expires", .beforeDigit), "lv": ("level", .beforeDigit),
    "lvl": ("level", .beforeDigit), "wk": ("week", .beforeDigit), "ea": ("each", .link),
    "aka": ("also known as", .link),
    "esq": ("Esquire", .last), "b": ("born", .beforeYear), "d": ("died", .beforeYear),
    "c": ("circa", .beforeYear),
    "avg": ("average", .link), "esp": ("especially", .link), "cf": ("compare", .link),
    "viz": ("namely", .link), "al": ("al", .anyCase), "dist": ("distance", .beforeDigit),
  ]
  /// These are abbreviations without their full stop too.
  private static let stopless: Set<String> = [
    "mr", "mrs", "ms", "prof", "sgt", "capt", "jr", "sr", "inc", "ltd", "corp", "bros", "blvd",
    "etc", "vs", "approx", "govt", "dept", "pp", "hwy", "pkwy", "expy", "fwy", "ct", "pl", "cir",
    "trl", "rte", "apt", "ste", "aka", "mt",
  ]
  private static let dotted = [
    "e.g": "for example", "i.e": "that is", "a.k.a": "also known as", "a.m": "A M", "p.m": "P M",
    "w.r.t": "with respect to",
  ]

  /// Whether a full stop after the word can belong to it.
  static func isAbbreviation(_ word: String) -> Bool { abbreviations[word.lowercased()] != nil }

  mutating func readAbbreviation() -> Bool {
    if readWithSlash() || readLetterPair() || readVersus() || readInitials() { return true }
    var end = cursor
    guard let word = end.letters(), end.current != "'", !(end.current?.isDigit ?? false) else {
      return false
    }
    let key = word.lowercased()
    let isCapital = word.unicodeScalars.first?.isCapital ?? false
    let hasStop = end.current == "."
    if isCapital, hasStop || key == "st" || key == "dr", let title = saintOrStreet(word, end) {
      return sayAbbreviation(title.words, title.canBeLast, upTo: end)
    }
    if word.utf8.count < 7, isCapital, end.isBeforeVerse(), let book = Scripture.book(word),
      hasStop || word != "Is"
    {
      _ = say(book, .word, upTo: end)
      _ = cursor.take(".")
      return true
    }
    if isCapital, hasStop, word != "Sat", word != "Sun", let day = Calendar.days[key] {
      return sayAbbreviation(day, true, upTo: end)
    }
    if word == "ft", hasStop, piece == .word, isName(end.followingStop().nextWord()) {
      // "a song by A ft. B"
      return sayAbbreviation("featuring", false, upTo: end)
    }
    guard let (words, kind) = Self.abbreviations[key], hasStop || Self.stopless.contains(key),
      // "CO" and "MS" are not "Co." and "Ms.".
      hasStop || word.utf8.count < 2 || !word.unicodeScalars.allSatisfy(\.isCapital)
    else { return false }
    switch kind {
    case .street:
      guard isCapital, !spoken.context.isEmpty,
        spoken.lastWord.unicodeScalars.first?.isCapital ?? false || piece == .number
      else { return false }
    case .title, .last:
      guard isCapital, hasStop || kind == .last || isName(end.nextWord()) else { return false }
    case .beforeDigit:
      var after = end
      _ = after.take(".")
      _ = after.take(" ")
      if hasStop { _ = after.take("(") }
      // "eq. (5)", "2nd Fl."
      guard
        after.current?.isDigit ?? false || after.isRomanNumeral || key == "fl" && piece == .number
          || after.isCode
            && (isCapital || key != "no" || Self.wordsBeforeNumbers.contains(spoken.context))
      else { return false }
    case .beforeYear:
      var year = end
      guard word == key, year.take("."), year.take(" ") || key == "c", year.digits(4...4) != nil,
        year.isAtEnd
      else { return false }
    case .state:
      guard isCapital, hasStop, cursor.peek(-2) == "," else { return false }
    case .anyCase, .link: break
    }
    return sayAbbreviation(
      words, kind != .title && kind != .link && kind != .beforeDigit && kind != .beforeYear,
      upTo: end)
  }

  /// "order no. A12"
  private static let wordsBeforeNumbers: Set<String> = [
    "order", "invoice", "part", "serial", "model", "flight", "ticket", "case", "item", "account",
    "reference", "policy", "license", "licence", "registration", "catalog", "batch", "lot", "room",
    "seat", "patent", "application", "booking",
  ]

  private func isName(_ word: String?) -> Bool {
    word?.unicodeScalars.first?.isCapital ?? false
  }

  /// - Parameter end: The place of the full stop, if there is one.
  private mutating func sayAbbreviation(
    _ words: String, _ canBeLast: Bool, upTo end: Cursor
  ) -> Bool {
    _ = say(words, .word, upTo: end)
    guard cursor.take(".") else { return true }
    if canBeLast ? endsSentence(cursor) : cursor.hasNothingLeft { spoken.put(".") }
    return true
  }

  /// "St." and "Dr.", which stand before a name or after one.
  private func saintOrStreet(_ word: String, _ end: Cursor) -> (words: String, canBeLast: Bool)? {
    guard word == "St" || word == "Dr" else { return nil }
    let (before, behind) = word == "St" ? ("Saint", "Street") : ("Doctor", "Drive")
    let last = spoken.context
    let next = end.followingStop().nextWord()
    let followsName =
      !last.isEmpty
      && (spoken.lastWord.unicodeScalars.first?.isCapital ?? false || piece == .number)
      && !Self.wordsBeforeSaints.contains(last)
    // "3 St. James's Square", but "42nd St. Louis".
    if word == "St", cursor.peek(-2)?.isDigit ?? false, isName(next), !Sentences.begins(with: next)
    {
      return (before, false)
    }
    if followsName, word == "St" || !isName(next) || Sentences.begins(with: next) {
      return (behind, true)
    }
    return isName(next) ? (before, false) : nil
  }

  /// Capitalised words that "St." or "Dr." can follow without being a street's name.
  private static let wordsBeforeSaints: Set<String> = [
    "the", "in", "at", "to", "from", "of", "by", "on", "and", "near", "lake", "mount", "fort",
    "port",
    "visit", "mister", "hello", "hi", "dear", "with", "for", "when", "if", "but", "is", "was", "a",
    "professor", "reverend", "yes", "no", "then", "so", "as", "ask", "call", "see", "thank",
    "thanks",
  ]

  /// "w/", "w/o"
  private mutating func readWithSlash() -> Bool {
    var end = cursor
    guard end.take(of: "wW") != nil, end.take("/") else { return false }
    for (rest, words) in [("out", "without"), ("o", "without"), ("in", "within")] {
      var longer = end
      if longer.take(literal: rest), longer.isAtEnd { return say(words, .word, upTo: longer) }
    }
    guard end.previous == "/" else { return false }
    return say("with", .word, upTo: end)
  }

  /// Two letters with a slash that stand for words.
  private static let letterPairs = [
    "b/c": "because", "b/w": "between", "c/o": "care of", "n/a": "N A", "i/o": "I O", "a/c": "A C",
    "y/o": "year old",
  ]

  private mutating func readLetterPair() -> Bool {
    guard cursor.peek(1) == "/", !(cursor.peek(3)?.isWordPart ?? false) else { return false }
    var end = cursor
    end.position += 3
    guard end.position <= cursor.text.count,
      let words = Self.letterPairs[String(cursor.text[cursor.position..<end.position]).lowercased()]
    else { return false }
    return say(words, .word, upTo: end)
  }

  /// "Roe v. Wade"
  private mutating func readVersus() -> Bool {
    var end = cursor
    guard end.take(literal: "v. "), cursor.previous == " ", end.current?.isCapital ?? false,
      spoken.lastWord.first?.isUppercase ?? false, !spoken.hasMark
    else { return false }
    end.position -= 1
    return say("versus", .word, upTo: end)
  }

  private static let degrees = ["Ph.D", "B.Sc", "M.Sc", "B.Ed", "M.Ed", "Ed.D"]

  /// "U.S.", "e.g.", "Ph.D.", "J. Smith"
  private mutating func readInitials() -> Bool {
    var end = cursor
    for degree in Self.degrees where cursor.peek(2) == "." || cursor.peek(1) == "." {
      guard end.take(literal: degree) else { continue }
      return sayAbbreviation(Acronyms.spell(degree.filter(\.isLetter)), true, upTo: end)
    }
    if readDirectionOfPlace() { return true }
    var letters = ""
    while let letter = end.current, letter.isLetter, end.peek(1) == ".", letters.utf8.count < 12 {
      letters.unicodeScalars.append(letter)
      end.position += 2
    }
    if let letter = end.current, letter.isLetter, !letters.isEmpty {
      // The last letter may have no full stop; a longer word is no initial.
      guard !(end.peek(1)?.isWordPart ?? false) else {
        return false
      }
      letters.unicodeScalars.append(letter)
      end.position += 1
    }
    if letters.utf8.count > 1 {
      if end.previous == "." { end.position -= 1 }
      // "£30 p.w."
      if piece == .number,
        let rate = ["pw": "per week", "pa": "per year", "pcm": "per month"][letters]
      {
        return sayAbbreviation(rate, true, upTo: end)
      }
      let spelling = letters.lowercased().map(String.init).joined(separator: ".")
      guard let words = Self.dotted[spelling] else {
        return sayAbbreviation(Acronyms.spell(letters), true, upTo: end)
      }
      return sayAbbreviation(words, words.hasSuffix(" M"), upTo: end)
    }
    // An initial: at the beginning or in a name, and before one. Behind another letter only where
    // that had a full stop too.
    let last = spoken.context
    guard letters.utf8.count == 1, letters != "I", cursor.current?.isCapital ?? false,
      end.take(" "), !end.hasNothingLeft, !Sentences.begins(with: end.nextWord()),
      last.utf8.count != 1 || cursor.peek(-2) == ".",
      spoken.isAtStart || Self.wordsBeforeInitials.contains(last)
        || spoken.lastWord.unicodeScalars.first?.isCapital ?? false
          && !Self.wordsBeforeLetters.contains(last)
    else { return false }
    return say(letters, .word, upTo: end)
  }

  /// "N. Korea", "E. Coast"
  private mutating func readDirectionOfPlace() -> Bool {
    var end = cursor
    guard cursor.peek(1) == ".", let letter = end.letters(), end.take(literal: ". "),
      let direction = Self.directionOfPlace(letter, end.nextWord())
    else { return false }
    end.position -= 1
    return say(direction, .word, upTo: end)
  }

  private static let wordsBeforeInitials: Set<String> = [
    "by", "with", "from", "to", "of", "and", "for", "says", "said", "like", "as", "named", "met",
  ]
  /// A letter after these is no initial.
  private static let wordsBeforeLetters: Set<String> = [
    "vitamin", "plan", "type", "class", "grade", "section", "option", "hepatitis", "group", "part",
    "point", "letter", "appendix", "exhibit", "figure", "room", "gate", "terminal", "team", "model",
  ]

  // MARK: Ends of sentences

  /// Whether a sentence ends at a full stop that also belongs to an abbreviation; `place` is after
  /// the full stop.
  func endsSentence(_ place: Cursor) -> Bool {
    if place.hasNothingLeft { return true }
    guard
      place.current == " " || place.current == "\"" || place.current == "'" || place.current == ")"
    else { return false }
    return Sentences.begins(with: place.nextWord())
  }

  func endsSentence(after count: Int) -> Bool {
    var place = cursor
    place.position += count
    return endsSentence(place)
  }
}

extension Cursor {
  /// "A12", "AB-12": capitals and digits.
  fileprivate var isCode: Bool {
    var copy = self
    guard let letters = copy.letters(), letters.utf8.count < 4, letters.allSatisfy(\.isUppercase)
    else { return false }
    _ = copy.take("-")
    return copy.current?.isDigit ?? false
  }

  /// "IX", which ends a word.
  fileprivate var isRomanNumeral: Bool {
    var copy = self
    guard let letters = copy.letters(), copy.isAtEnd, letters.utf8.count < 8 else { return false }
    return NumberWords.roman(letters) != nil && (letters.utf8.count > 1 || letters != "I")
  }

  /// The place after a full stop, if there is one here.
  fileprivate func followingStop() -> Cursor {
    var copy = self
    _ = copy.take(".")
    return copy
  }
}

/// Words that begin sentences.
enum Sentences {
  private static let openers: Set<String> = Set(
    """
    The A An It He She We They I You This That These Those There Here In On At But And So If When \
    What How Why Who Where Then After Before For My Your His Her Our Their Its No Yes However Please \
    As By To From Now Not All Some Most Many Every Each One Two Do Does Did Is Are Was Were Can \
    Could Would Will Should Let Just While Since Because Although Also Another Once Later Today \
    Tomorrow Yesterday Everyone Nobody Nothing Something Maybe Perhaps Well Oh With Without Of Or
    """.split(separator: " ").map(String.init))

  static func begins(with word: String?) -> Bool { word.map { openers.contains($0) } ?? false }
}
