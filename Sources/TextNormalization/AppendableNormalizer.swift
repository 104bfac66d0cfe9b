// SPDX-License-Identifier: MIT

/// Says a paragraph that is still being written, as far as no more text can change it:
///
///     var spoken = AppendableNormalizer()
///     spoken.append("The old man saw 3")  // "The old man"
///     spoken.append(" boats. They were")  // " saw three boats."
///     spoken.finish()                     // " They were"
///
/// However the text is cut, what comes out is together `EnglishNormalizer.normalize(text)`. Held back is
/// the text from the last place where what follows is read the same whatever precedes it: between two
/// plain words, or between two sentences. The word before such a place and the one after it must be
/// complete, so that plain prose comes out two or three words late. A dollar sign, which may begin
/// a formula, holds back what follows it for the length of one; a tag or a link holds back all, because
/// what it means depends on where it ends.
package struct AppendableNormalizer: Sendable {
  /// What is held back.
  private var text: [Unicode.Scalar] = []
  /// Where the last token that is complete begins and ends.
  private var last: Range<Int>?
  /// Where the token that is being written begins.
  private var start: Int?
  /// The first place after all markup that may be open.
  private var endOfMarkup = 0
  private var isQuoteOpen = false
  private var isFirst = true

  package init() {}

  /// UTF-8 bytes that are held back.
  package var heldBytes: Int { text.reduce(0) { $0 + UTF8.width($1) } }

  /// Takes more of the paragraph; line breaks in it are spaces.
  ///
  /// - Returns: What can be said now. All but the first words begin with a space.
  package mutating func append(_ more: some StringProtocol) -> String {
    var spoken = ""
    for scalar in more.unicodeScalars {
      if Self.isSpace(scalar) {
        if let start { endToken(start..<text.count, saying: &spoken) }
        start = nil
      } else {
        start = start ?? text.count
      }
      endOfMarkup = Markup.end(of: scalar, after: text.last, at: text.count, open: endOfMarkup)
      text.append(scalar)
    }
    return spoken
  }

  /// Ends the paragraph.
  ///
  /// - Returns: The rest of what is to be said.
  package mutating func finish() -> String {
    defer { self = Self() }
    return say(text.count)
  }

  private mutating func endToken(_ token: Range<Int>, saying spoken: inout String) {
    guard let last, last.upperBound >= endOfMarkup, canCut(last, token) else {
      last = token
      return
    }
    spoken += say(last.upperBound)
    endOfMarkup = 0
    self.last = token.lowerBound - last.upperBound..<token.upperBound - last.upperBound
  }

  /// Whether what follows a token is read the same whatever precedes it, and the other way round: as
  /// `SpokenPieces` has it.
  private func canCut(_ token: Range<Int>, _ next: Range<Int>) -> Bool {
    // With nothing before it, a word may yet begin something.
    guard token.lowerBound > 0, !text[next].contains(where: Markup.isSign) else { return false }
    let word = text[token].prefix(while: \.isSmall)
    guard PlainWords.isPlain(word) else { return false }
    let mark = text[token].dropFirst(word.count)
    if mark.isEmpty {
      let word = text[next].prefix(while: \.isSmall)
      guard PlainWords.isPlain(word) else { return false }
      let mark = text[next].dropFirst(word.count)
      return mark.first.map { ",;!?".unicodeScalars.contains($0) || mark.count == 1 && $0 == "." }
        ?? true
    }
    guard let mark = mark.first, token.count == word.count + 1,
      ".!?".unicodeScalars.contains(mark)
    else { return false }
    let following = text[next].prefix(2)
    return following.first?.isCapital ?? false
      && (following.count == 1 || following.last?.isSmall ?? false)
  }

  private mutating func say(_ end: Int) -> String {
    let written = String(String.UnicodeScalarView(text[..<end]))
    text.removeFirst(end)
    let folded = Folding.fold(written, isQuoteOpen: &isQuoteOpen)
    let said = SpokenPieces(folded, shortest: 200).joined()
    guard !said.isEmpty else { return "" }
    defer { isFirst = false }
    return isFirst ? said : " " + said
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar == " " || scalar == "\n" || scalar == "\r" || scalar == "\t"
  }
}
