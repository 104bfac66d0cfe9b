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
    var spoken = text
    // What is said can look like something written: a sentence that ends in a letter like an
    // initial, also where only its dictation put a comma before it. Read again, it comes to rest.
    for _ in 0..<4 {
      var reader = EnglishReader(Folding.fold(spoken))
      reader.read()
      let said = Acronyms.dictate(reader.spoken.whole)
      if said == spoken { break }
      spoken = said
    }
    return spoken
  }
}

/// Goes over a text and says it piece by piece: at each place the first rule that fits.
struct EnglishReader {
  /// What was said last, for the meaning of a hyphen or a number after it.
  enum Piece { case word, number, year }

  var cursor: Cursor
  var spoken = SpokenText()
  var piece = Piece.word
  /// Sentences in capitals throughout, first to last.
  var shouted: ArraySlice<Range<Int>>

  init(_ text: [Unicode.Scalar]) {
    cursor = Cursor(text)
    shouted = Shouting.sentences(of: text)[...]
  }

  mutating func read() {
    while let current = cursor.current {
      let isInWord = cursor.previous?.isWordPart ?? false
      if !isInWord, readAddress() { continue }
      if current.isDigit {
        readFromDigit(isInWord)
      } else if current.isLetter {
        if !isInWord, readMonth() || readCurrencyCode() || readAbbreviation() { continue }
        readWord()
      } else if isInWord || !readSignedNumber() {
        readSign(current)
      }
    }
  }

  private mutating func readFromDigit(_ isInWord: Bool) {
    if !isInWord, readPhoneNumber() || readDate() || readTime() || readMoney() || readFraction() {
      return
    }
    if readOrdinal() || readYear() || readHeight() || readMeasure() { return }
    readPlainNumber()
  }

  /// A number after a sign that belongs to it.
  private mutating func readSignedNumber() -> Bool {
    let next = cursor.peek(1)
    switch cursor.current {
    case "(", "+": return readPhoneNumber()
    case "'": return readDecade()
    case "#": return readHash()
    case "$", "€", "£", "¥", "₹": return readMoney()
    case ".":
      guard next?.isDigit ?? false else { return false }
      if !(readMoney() || readMeasure()) { readPlainNumber() }
      return true
    case "-":
      guard let next,
        next.isDigit || next == "." && (cursor.peek(2)?.isDigit ?? false)
          || "$€£¥₹".unicodeScalars.contains(next) && (cursor.peek(2)?.isDigit ?? false),
        cursor.previous.map({ " (=".unicodeScalars.contains($0) }) ?? true
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
      .map { word in String(String.UnicodeScalarView(word)) }
    return words.count > 1 && words.contains { Acronyms.isPlainWord($0) }
  }
}
