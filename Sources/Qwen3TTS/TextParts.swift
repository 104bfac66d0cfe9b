// SPDX-License-Identifier: MIT

package import SpeechModel
import TextNormalization
package import TextTokenizer

/// A text a few thousand characters at a time, each section written out in English words, so that a
/// long text starts to speak as soon as a short one.
///
/// Normalising comes before cutting: once abbreviations are words, the full stops that are left end
/// sentences, and parts are measured by what is said.
struct EnglishSections: Sequence, IteratorProtocol {
  struct Section {
    var text: String
    /// Share of the whole text up to its end, 0…1.
    var end: Double
    /// Whether it begins inside a paragraph.
    var isContinued: Bool
  }

  /// Bytes after which a section ends as soon as it can.
  private static let length = 4_000
  /// Characters of a paragraph that are read at once: all, unless it goes on for pages.
  static let longestReading = 8_000

  private var rest: Substring
  private let byteCount: Int
  /// What is being said of the text, and its bytes.
  private var reading: SpokenPieces?
  private var readingBytes = 0
  /// What goes before the next piece: a gap between paragraphs, a space between two readings of one.
  private var gap = ""
  /// Whether `rest` begins inside a paragraph.
  private var isInParagraph = false
  /// Words of what was looked at that are not said.
  private(set) var leftOut = LeftOutWords()

  init(_ text: String) {
    rest = text[...]
    byteCount = text.utf8.count
  }

  mutating func next() -> Section? {
    var text = ""
    var isContinued = false
    while text.utf8.count < Self.length {
      if let piece = reading?.next() {
        if text.isEmpty {
          isContinued = gap != "\n\n"
          text = String(piece.drop { $0 == " " })
        } else {
          text += gap + piece
        }
        // Pieces of one reading bring the space between them.
        gap = ""
      } else if !read() {
        break
      }
    }
    guard !text.isEmpty else { return nil }
    let unread = Double(rest.utf8.count) + (1 - (reading?.share ?? 1)) * Double(readingBytes)
    return Section(text: text, end: 1 - unread / Double(byteCount), isContinued: isContinued)
  }

  /// Takes the next paragraph, by itself because longer lines could not be distinguished from wrapped ones, or
  /// the next pages of it.
  private mutating func read() -> Bool {
    guard !rest.isEmpty else { return false }
    // A gap stays until something is said after it.
    gap = isInParagraph && gap != "\n\n" ? " " : "\n\n"
    let (end, isWhole) = endOfReading()
    let source = rest[..<end]
    rest = rest[end...]
    if isWhole { rest = rest.dropFirst() }
    isInParagraph = !isWhole
    leftOut.look(at: source)
    reading = EnglishNormalizer.pieces(of: String(source))
    readingBytes = source.utf8.count
    return true
  }

  /// Where the paragraph ends, or after some pages of it the next sentence, or else the last word.
  private func endOfReading() -> (Substring.Index, isWhole: Bool) {
    var lastSpace: Substring.Index?
    for (count, index) in rest.indices.enumerated() {
      if SentenceSplitter.endsParagraph(rest, at: index) { return (index, true) }
      guard count >= Self.longestReading else { continue }
      if endsSentence(index) { return (rest.index(after: index), false) }
      if rest[index].isWhitespace { lastSpace = index }
      if count >= 2 * Self.longestReading, let lastSpace { return (lastSpace, false) }
    }
    return (rest.endIndex, true)
  }

  /// A mark after a word that is no abbreviation, and a capital after a space.
  private func endsSentence(_ index: Substring.Index) -> Bool {
    guard Self.mayEndSentence(rest[index], after: rest[..<index]) else { return false }
    let following = rest[rest.index(after: index)...].prefix(2)
    return following.count == 2 && following.first?.isWhitespace ?? false
      && following.last?.isUppercase ?? false
  }

  static func mayEndSentence(_ mark: Character, after text: Substring) -> Bool {
    ".!?".contains(mark) && text.suffix(4).allSatisfy(\.isLowercase)
  }
}

/// Words of a text that English has no way to say.
struct LeftOutWords {
  /// So many are named; the others are counted.
  private static let named = 10

  private(set) var words: [String] = []
  private(set) var count = 0

  mutating func look(at text: Substring) {
    // Most texts are ASCII throughout.
    guard text.utf8.contains(where: { $0 >= 0x80 }) else { return }
    for word in text.split(whereSeparator: \.isWhitespace)
    where word.unicodeScalars.contains(where: EnglishNormalizer.leavesOut) {
      count += 1
      let isMark = { (character: Character) in !character.isLetter && !character.isNumber }
      let word = String(word.trimmed(of: isMark))
      if words.count < Self.named, !words.contains(word) { words.append(word) }
    }
  }

  /// What a listener should know; `nil` where nothing was left out.
  var notice: String? {
    guard count > 0 else { return nil }
    return "Left out, because this voice has no way to say it: \(words.joined(separator: ", "))"
      + (count > words.count ? " (\(count) words in all)." : ".")
  }
}

/// A part of a text to speak in one go.
package struct TextPart: Equatable {
  package var text: String
  /// Share of the whole text up to its end, 0…1.
  package var end: Double
  /// The words it repeats, where it is a group of many repetitions.
  package var repeated: String?
  /// Whether it repeats what the part before it does.
  package var isContinued = false

  package init(text: String, end: Double, repeated: String? = nil, isContinued: Bool = false) {
    (self.text, self.end) = (text, end)
    (self.repeated, self.isContinued) = (repeated, isContinued)
  }
}

/// The parts of a text, cut as they are asked for.
///
/// For the whole layout, as many sentences as fit go into a part. For the incremental layout a part is
/// what it would be if the text were still being written.
package struct TextParts: Sequence, IteratorProtocol {
  private var running: RunningText?
  private var sections: EnglishSections?
  private var splitter: SentenceSplitter?
  /// A part that was looked for before it was asked for.
  private var ahead: TextPart?
  /// Groups of the section that come after the one that is being split, last first.
  private var groups: [RepeatedWords.Group] = []
  private var group: RepeatedWords.Group?
  /// Whether the next part repeats what the last one did.
  private var continues = false
  /// Share of the whole text at the group's beginning and end.
  private var share = (begin: 0.0, end: 1.0)
  /// The same of the section.
  private var sectionBegin = 0.0
  private var sectionEnd = 0.0
  private var sectionBytes = 1.0
  private let groupsRepetitions: Bool
  private let limit: Int
  private let length: (Substring) -> Int

  /// - Parameters:
  ///   - layout: When the model sees the text of a part.
  ///   - isEnglish: Whether the text is written out in English words.
  ///   - groupsRepetitions: Whether words that are repeated many times are cut into groups.
  ///   - limit: The most tokens of a part.
  package init(
    _ text: String, layout: PromptLayout, isEnglish: Bool, groupsRepetitions: Bool = false,
    limit: Int, tokenizer: TextTokenizer
  ) {
    self.groupsRepetitions = groupsRepetitions
    self.limit = limit
    length = { tokenizer.encode(String($0), addedTokens: .asText).count }
    if layout == .incremental {
      running = RunningText(
        rest: text[...],
        live: LiveText(
          tokenizer, layout: layout, isEnglish: isEnglish, groupsRepetitions: groupsRepetitions,
          limit: limit, byteCount: text.utf8.count))
    } else if isEnglish {
      sections = EnglishSections(text)
    } else {
      splitter = SentenceSplitter(text, limit: limit, length: length)
    }
  }

  /// Words of the text up to here that are not said.
  var leftOut: LeftOutWords { running?.live.leftOut ?? sections?.leftOut ?? LeftOutWords() }

  /// Whether a part is left.
  mutating func hasNext() -> Bool {
    ahead = ahead ?? makeNext()
    return ahead != nil
  }

  package mutating func next() -> TextPart? {
    defer { ahead = nil }
    return ahead ?? makeNext()
  }

  private mutating func makeNext() -> TextPart? {
    if running != nil { return running?.next() }
    while true {
      if let part = splitter?.next() {
        defer { continues = group?.unit != nil }
        return TextPart(
          text: part.text, end: share.begin + part.end * (share.end - share.begin),
          repeated: group?.unit, isContinued: continues)
      }
      if let next = groups.popLast() {
        continues = next.unit != nil && next.unit == group?.unit
        group = next
        let size = Double(next.text.utf8.count) / sectionBytes * (sectionEnd - sectionBegin)
        share = (share.end, Swift.min(sectionEnd, share.end + size))
        splitter = SentenceSplitter(next.text, limit: limit, length: length)
        continue
      }
      guard let section = sections?.next() else { return nil }
      (sectionBegin, sectionEnd) = (sectionEnd, section.end)
      sectionBytes = Double(section.text.utf8.count)
      share = (sectionBegin, sectionBegin)
      // Before sentences are packed, so that no repetition is left over at the end of a part.
      groups =
        groupsRepetitions
        ? RepeatedWords.groups(of: section.text).reversed() : [.init(text: section.text)]
    }
  }
}

/// A text as if it were still being written, a few sentences at a time.
private struct RunningText {
  var rest: Substring
  var live: LiveText
  /// Parts that are ready, the next one last.
  var ready: [TextPart] = []

  /// Characters at a time.
  private static let pace = 500

  mutating func next() -> TextPart? {
    // One more than is asked for, so that the last is known to be it.
    while ready.count < 2, !rest.isEmpty {
      let piece = rest.prefix(Self.pace)
      rest = rest[piece.endIndex...]
      let events = live.append(piece) + (rest.isEmpty ? live.finish() : [])
      ready.insert(
        contentsOf: events.reversed().compactMap {
          if case .end(let part) = $0 { part } else { nil }
        }, at: 0)
    }
    var part = ready.popLast()
    if ready.isEmpty { part?.end = 1 }
    return part
  }
}
