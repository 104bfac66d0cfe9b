// SPDX-License-Identifier: MIT

/// Token ids of a text that is still being written, as soon as no more text can change them:
///
///     var tokens = AppendableTokenizer(tokenizer)
///     tokens.append("Hello wor")   // Hello
///     tokens.append("ld this is")  // world this
///     tokens.finish()              // is
///
/// However the text is cut, the ids together are those between the wrapper's three first and five last
/// tokens: `tokenizer.targetIDs(text).dropFirst(3).dropLast(5)`. Held back are the last word or run of
/// signs, and a character that a mark may still join. The time is linear in the text.
package struct AppendableTokenizer: Sendable {
  private let tokenizer: TextTokenizer
  /// Scalars from the last one that composes with nothing before it, not yet composed.
  private var open: [Unicode.Scalar] = []
  /// Composed scalars whose pieces may still change.
  private var pieces: [Unicode.Scalar]
  private var lastClass: Unicode.Scalar.PieceClass?
  /// Ids that are still to come of the wrapper itself: the role, and the newline with what merges
  /// with it.
  private var wrapperIDs = 2

  package init(_ tokenizer: TextTokenizer) {
    self.tokenizer = tokenizer
    pieces = Array("assistant\n".unicodeScalars)
  }

  /// Takes more of the text, at least a Unicode scalar.
  ///
  /// - Returns: The ids that have become sure.
  package mutating func append(_ text: some StringProtocol) -> [Int32] {
    var mayEndPiece = false
    for scalar in text.unicodeScalars {
      if scalar.beginsComposition {
        // A piece ends where a run of one class does.
        let pieceClass = scalar.pieceClass
        if pieceClass != lastClass || pieceClass == .number { mayEndPiece = true }
        lastClass = pieceClass
        compose()
      }
      open.append(scalar)
    }
    guard mayEndPiece else { return [] }
    // Marks that join the first open scalar leave it in its class.
    var sure = TextPieces(pieces + open.prefix(1))
    var ids: [Int32] = []
    while let piece = sure.nextSure() { ids += tokenizer.encodePiece(piece) }
    pieces.removeFirst(sure.position)
    return withoutWrapper(ids)
  }

  /// Ends a word: a space follows, or the end of the text.
  ///
  /// - Precondition: The text does not end in a space, and the next that is appended begins with one
  ///   that is no line break.
  /// - Returns: All ids that were held back.
  package mutating func endWord() -> [Int32] {
    compose()
    defer { pieces = [] }
    return withoutWrapper(TextPieces(pieces).flatMap { tokenizer.encodePiece($0) })
  }

  /// Ends the text.
  ///
  /// - Returns: All ids that were held back.
  package mutating func finish() -> [Int32] { endWord() }

  /// Moves the open scalars to the pieces.
  private mutating func compose() {
    guard let first = open.first else { return }
    if open.count == 1, first.isASCII {
      pieces.append(first)
    } else {
      var text = String.UnicodeScalarView()
      text.append(contentsOf: open)
      pieces += TextTokenizer.composed(Substring(String(text)))
    }
    open.removeAll(keepingCapacity: true)
  }

  private mutating func withoutWrapper(_ ids: [Int32]) -> [Int32] {
    let count = min(wrapperIDs, ids.count)
    wrapperIDs -= count
    return Array(ids.dropFirst(count))
  }
}

extension Unicode.Scalar {
  /// Whether composition never joins this with what precedes it. Some for which that holds are not
  /// counted, such as vowel signs.
  fileprivate var beginsComposition: Bool {
    if isASCII { return true }
    switch value {
    // Medial vowels and final consonants of Hangul; the vowels of Kirat Rai, which are letters.
    case 0x1160...0x11FF, 0xD7B0...0xD7FF, 0x16D40...0x16D7F: return false
    default: break
    }
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark: return false
    default: return properties.canonicalCombiningClass == .notReordered
    }
  }
}
