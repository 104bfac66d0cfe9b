// SPDX-License-Identifier: MIT

package import SpeechModel
package import TextTokenizer

/// A text that is still being written, as what a voice needs of it, as soon as no more text can change it:
///
///     var text = LiveText(tokenizer, layout: .incremental, isEnglish: false, limit: 120)
///     text.append("Hello wor")     // .begin, .tokens of "Hello"
///     text.append("ld, this is ")  // .tokens of " world, this is"
///     text.append("it. And then")  // .tokens of " it. And"
///     text.finish()                // .tokens of " then", .end
///
/// However the text is cut into pieces, the parts are the same, and so are each part's tokens: those of
/// its text, in one go. Pieces may be as small as a Unicode scalar. Time and memory are linear in the
/// text, and what was spoken is forgotten.
///
/// Held back are, where the text is read as it is, the word that is being written, and where it is
/// put into English words first, what `AppendableNormalizer` says, and four words more where
/// repetitions are looked for. In the whole layout a part comes at once, when its sentence has ended.
/// `RunningParts` says where parts end.
package struct LiveText: Sendable {
  package enum Event: Equatable, Sendable {
    /// A part begins. One that continues a repetition comes in one go, in the whole layout.
    case begin(isContinued: Bool)
    /// Tokens of its text, without the wrapper's, and words: those of the tokens, or some that are still to come. In
    /// the whole layout they are all of the part's.
    case tokens([Int32], text: String)
    /// It has ended, and this was it. Its `end` is about its share of what was written by then, or of
    /// the whole text where its length is known.
    case end(TextPart)
  }

  private var english: WrittenEnglish?
  private var repetitions: RepeatedWords.Running?
  private var parts: RunningParts
  private let byteCount: Int?
  private var writtenBytes = 0

  /// - Parameters:
  ///   - isEnglish: Whether the text is written out in English words.
  ///   - groupsRepetitions: Whether words that are repeated many times are cut into groups, for
  ///     English.
  ///   - limit: The most tokens of a part, 1 or more.
  ///   - byteCount: UTF-8 bytes of the whole text, where that is known.
  package init(
    _ tokenizer: TextTokenizer, layout: PromptLayout, isEnglish: Bool,
    groupsRepetitions: Bool = false, limit: Int, byteCount: Int? = nil
  ) {
    english = isEnglish ? WrittenEnglish() : nil
    repetitions =
      isEnglish && groupsRepetitions
      ? RepeatedWords.Running(endsAtSentences: layout == .whole) : nil
    parts = RunningParts(tokenizer, layout: layout, limit: limit)
    self.byteCount = byteCount
  }

  /// Words of the text so far that are not said.
  var leftOut: LeftOutWords { english?.leftOut ?? LeftOutWords() }

  /// Takes more of the text.
  package mutating func append(_ text: some StringProtocol) -> [Event] {
    writtenBytes += text.utf8.count
    var events: [Event] = []
    if let spoken = english?.append(text) {
      read(spoken, &events)
    } else {
      share(0)
      parts.append(text, to: &events)
    }
    return events
  }

  /// Ends the text.
  package mutating func finish() -> [Event] {
    var events: [Event] = []
    if let spoken = english?.finish() { read(spoken, &events) }
    if let pieces = repetitions?.finish() { read(pieces, &events) }
    parts.end(nextRepeats: nil, to: &events)
    return events
  }

  /// - Parameter spoken: Whole words.
  private mutating func read(_ spoken: String, _ events: inout [Event]) {
    guard !spoken.isEmpty else { return }
    read(repetitions?.append(spoken) ?? [.text(spoken)], &events)
    if repetitions?.isEmpty ?? true { parts.endWord(&events) }
  }

  private mutating func read(
    _ pieces: [RepeatedWords.Running.Piece], _ events: inout [Event]
  ) {
    var rest = pieces.reduce(0) { $0 + $1.text.utf8.count }
    for piece in pieces {
      rest -= piece.text.utf8.count
      share(rest)
      switch piece {
      case .text(let text): parts.append(text, to: &events)
      case .group(let text, let unit):
        parts.end(nextRepeats: unit, to: &events)
        parts.append(text, to: &events)
        parts.end(nextRepeats: nil, to: &events)
      }
    }
  }

  /// - Parameter bytes: Bytes that come to the parts only after those that come next.
  private mutating func share(_ bytes: Int) {
    let count = max(byteCount ?? writtenBytes, 1)
    let held = (english?.heldBytes ?? 0) + (repetitions?.heldBytes ?? 0) + bytes
    parts.share = (count, count - writtenBytes + held)
  }
}
