// SPDX-License-Identifier: MIT

/// Splits a long text into parts that the model speaks well at once: at the ends of sentences where it
/// can, else at commas, else at spaces, else anywhere. Nothing but the spaces between parts is lost.
///
/// Parts are found as they are asked for, so that a long text starts to speak as soon as a short one.
package struct SentenceSplitter: Sequence, IteratorProtocol {
  /// Text to speak at once; it contains a letter or a digit.
  package struct Part: Equatable {
    package var text: String
    /// Share of the whole text up to its end, 0…1.
    package var end: Double
  }

  /// The most a part may measure.
  private let limit: Int
  /// Measures a part, in tokens.
  private let length: (Substring) -> Int
  private let byteCount: Int
  private var rest: Substring
  /// Pieces of a sentence that is too long, last first.
  private var pieces: [Substring] = []
  /// The next part, kept back for punctuation that may follow it.
  private var held: Part?

  package init(_ text: String, limit: Int, length: @escaping (Substring) -> Int) {
    self.limit = limit
    self.length = length
    byteCount = text.utf8.count
    rest = text[...]
  }

  /// Whether a paragraph ends at a line break.
  static func endsParagraph(_ text: Substring, at index: String.Index) -> Bool {
    text[index].isNewline && endsParagraph(text, index)
  }

  package mutating func next() -> Part? {
    while let piece = nextPiece() {
      let text = String(piece.trimmed)
      let end = 1 - Double(rest.utf8.count) / Double(byteCount)
      if text.isSpeakable {
        let ready = held
        held = Part(text: text, end: end)
        if let ready { return ready }
      } else if let last = held {
        // Punctuation alone goes with what precedes it.
        held = Part(text: last.text + text, end: end)
      }
    }
    defer { held = nil }
    return held
  }

  /// As many sentences as fit, or a piece of one that does not.
  private mutating func nextPiece() -> Substring? {
    if let piece = pieces.popLast() { return piece }
    guard !rest.isEmpty else { return nil }
    // No more of a sentence without an end is looked at than can be needed, however long it is.
    let window = rest.prefix(Self.charactersPerToken * Swift.max(limit, 16))
    var end = Self.end(of: window, where: Self.endsSentence)
    let first = rest[..<end]
    guard length(first) <= limit else {
      var packed: [Substring] = []
      pack(first, by: [Self.endsClause, Self.endsWord], into: &packed)
      // The last piece of a window ends where nothing does.
      if end == window.endIndex, end < rest.endIndex, packed.count > 1 {
        end = packed.removeLast().startIndex
      }
      rest = rest[end...]
      pieces = packed.reversed()
      return pieces.popLast()
    }
    while end < rest.endIndex {
      let longer = Self.end(of: rest[end...], where: Self.endsSentence)
      guard length(rest[..<longer]) <= limit else { break }
      end = longer
    }
    defer { rest = rest[end...] }
    return rest[..<end]
  }

  /// Joins neighbouring pieces up to the limit; cuts a piece that is too long by the next means.
  private func pack(
    _ text: Substring, by means: [(Substring, String.Index) -> Bool],
    into parts: inout [Substring]
  ) {
    if length(text) <= limit {
      parts.append(text)
      return
    }
    guard let ends = means.first else {
      // No space anywhere: halves, until they fit.
      guard text.count > 1 else {
        parts.append(text)
        return
      }
      let middle = text.index(text.startIndex, offsetBy: text.count / 2)
      pack(text[..<middle], by: [], into: &parts)
      pack(text[middle...], by: [], into: &parts)
      return
    }
    var open: Substring?
    var rest = text
    while !rest.isEmpty {
      let piece = rest[..<Self.end(of: rest, where: ends)]
      rest = rest[piece.endIndex...]
      if let current = open {
        let joined = text[current.startIndex..<piece.endIndex]
        if length(joined) <= limit {
          open = joined
          continue
        }
        parts.append(current)
        open = nil
      }
      if length(piece) <= limit {
        open = piece
      } else {
        pack(piece, by: Array(means.dropFirst()), into: &parts)
      }
    }
    if let open { parts.append(open) }
  }

  /// Words before a full stop that end no sentence.
  private static let abbreviations: Set<String> = [
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "vs", "etc", "e.g", "i.e", "no", "fig",
    "vol",
    "approx", "inc", "ltd", "co", "dept", "est", "gen", "col", "sgt", "rev", "hon", "p", "pp",
  ]

  static func endsSentence(_ text: Substring, _ index: String.Index) -> Bool {
    let character = text[index]
    if character.isNewline { return endsParagraph(text, index) }
    if "。！？…؟।".contains(character) { return true }
    guard ".!?".contains(character) else { return false }
    let next = text.index(after: index)
    guard next < text.endIndex else { return true }
    // Closing quotes and brackets belong to the sentence; then a space must follow.
    guard text[next].isWhitespace || "\"')]”’»".contains(text[next]) else { return false }
    guard character == "." else { return true }
    let before = text[..<index].reversed()
    let word = before.prefix { !$0.isWhitespace && $0 != "(" }
    let spelled = String(word.reversed()).lowercased()
    if spelled.count == 1, spelled != "i" {
      // An initial, unless it is the last of letters that are spelled out: "five P M."
      let previous = before[word.endIndex...].drop(while: \.isWhitespace)
        .prefix { !$0.isWhitespace }
      return previous.count == 1 && previous.allSatisfy(\.isLetter)
    }
    return !abbreviations.contains(spelled)
  }

  /// Whether a line's end is more than the wrapping of a paragraph: an empty line follows, or the
  /// line is too short to have been wrapped (a title, a list, verse).
  private static func endsParagraph(_ text: Substring, _ index: String.Index) -> Bool {
    let next = text[text.index(after: index)...].first { $0.isNewline || !$0.isWhitespace }
    return next?.isNewline ?? true || isShortLine(text, before: index)
  }

  /// Whether the line before a line break is too short to have been wrapped.
  static func isShortLine(_ text: Substring, before index: String.Index) -> Bool {
    // The line may begin before `text` does.
    let line = text.base[..<index].suffix(shortestWrappedLine)
    return line.count < shortestWrappedLine || line.contains(where: \.isNewline)
  }

  static let shortestWrappedLine = 45
  /// More than a token of ordinary text has.
  private static let charactersPerToken = 30

  static func endsClause(_ text: Substring, _ index: String.Index) -> Bool {
    ",;:—–，、；：".contains(text[index])
  }

  private static func endsWord(_ text: Substring, _ index: String.Index) -> Bool {
    text[index].isWhitespace
  }

  /// What closes after the end of a sentence belongs to it.
  static let closers = ".!?\"')]”’»。！？…"

  /// Index after the first character for which `ends` holds, and after what closes after it.
  private static func end(
    of text: Substring, where ends: (Substring, String.Index) -> Bool
  ) -> String.Index {
    var index = text.startIndex
    while index < text.endIndex {
      let isEnd = ends(text, index)
      index = text.index(after: index)
      guard isEnd else { continue }
      while index < text.endIndex, closers.contains(text[index]) {
        index = text.index(after: index)
      }
      break
    }
    return index
  }
}

extension StringProtocol {
  /// Whether there is a letter or a digit. One may be hidden by a mark in the same character.
  var isSpeakable: Bool {
    unicodeScalars.contains { $0.properties.isAlphabetic || $0.properties.numericType != nil }
  }
}

extension Substring {
  /// Without the spaces at either end.
  var trimmed: Substring { trimmed(of: \.isWhitespace) }

  /// Without such characters at either end.
  func trimmed(of isLeftOut: (Character) -> Bool) -> Substring {
    let head = drop(while: isLeftOut)
    guard let last = head.lastIndex(where: { !isLeftOut($0) }) else { return "" }
    return head[...last]
  }
}
