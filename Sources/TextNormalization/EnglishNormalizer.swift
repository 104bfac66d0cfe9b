// SPDX-License-Identifier: MIT

/// Writes English out as it is said, for voices that learned words and not spellings: digits, times,
/// dates, money, units, abbreviations, acronyms, addresses and signs become words.
///
///     "Dr. Smith paid $3.50 at 5 p.m."  →  "Doctor Smith paid three dollars and fifty cents at five P M."
///
/// What comes out has the letters A to Z, the marks `. , ; : ! ? ' -`, single spaces and nothing
/// else; it is empty where there is nothing to say. Normalising it again changes nothing. Full stops
/// that are left end sentences.
package enum EnglishNormalizer {
  /// The text of one paragraph as it is said; line breaks are spaces.
  package static func normalize(_ text: String) -> String {
    pieces(of: text).joined()
  }

  /// The same a few sentences at a time, each piece made as it is asked for, so that a long
  /// paragraph starts to speak as soon as a short one:
  ///
  ///     for piece in EnglishNormalizer.pieces(of: paragraph) { speak(piece) }
  ///
  /// Joined without anything between them, the pieces are `normalize(text)`. Every piece ends at the
  /// end of a word, nearly always of a sentence; all but the first begin with a space; none is empty,
  /// and there are none where there is nothing to say. A piece is a few hundred characters long,
  /// longer only where neither sentences nor plain words follow each other, as in tables of numbers.
  package static func pieces(of text: String) -> SpokenPieces {
    SpokenPieces(text, shortest: 200)
  }
}

/// A text as it is said, piece by piece: what `EnglishNormalizer.pieces(of:)` gives.
package struct SpokenPieces: Sequence, IteratorProtocol, Sendable {
  private let text: [Unicode.Scalar]
  private let shortest: Int
  private var position = 0
  private var isFirst = true

  /// - Parameter shortest: Scalars, one at least, after which a piece ends where it can. It changes where pieces
  ///   end, never what all of them say.
  package init(_ text: String, shortest: Int) {
    self.init(Folding.fold(text), shortest: shortest)
  }

  init(_ folded: [Unicode.Scalar], shortest: Int) {
    text = folded
    self.shortest = shortest
  }

  package mutating func next() -> String? {
    while position < text.count {
      let end = endOfPiece()
      let said = Self.say(Array(text[position..<end]))
      position = end
      if said.isEmpty { continue }
      defer { isFirst = false }
      return isFirst ? said : " " + said
    }
    return nil
  }

  /// Share of the text up to the end of the last piece, 0…1.
  package var share: Double { text.isEmpty ? 1 : Double(position) / Double(text.count) }

  private static func say(_ text: [Unicode.Scalar]) -> String {
    var spoken = ""
    var text = text
    // What is said can look like something written: a sentence that ends in a letter like an
    // initial, also where only its dictation put a comma before it. Read again, it comes to rest.
    for _ in 0..<4 {
      var reader = EnglishReader(text)
      reader.read()
      let said = Acronyms.dictate(reader.spoken.whole)
      if said == spoken { break }
      spoken = said
      text = Folding.fold(spoken)
    }
    return spoken
  }

  // MARK: Ends of pieces

  /// The next place where what follows is read the same whatever precedes it, and the other way
  /// round.
  private func endOfPiece() -> Int {
    guard text.count - position > shortest else { return text.count }
    for place in position + shortest..<text.count where text[place] == " " {
      if isBetweenSentences(place) { return place }
      if place - position > 4 * shortest, isBetweenPlainWords(place) { return place }
    }
    return text.count
  }

  /// A plain word and a mark before the space, a capitalised word after it.
  private func isBetweenSentences(_ space: Int) -> Bool {
    guard space + 2 < text.count, text[space + 1].isCapital,
      text[space + 2].isSmall || text[space + 2] == " "
    else { return false }
    return space > 0 && ".!?".unicodeScalars.contains(text[space - 1])
      && startOfPlainWord(endingAt: space - 1) != nil
  }

  private func isBetweenPlainWords(_ space: Int) -> Bool {
    guard let start = startOfPlainWord(endingAt: space),
      // "a $3 million house": what follows says whether it is dollars.
      Magnitude.word(String(text[start..<space])) == nil
    else { return false }
    return PlainWords.end(of: text, space + 1) != nil
  }

  /// The beginning of the plain word before a place, a space before it.
  private func startOfPlainWord(endingAt end: Int) -> Int? {
    var start = end
    while start > position, text[start - 1].isSmall { start -= 1 }
    guard start > position, text[start - 1] == " ", PlainWords.end(of: text, start) == end else {
      return nil
    }
    return start
  }
}

/// Goes over a text and says it piece by piece: at each place the first rule that fits.
struct EnglishReader {
  /// What was said last, for the meaning of a hyphen or a number after it.
  enum Piece { case word, number, year, operation }

  var cursor: Cursor
  var spoken = SpokenText()
  var piece = Piece.word
  /// Where the street that is being read ends.
  var endOfStreet = 0
  /// Sentences in capitals throughout, first to last.
  var shouted: ArraySlice<Range<Int>>

  init(_ text: [Unicode.Scalar]) {
    cursor = Cursor(text)
    shouted = Shouting.sentences(of: text)[...]
  }

  mutating func read() {
    while let current = cursor.current {
      let isInWord = cursor.previous?.isWordPart ?? false
      if !isInWord, readPlainWord() || readAddress() { continue }
      if current.isDigit {
        readFromDigit(isInWord)
      } else if current.isLetter {
        if !isInWord,
          readStreetWord() || readDay() || readMonth() || readCurrencyCode() || readAbbreviation()
            || readEpisode() || readDigitInName()
        {
          continue
        }
        readWord()
      } else if isInWord || !readSignedNumber() {
        readSign(current)
      }
    }
  }

  /// A word that no rule says otherwise; most words of most texts.
  private mutating func readPlainWord() -> Bool {
    guard cursor.previous.map({ $0 == " " }) ?? true,
      let end = PlainWords.end(of: cursor.text, cursor.position)
    else { return false }
    spoken.say(String(cursor.text[cursor.position..<end]))
    cursor.position = end
    piece = .word
    return true
  }

  private mutating func readFromDigit(_ isInWord: Bool) {
    if isInWord {
      // "MP3": units and dates do not begin inside of words.
      if !(readOrdinal() || readPluralCode()) { readPlainNumber() }
      return
    }
    // Whether something is joined to the digits: those by themselves are no date, address or code.
    let isJoined = cursor.afterDigits.map { $0 != " " } ?? false
    if isJoined && (readHexadecimal() || readInternetAddress()) || readPhoneNumber()
      || isJoined && (readDate() || readNamedPair()) || readTime() || readDuration()
      || isJoined && (readSubsection() || readQuarter() || readResolution() || readPluralCode())
      || readBookNumber() || readHouseNumber() || readMoney() || readFraction()
      || isJoined && readOrdinal() || readYear() || readHeight() || readTemperature()
      || readMeasure()
    {
      return
    }
    readPlainNumber()
  }

  /// A number after a sign that belongs to it.
  private mutating func readSignedNumber() -> Bool {
    let next = cursor.peek(1)
    if let current = cursor.current, Currency.leading.contains(current) { return readMoney() }
    switch cursor.current {
    case "(", "+": return readPhoneNumber()
    case "'": return readDecade()
    case "#": return readHash()
    case ".":
      guard next?.isDigit ?? false else { return false }
      if !(readCaliber() || readMoney() || readMeasure()) { readPlainNumber() }
      return true
    case "-":
      guard let next,
        next.isDigit || next == "." && (cursor.peek(2)?.isDigit ?? false)
          || Currency.leading.contains(next) && (cursor.peek(2)?.isDigit ?? false),
        cursor.previous.map({ " (=^<>?!".unicodeScalars.contains($0) }) ?? true
      else { return false }
      cursor.position += 1
      spoken.sayInstead("minus")
      piece = .word
      return true
    default: return false
    }
  }

  /// Continues after a piece and says it.
  mutating func say(_ words: String, _ piece: Piece = .number, upTo end: Cursor) -> Bool {
    cursor = end
    spoken.sayInstead(words)
    self.piece = piece
    return true
  }
}

/// Sentences in capitals throughout are shouted, not spelled.
enum Shouting {
  static func sentences(of text: [Unicode.Scalar]) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var start = 0
    for index in text.indices where ".!?".unicodeScalars.contains(text[index]) {
      let next = index + 1
      guard next == text.count || !text[next].isWordPart else { continue }
      if isShouted(text[start..<next]) { found.append(start..<next) }
      start = next
    }
    if isShouted(text[start...]) { found.append(start..<text.count) }
    return found
  }

  /// Two words at least, no small letter, and a word that nobody would spell.
  private static func isShouted(_ sentence: ArraySlice<Unicode.Scalar>) -> Bool {
    if sentence.contains(where: \.isSmall) { return false }
    let words = sentence.split { !$0.isLetter }.filter { $0.count > 1 }
      .map { word in String(word) }
    return words.count > 1 && words.contains { Acronyms.isPlainWord($0) }
  }
}
