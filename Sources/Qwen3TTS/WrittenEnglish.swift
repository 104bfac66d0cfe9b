// SPDX-License-Identifier: MIT

import TextNormalization

/// A text that is still being written, in English words as far as no more text can change them: what
/// `EnglishSections` say of the whole text, a few words late. An empty line comes as soon as a paragraph
/// has ended, also after the last.
struct WrittenEnglish: Sendable {
  private var written = WrittenText()
  private var normalizer = AppendableNormalizer()
  /// Where the paragraph, or the pages of it that are read at once, begins.
  private var begin = 0
  /// Up to where the normaliser has it.
  private var fed = 0
  /// Its characters before the cursor.
  private var count = 0
  /// Its last space after as many characters as are read at once.
  private var lastSpace: Int?
  /// What goes before the next words: nothing after the gap between paragraphs, or before there were
  /// any words.
  private var gap = ""
  private var isAfterGap = true
  /// Words of the paragraphs up to here that are not said.
  private(set) var leftOut = LeftOutWords()

  /// Bytes that are held back.
  var heldBytes: Int { written.text.utf8.count - fed + normalizer.heldBytes }

  /// - Returns: What can be said now.
  mutating func append(_ text: some StringProtocol) -> String {
    written.append(text)
    return read()
  }

  /// - Returns: The rest of what is to be said.
  mutating func finish() -> String {
    written.isComplete = true
    var spoken = read()
    endReading(at: written.text.utf8.count, saying: &spoken)
    return spoken
  }

  private mutating func read() -> String {
    var spoken = ""
    while let (character, end, isSure) = written.character(at: written.cursor), isSure {
      if character.isNewline {
        guard let endsParagraph = written.endsParagraph() else { break }
        if endsParagraph {
          endReading(at: written.cursor, skippingTo: end, saying: &spoken)
          continue
        }
      }
      if count >= EnglishSections.longestReading {
        guard let endsSentence = endsSentence(character, end) else { break }
        if endsSentence {
          endReading(at: end, saying: &spoken)
          continue
        }
        if character.isWhitespace { lastSpace = written.cursor }
        if count >= 2 * EnglishSections.longestReading, let lastSpace {
          endReading(at: lastSpace, saying: &spoken)
          continue
        }
      }
      written.cursor = end
      count += 1
    }
    feed(upTo: sure, saying: &spoken)
    let forgotten = written.forget(before: begin)
    begin -= forgotten
    fed -= forgotten
    lastSpace = lastSpace.map { $0 - forgotten }
    return spoken
  }

  /// Up to where the reading surely goes.
  private var sure: Int {
    // A longer paragraph may end at its last space.
    count <= EnglishSections.longestReading ? written.cursor : lastSpace ?? fed
  }

  private mutating func feed(upTo end: Int, saying spoken: inout String) {
    guard end > fed else { return }
    say(normalizer.append(written[fed..<end]), to: &spoken)
    fed = end
  }

  /// Ends the reading; the next begins there, or after the line break that ends a paragraph.
  private mutating func endReading(
    at end: Int, skippingTo next: Int? = nil, saying spoken: inout String
  ) {
    feed(upTo: end, saying: &spoken)
    say(normalizer.finish(), to: &spoken)
    leftOut.look(at: written[begin..<end])
    if !isAfterGap {
      gap = " "
      if next != nil { say("\n\n", isGap: true, to: &spoken) }
    }
    begin = next ?? end
    (fed, written.cursor) = (begin, begin)
    count = 0
    lastSpace = nil
  }

  private mutating func say(_ words: String, isGap: Bool = false, to spoken: inout String) {
    guard !words.isEmpty else { return }
    spoken += isGap ? words : gap + words
    gap = ""
    isAfterGap = isGap
  }

  /// Whether the character at the cursor ends a sentence; `nil` while that depends on what comes.
  private func endsSentence(_ character: Character, _ end: Int) -> Bool? {
    guard
      EnglishSections.mayEndSentence(character, after: written[begin..<written.cursor])
    else { return false }
    guard let first = written.character(at: end), first.character.isWhitespace,
      let second = written.character(at: first.end)
    else {
      let isOpen = written.character(at: end)?.character.isWhitespace ?? true
      return isOpen && !written.isComplete ? nil : false
    }
    return second.isSure ? second.character.isUppercase : nil
  }
}
