// SPDX-License-Identifier: MIT

/// Cuts a long text into parts the model speaks well in one go: at the ends of sentences where it
/// can, else at commas, else at spaces, else anywhere. Nothing but the spaces between parts is lost.
struct SentenceSplitter {
  /// The most a part may measure.
  let limit: Int
  /// Measures a part, in tokens.
  let length: (Substring) -> Int

  init(limit: Int, length: @escaping (Substring) -> Int) {
    self.limit = limit
    self.length = length
  }

  /// The parts, none without a letter or digit.
  func split(_ text: String) -> [String] {
    var parts: [Substring] = []
    pack(text[...], by: [Self.sentences, Self.clauses, Self.words], into: &parts)
    var spoken: [String] = []
    for part in parts {
      let part = String(part.trimmed)
      let says = part.contains { $0.isLetter || $0.isNumber }
      if says {
        spoken.append(part)
      } else if let last = spoken.last, !part.isEmpty {
        // Punctuation alone goes with what precedes it.
        spoken[spoken.count - 1] = last + part
      }
    }
    return spoken
  }

  /// Joins neighbouring pieces up to the limit; cuts a piece that is too long by the next means.
  private func pack(
    _ text: Substring, by means: [(Substring) -> [Substring]], into parts: inout [Substring]
  ) {
    if length(text) <= limit {
      parts.append(text)
      return
    }
    guard let cut = means.first else {
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
    for piece in cut(text) {
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
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "vs", "etc", "e.g", "i.e", "no", "fig", "vol",
    "approx", "inc", "ltd", "co", "dept", "est", "gen", "col", "sgt", "rev", "hon", "p", "pp",
  ]

  private static func sentences(_ text: Substring) -> [Substring] {
    cut(text) { index in
      let character = text[index]
      if character.isNewline { return true }
      if "。！？…؟।".contains(character) { return true }
      guard ".!?".contains(character) else { return false }
      let next = text.index(after: index)
      guard next < text.endIndex else { return true }
      // Closing quotes and brackets belong to the sentence; then a space must follow.
      guard text[next].isWhitespace || "\"')]”’»".contains(text[next]) else { return false }
      guard character == "." else { return true }
      let word = text[..<index].reversed().prefix { !$0.isWhitespace && $0 != "(" }
      let spelled = String(word.reversed()).lowercased()
      return !(abbreviations.contains(spelled) || spelled.count == 1 && spelled != "i")
    }
  }

  private static func clauses(_ text: Substring) -> [Substring] {
    cut(text) { ",;:—–，、；：".contains(text[$0]) }
  }

  private static func words(_ text: Substring) -> [Substring] {
    cut(text) { text[$0].isWhitespace }
  }

  /// Pieces that end after each character for which `ends` holds, and what closes after it.
  private static func cut(
    _ text: Substring, after ends: (String.Index) -> Bool
  ) -> [Substring] {
    var pieces: [Substring] = []
    var start = text.startIndex
    var index = text.startIndex
    while index < text.endIndex {
      let isEnd = ends(index)
      index = text.index(after: index)
      guard isEnd else { continue }
      while index < text.endIndex, ".!?\"')]”’»。！？…".contains(text[index]) {
        index = text.index(after: index)
      }
      pieces.append(text[start..<index])
      start = index
    }
    if start < text.endIndex { pieces.append(text[start...]) }
    return pieces
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    let head = drop { $0.isWhitespace }
    guard let last = head.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return head[...last]
  }
}
