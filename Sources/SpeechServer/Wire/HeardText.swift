// SPDX-License-Identifier: MIT
#if Server
package import Qwen3TTS

/// Words and characters of a speech and when they are heard: as it is played, at the speed that was asked for.
package struct HeardText: Sendable, Equatable {
  package private(set) var words: [SpokenWord] = []
  package private(set) var characters: [SpokenCharacter] = []

  package init() {}

  var isEmpty: Bool { words.isEmpty && characters.isEmpty }

  /// Adds what has become known with a chunk.
  mutating func append(_ chunk: AudioChunk, speed: Double) {
    words += chunk.words.map { word in
      var word = word
      word.start /= speed
      word.end /= speed
      return word
    }
    characters += chunk.characters.map { character in
      SpokenCharacter(
        character.character, start: character.start / speed, end: character.end / speed)
    }
  }

  mutating func append(_ more: HeardText) {
    words += more.words
    characters += more.characters
  }

  /// The words as vLLM-Omni has them: `[{"word", "start_ms", "end_ms"}]`.
  var timestamps: JSONValue {
    .array(
      words.map { word in
        [
          "word": .string(word.text), "start_ms": JSONValue(Self.milliseconds(word.start)),
          "end_ms": JSONValue(Self.milliseconds(word.end)),
        ]
      })
  }

  /// The characters as ElevenLabs' HTTP routes have them, in seconds from the beginning of the speech; `null` where
  /// there are none.
  var alignment: JSONValue {
    guard !characters.isEmpty else { return .null }
    func seconds(_ time: Duration) -> JSONValue {
      .number((time.seconds * 1_000).rounded() / 1_000)
    }
    return [
      "characters": .array(characters.map { .string(String($0.character)) }),
      "character_start_times_seconds": .array(characters.map { seconds($0.start) }),
      "character_end_times_seconds": .array(characters.map { seconds($0.end) }),
    ]
  }

  /// The characters as ElevenLabs' sockets have them, in milliseconds from a time on; `null` where there are none.
  func alignment(from origin: Duration) -> JSONValue {
    guard !characters.isEmpty else { return .null }
    let starts = characters.map { Self.milliseconds($0.start - origin) }
    let ends = characters.map { Self.milliseconds($0.end - origin) }
    return [
      "chars": .array(characters.map { .string(String($0.character)) }),
      "charStartTimesMs": .array(starts.map { JSONValue($0) }),
      "charDurationsMs": .array(zip(starts, ends).map { JSONValue($1 - $0) }),
    ]
  }

  private static func milliseconds(_ time: Duration) -> Int {
    Int((time.seconds * 1_000).rounded())
  }
}
#endif
