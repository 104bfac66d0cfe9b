// SPDX-License-Identifier: MIT
#if Server

/// When the characters of a text are heard, as far as that can be told while it is being spoken: each takes
/// a share of the sound that fits its kind, at the pace of usual speech.
///
/// An estimate, without a look at the sound. Every character is given out once, in order, none after the
/// sound it was estimated for; what is left at the end belongs to the last sound.
struct CharacterTimes: Sendable {
  /// Characters and where they are in a span of sound.
  struct Span: Sendable, Equatable {
    var characters: [String] = []
    /// Seconds from the beginning of the span.
    var starts: [Double] = []
    var ends: [Double] = []
  }

  /// Seconds of a letter in usual speech: fourteen characters a second, with their spaces and pauses.
  private static let secondsPerWeight = 0.065

  private var characters: [Character] = []
  private var first = 0
  /// Weight that the sound so far had room for, and what was given out.
  private var heard = 0.0
  private var given = 0.0

  /// Takes text that will be heard.
  mutating func append(_ text: String) { characters += text }

  /// The characters of the next seconds of sound; `nil` where none ends in it.
  mutating func span(of seconds: Double) -> Span? {
    heard += seconds / Self.secondsPerWeight
    let start = first
    while first < characters.count, given + Self.weight(characters[first]) <= heard {
      given += Self.weight(characters[first])
      first += 1
    }
    // Sound that has caught up with its text counts for nothing later.
    if first == characters.count { given = heard }
    return spread(start..<first, over: seconds)
  }

  /// The characters that are left, at the end of the sound.
  mutating func rest() -> Span? {
    defer { first = characters.count }
    return spread(first..<characters.count, over: 0)
  }

  /// All characters of a text over all of its sound.
  static func spans(of text: String, over seconds: Double) -> Span {
    var times = CharacterTimes()
    times.append(text)
    return times.spread(0..<times.characters.count, over: seconds) ?? Span()
  }

  /// How much of a text is heard within these seconds of its sound.
  static func said(of text: String, in seconds: Double) -> String {
    var times = CharacterTimes()
    times.append(text)
    return times.span(of: seconds)?.characters.joined() ?? ""
  }

  private func spread(_ range: Range<Int>, over seconds: Double) -> Span? {
    guard !range.isEmpty else { return nil }
    let total = characters[range].reduce(0) { $0 + Self.weight($1) }
    var span = Span()
    var weight = 0.0
    for character in characters[range] {
      span.characters.append(String(character))
      span.starts.append(seconds * weight / total)
      weight += Self.weight(character)
      span.ends.append(seconds * weight / total)
    }
    return span
  }

  /// How long a character is heard, a letter being 1.
  private static func weight(_ character: Character) -> Double {
    switch character {
    case ".", "!", "?", "…", "\n", "。", "！", "？": 6
    case ",", ";", ":", "–", "—", "，", "；", "：", "、": 4
    case let character where character.isNumber: 4
    case let character where character.isLetter:
      // A syllable a character.
      character.unicodeScalars.contains { (0x3040...0xD7FF).contains($0.value) } ? 3 : 1
    default: 0.7
    }
  }
}
#endif
