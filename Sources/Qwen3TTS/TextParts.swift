// SPDX-License-Identifier: MIT

import TextNormalization

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
    /// Whether its last paragraph continues in the next section.
    var isOpen: Bool
  }

  /// Characters after which a section ends as soon as it can.
  private static let length = 4_000

  private var rest: Substring
  private let byteCount: Int

  init(_ text: String) {
    rest = text[...]
    byteCount = text.utf8.count
  }

  mutating func next() -> Section? {
    while !rest.isEmpty {
      let end = Self.end(of: rest)
      let paragraphs = SentenceSplitter.paragraphs(of: rest[..<end])
      rest = rest[end...]
      // Each paragraph by itself, because longer lines could no longer be distinguished from wrapped ones.
      let text = paragraphs.map { EnglishNormalizer.normalize(String($0)) }
        .filter { !$0.isEmpty }.joined(separator: "\n\n")
      guard !text.isEmpty else { continue }
      return Section(
        text: text, end: 1 - Double(rest.utf8.count) / Double(byteCount),
        isOpen: paragraphs.last?.isEmpty == false)
    }
    return nil
  }

  /// The first place after the section's length where a paragraph ends, or a sentence without doubt.
  private static func end(of text: Substring) -> Substring.Index {
    guard var index = text.index(text.startIndex, offsetBy: length, limitedBy: text.endIndex) else {
      return text.endIndex
    }
    while index < text.endIndex {
      let next = text.index(after: index)
      if SentenceSplitter.endsParagraph(text, at: index) || endsSentence(text, index) {
        return next
      }
      index = next
    }
    return index
  }

  /// A mark after a word that is no abbreviation, and a capital after a space.
  private static func endsSentence(_ text: Substring, _ index: Substring.Index) -> Bool {
    guard ".!?".contains(text[index]), text[..<index].suffix(4).allSatisfy(\.isLowercase) else {
      return false
    }
    let following = text[text.index(after: index)...].prefix(2)
    return following.count == 2 && following.first?.isWhitespace ?? false
      && following.last?.isUppercase ?? false
  }
}

/// The parts of a text, cut as they are asked for.
struct TextParts: Sequence, IteratorProtocol {
  private var sections: EnglishSections?
  private var splitter: SentenceSplitter?
  /// Share of the whole text at the section's beginning and end.
  private var share = (begin: 0.0, end: 1.0)
  private let limit: Int
  private let length: (Substring) -> Int

  /// - Parameters:
  ///   - isEnglish: Whether the text is written out in English words.
  ///   - limit: The most a part may measure.
  ///   - length: Measures a part, in tokens.
  init(_ text: String, isEnglish: Bool, limit: Int, length: @escaping (Substring) -> Int) {
    self.limit = limit
    self.length = length
    if isEnglish {
      sections = EnglishSections(text)
      share.end = 0
    } else {
      splitter = SentenceSplitter(text, limit: limit, length: length)
    }
  }

  mutating func next() -> SentenceSplitter.Part? {
    while true {
      if var part = splitter?.next() {
        part.end = share.begin + part.end * (share.end - share.begin)
        return part
      }
      guard let section = sections?.next() else { return nil }
      share = (share.end, section.end)
      splitter = SentenceSplitter(section.text, limit: limit, length: length)
    }
  }
}
