// SPDX-License-Identifier: MIT
#if Server

/// How much of a text is heard within some of its sound, at the pace of usual speech: an estimate by kinds of
/// characters, without a look at the sound, for speeches that nobody asked to time and that were stopped.
enum CharacterTimes {
  /// Seconds of a letter in usual speech: fourteen characters a second, with their spaces and pauses.
  private static let secondsPerWeight = 0.065

  /// The characters of a text that are over within these seconds.
  static func said(of text: String, in seconds: Double) -> String {
    var rest = seconds / secondsPerWeight
    return String(
      text.prefix { character in
        rest -= weight(character)
        return rest >= 0
      })
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
