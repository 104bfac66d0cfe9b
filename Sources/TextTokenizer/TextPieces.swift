// SPDX-License-Identifier: MIT

/// Cuts a text into the pieces that are merged separately, by the pattern
///
///     (?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N} | ?[^\s\p{L}\p{N}]+[\r\n]*
///     | \s*[\r\n]+ | \s+(?!\S) | \s+
///
/// whose alternatives are tried in this order at every place.
struct TextPieces: Sequence, IteratorProtocol {
  private let scalars: [Unicode.Scalar]
  private(set) var position = 0

  init(_ text: String) { self.init(Array(text.unicodeScalars)) }

  init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

  mutating func next() -> String? {
    guard position < scalars.count else { return nil }
    return take(upTo: end())
  }

  /// The next piece, if it is one whatever comes after the text.
  mutating func nextSure() -> String? {
    guard position < scalars.count else { return nil }
    let end = end()
    // Every alternative has seen the scalar that ended it; spaces look on to where they end.
    guard end < scalars.count, run(position, \.properties.isWhitespace) < scalars.count else {
      return nil
    }
    return take(upTo: end)
  }

  private func end() -> Int {
    contraction() ?? word() ?? number() ?? punctuation() ?? lineBreaks() ?? spaces()
  }

  private mutating func take(upTo end: Int) -> String {
    defer { position = end }
    var piece = String.UnicodeScalarView()
    piece.append(contentsOf: scalars[position..<end])
    return String(piece)
  }

  /// Index after the run of scalars from `start` on that are of a kind.
  private func run(_ start: Int, _ isOfKind: (Unicode.Scalar) -> Bool) -> Int {
    var end = start
    while end < scalars.count, isOfKind(scalars[end]) { end += 1 }
    return end
  }

  private func contraction() -> Int? {
    guard scalars[position] == "'" else { return nil }
    let rest = scalars[(position + 1)...].prefix(2).map { $0.properties.lowercaseMapping }
    switch rest.first {
    case "s", "t", "m", "d", "ſ": return position + 2
    default: break
    }
    return ["re", "ve", "ll"].contains(rest.joined()) ? position + 3 : nil
  }

  private func word() -> Int? {
    let first = scalars[position]
    if first.isLetter { return run(position, \.isLetter) }
    guard first != "\r", first != "\n", !first.isNumber, position + 1 < scalars.count,
      scalars[position + 1].isLetter
    else { return nil }
    return run(position + 1, \.isLetter)
  }

  private func number() -> Int? { scalars[position].isNumber ? position + 1 : nil }

  private func punctuation() -> Int? {
    let start = scalars[position] == " " ? position + 1 : position
    let end = run(start) { !$0.properties.isWhitespace && !$0.isLetter && !$0.isNumber }
    return end > start ? run(end) { $0 == "\r" || $0 == "\n" } : nil
  }

  private func lineBreaks() -> Int? {
    let end = run(position, \.properties.isWhitespace)
    return scalars[position..<end].lastIndex { $0 == "\r" || $0 == "\n" }.map { $0 + 1 }
  }

  /// All spaces but the last before a word, which takes that one along.
  private func spaces() -> Int {
    let end = run(position, \.properties.isWhitespace)
    return end < scalars.count && end - position > 1 ? end - 1 : Swift.max(end, position + 1)
  }
}

extension Unicode.Scalar {
  /// What the pattern distinguishes.
  enum PieceClass { case letter, number, space, other }

  var pieceClass: PieceClass {
    isLetter ? .letter : isNumber ? .number : properties.isWhitespace ? .space : .other
  }

  /// `\p{L}`
  fileprivate var isLetter: Bool {
    if value < 128 { return (65...90).contains(value) || (97...122).contains(value) }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      return true
    default: return false
    }
  }

  /// `\p{N}`
  fileprivate var isNumber: Bool {
    if value < 128 { return (48...57).contains(value) }
    switch properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: return true
    default: return false
    }
  }
}
