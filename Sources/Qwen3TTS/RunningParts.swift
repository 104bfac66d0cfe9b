// SPDX-License-Identifier: MIT

import SpeechModel
import TextTokenizer

/// Cuts a text that is still being written into parts, by a rule that looks at nothing that comes later, so
/// that the tokens of a part are known before its end is.
///
/// In the incremental layout a part ends with the first sentence that ends in its second half, measured
/// against the limit; else with the first clause that ends in its last quarter; else with the last word
/// that fits. In the whole layout every sentence is a part, unless it is longer than that. A stretch
/// without spaces that has as many characters as a part may have tokens is cut there. Marks alone go
/// before the part that follows; at the end of the text they are left out.
struct RunningParts: Sendable {
  private let tokenizer: TextTokenizer
  /// The most tokens of a part, and from how many on it ends where a sentence or a clause does.
  private let limit: Int
  private let endOfSentence: Int
  private let endOfClause: Int
  /// Whether tokens come out before the part has ended.
  private let flows: Bool
  private var written = WrittenText()
  private var part: OpenPart?
  /// Up to where the text is in parts.
  private var taken = 0
  /// What was read since the last space.
  private var stretch: Stretch?
  /// Whether a line break, and spaces, are all that was read since.
  private var isAfterLineBreak = false
  /// What the text repeats, where it is a group of repetitions, and what the last part repeats.
  private var unit: String?
  private var lastUnit: String?
  /// Bytes of the whole text, as far as it is known, and those that were not appended here yet.
  var share = (byteCount: 1, rest: 0)
  /// Share of the text up to the end of the last part.
  private var end = 0.0

  fileprivate struct OpenPart {
    var begin: Int
    var tokens: AppendableTokenizer
    /// Sure ids that are not out, and the number of all.
    var ids: [Int32] = []
    var sureCount = 0
    /// Ids it has if nothing more comes.
    var count = 0
    var text = ""
    /// What of it is not out.
    var newText = ""
    /// Whether it has a letter or a digit, and whether anybody knows of it.
    var isSpeakable = false
    var isOut = false
  }

  private struct Stretch {
    var begin: Int
    /// Its characters.
    var count = 0
    /// What ends with the last of them, where no space has to follow.
    var end: End?
  }

  private enum End { case sentence, clause, word, anywhere }

  init(_ tokenizer: TextTokenizer, layout: PromptLayout, limit: Int) {
    self.tokenizer = tokenizer
    self.limit = limit
    flows = layout == .incremental
    endOfSentence = flows ? (limit + 1) / 2 : 1
    endOfClause = limit - limit / 4
  }

  /// Bytes that are in no part yet.
  private var heldBytes: Int { written.text.utf8.count - taken }

  mutating func append(_ text: some StringProtocol, to events: inout [LiveText.Event]) {
    written.append(text)
    read(&events)
    let forgotten = written.forget(before: part?.begin ?? taken)
    taken -= forgotten
    part?.begin -= forgotten
    stretch?.begin -= forgotten
  }

  /// Ends a word: a space follows, or the end.
  mutating func endWord(_ events: inout [LiveText.Event]) {
    written.isComplete = true
    read(&events)
    endStretch(.word, &events)
    written.isComplete = false
  }

  /// Ends what was appended, the part included.
  ///
  /// - Parameter unit: What the text that comes next repeats.
  mutating func end(nextRepeats unit: String?, to events: inout [LiveText.Event]) {
    endWord(&events)
    endPart(&events)
    self.unit = unit
    written = WrittenText()
    taken = 0
    isAfterLineBreak = false
  }

  // MARK: Reading

  private mutating func read(_ events: inout [LiveText.Event]) {
    while let (character, end, isSure) = written.character(at: written.cursor) {
      if character.isWhitespace {
        endStretch(.word, &events)
        guard isSure else { return }
        if character.isNewline { readLineBreak(&events) }
      } else {
        let mark = character.onlyScalar
        let closes = mark.map(SentenceSplitter.closers.unicodeScalars.contains) ?? false
        if let end = stretch?.end, !closes { endStretch(end, &events) }
        guard isSure else { return }
        isAfterLineBreak = false
        lengthenStretch(by: mark, closes: closes)
      }
      written.cursor = end
      if let stretch, stretch.count >= limit { endStretch(.anywhere, &events) }
    }
  }

  private mutating func lengthenStretch(by mark: Unicode.Scalar?, closes: Bool) {
    var stretch = stretch ?? Stretch(begin: written.cursor)
    stretch.count += 1
    switch mark {
    case "。", "！", "？", "؟", "।": stretch.end = .sentence
    case "，", "、", "；", "：", "…": if stretch.end != .sentence { stretch.end = .clause }
    default: if !closes { stretch.end = nil }
    }
    self.stretch = stretch
  }

  /// The end of a paragraph is one of a sentence.
  private mutating func readLineBreak(_ events: inout [LiveText.Event]) {
    let endsParagraph =
      isAfterLineBreak
      || SentenceSplitter.isShortLine(written.text[...], before: written.index(written.cursor))
    isAfterLineBreak = true
    if endsParagraph, let part, part.isSpeakable, part.count >= endOfSentence {
      endPart(&events)
    }
  }

  /// Takes the stretch before the cursor into a part.
  private mutating func endStretch(_ end: End, _ events: inout [LiveText.Event]) {
    guard let ended = stretch else { return }
    stretch = nil
    if take(ended, end, &events) { return }
    // It does not fit.
    endPart(&events)
    _ = take(ended, end, &events)
  }

  private mutating func take(
    _ stretch: Stretch, _ end: End, _ events: inout [LiveText.Event]
  ) -> Bool {
    let isFirst = part == nil
    var part = part ?? OpenPart(begin: stretch.begin, tokens: AppendableTokenizer(tokenizer))
    let text = written[(isFirst ? stretch.begin : taken)..<written.cursor]
    var ids = part.tokens.append(text)
    // Line breaks may belong to the marks before them.
    if let next = written.character(at: written.cursor)?.character, next.isWhitespace,
      !next.isLineBreakOfTokenizer
    {
      ids += part.tokens.endWord()
    }
    var rest = part.tokens
    part.ids += ids
    part.sureCount += ids.count
    part.count = part.sureCount + rest.finish().count
    let count = part.count
    guard count <= limit || isFirst else { return false }
    part.text += text
    part.newText += text
    part.isSpeakable = part.isSpeakable || text.isSpeakable
    let ends =
      switch kind(end, stretch, part) {
      case .sentence: count >= endOfSentence
      case .clause: count >= endOfClause
      case .word: false
      case .anywhere: true
      }
    taken = written.cursor
    if flows { part.putOut(isContinued: isContinued, to: &events) }
    self.part = part
    if count >= limit || ends && part.isSpeakable { endPart(&events) }
    return true
  }

  /// What ends with a stretch.
  private func kind(_ end: End, _ stretch: Stretch, _ part: OpenPart) -> End {
    guard end == .word else { return end }
    if let end = stretch.end { return end }
    let text = written.text[written.index(part.begin)...]
    let begin = written.index(stretch.begin)
    var index = written.index(written.cursor)
    if SentenceSplitter.endsClause(text, text.index(before: index)) { return .clause }
    while index > begin {
      index = text.index(before: index)
      guard SentenceSplitter.closers.contains(text[index]) else { break }
      if SentenceSplitter.endsSentence(text, index) { return .sentence }
    }
    return .word
  }

  private var isContinued: Bool { unit != nil && unit == lastUnit }

  private mutating func endPart(_ events: inout [LiveText.Event]) {
    guard var ended = part else { return }
    part = nil
    guard ended.isSpeakable else { return }
    ended.ids += ended.tokens.finish()
    ended.putOut(isContinued: isContinued, to: &events)
    end = max(end, 1 - Double(share.rest + heldBytes) / Double(share.byteCount))
    events.append(
      .end(
        TextPart(
          text: ended.text, end: end, repeated: unit, isContinued: isContinued)
      ))
    lastUnit = unit
  }
}

extension RunningParts.OpenPart {
  fileprivate mutating func putOut(isContinued: Bool, to events: inout [LiveText.Event]) {
    guard isSpeakable else { return }
    if !isOut { events.append(.begin(isContinued: isContinued)) }
    isOut = true
    if !ids.isEmpty || !newText.isEmpty { events.append(.tokens(ids, text: newText)) }
    ids = []
    newText = ""
  }
}

extension Character {
  /// A character of one scalar: comparing scalars is many times faster.
  fileprivate var onlyScalar: Unicode.Scalar? {
    let scalars = unicodeScalars
    return scalars.index(after: scalars.startIndex) == scalars.endIndex ? scalars.first : nil
  }

  /// Whether the tokenizer's pattern counts it among the line breaks.
  fileprivate var isLineBreakOfTokenizer: Bool {
    unicodeScalars.first == "\n" || unicodeScalars.first == "\r"
  }
}
