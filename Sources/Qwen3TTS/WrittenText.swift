// SPDX-License-Identifier: MIT

/// A text that is still being written, and a place in it up to which it was read.
///
/// Places are UTF-8 offsets, which stay what they are when text is appended.
struct WrittenText: Sendable {
  private(set) var text = ""
  /// Where the next character begins.
  var cursor = 0
  /// Whether nothing more comes.
  var isComplete = false
  /// Up to where nothing but spaces follows the line break at the cursor.
  private var endOfGap = 0

  /// Bytes that were forgotten at a time, so that forgetting takes no time to speak of.
  private static let forgotten = 16_384

  mutating func append(_ more: some StringProtocol) { text += more }

  func index(_ place: Int) -> String.Index { text.utf8.index(text.startIndex, offsetBy: place) }

  func place(_ index: String.Index) -> Int {
    text.utf8.distance(from: text.startIndex, to: index)
  }

  subscript(range: Range<Int>) -> Substring {
    text[index(range.lowerBound)..<index(range.upperBound)]
  }

  /// The character at a place, where it ends, and whether it is the same whatever is appended. One that is
  /// not may still be joined by marks, which change neither whether it is a space nor whether it is
  /// a line break.
  func character(at place: Int) -> (character: Character, end: Int, isSure: Bool)? {
    let start = index(place)
    guard start < text.endIndex else { return nil }
    let next = text.index(after: start)
    let character = text[start]
    let isSure =
      isComplete || next < text.endIndex || character == "\n" || character == "\r\n"
    return (character, self.place(next), isSure)
  }

  /// Whether the line break at the cursor ends a paragraph; `nil` while that depends on what comes.
  mutating func endsParagraph() -> Bool? {
    let index = index(cursor)
    if SentenceSplitter.isShortLine(text[...], before: index) { return true }
    var place = max(endOfGap, self.place(text.index(after: index)))
    while let (character, end, isSure) = character(at: place) {
      if character.isNewline { return true }
      if !character.isWhitespace { return false }
      guard isSure else { break }
      place = end
    }
    endOfGap = place
    return isComplete ? true : nil
  }

  /// Forgets what precedes a place, now and then, except for the line before it.
  ///
  /// - Returns: Bytes that were forgotten: all places are so much lower.
  mutating func forget(before place: Int) -> Int {
    guard place > Self.forgotten else { return 0 }
    let keep = text.index(
      index(place), offsetBy: -2 * SentenceSplitter.shortestWrappedLine, limitedBy: text.startIndex)
    guard let keep else { return 0 }
    let count = self.place(keep)
    text.removeSubrange(..<keep)
    cursor -= count
    endOfGap -= min(count, endOfGap)
    return count
  }
}
