// SPDX-License-Identifier: MIT

/// A character of a text and when it is heard.
public struct SpokenCharacter: Sendable, Equatable {
  /// As it was written.
  public var character: Character
  /// From the beginning of the speech.
  public var start: Duration
  /// The same; the start of the next character, or before it where there is a pause.
  public var end: Duration

  /// A character that is heard from `start` to `end`.
  public init(_ character: Character, start: Duration, end: Duration) {
    self.character = character
    self.start = start
    self.end = end
  }
}

/// A word of a text and when it is heard.
///
/// A word is what stands between two spaces, with the marks at its ends: `"$5,"`. In Chinese and Japanese each
/// character is one. What has nothing to be heard, such as a dash between spaces, is none.
public struct SpokenWord: Sendable, Equatable {
  /// As it was written.
  public var text: String
  /// Where it is in the text, in characters.
  public var range: Range<Int>
  /// From the beginning of the speech to the word's first sound.
  public var start: Duration
  /// From the beginning of the speech to the end of its last sound.
  public var end: Duration

  /// A word that is heard from `start` to `end`.
  public init(_ text: String, range: Range<Int>, start: Duration, end: Duration) {
    self.text = text
    self.range = range
    self.start = start
    self.end = end
  }
}

extension Unicode.Scalar {
  /// Whether it is a letter or a digit, as far as that is known without its neighbours.
  var isSpeakable: Bool { properties.isAlphabetic || properties.numericType != nil }
}
