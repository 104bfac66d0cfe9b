// SPDX-License-Identifier: MIT

/// Subtitles of a speech: its words in lines that can be read while they are heard.
package struct Subtitles: Sendable {
  /// How they are written.
  package enum Format: String, Sendable, CaseIterable {
    /// SubRip.
    case srt
    /// WebVTT.
    case vtt
    /// Words and characters with their times in milliseconds, for programs.
    case json

    /// The format that a file's name ends with; `nil` for another ending.
    package init?(path: String) {
      guard let dot = path.lastIndex(of: ".") else { return nil }
      self.init(rawValue: path[path.index(after: dot)...].lowercased())
    }
  }

  /// What is shown at a time.
  package struct Cue: Sendable, Equatable {
    package var lines: [String]
    package var start: Duration
    package var end: Duration
  }

  /// Characters of a line, of which there are two.
  private static let line = 42
  /// The longest and the shortest time of a cue.
  private static let longest = Duration.seconds(6)
  private static let shortest = Duration.seconds(1)
  /// Pauses that end a cue: any, and one at the end of a sentence, where an abbreviation has none.
  private static let pause = Duration.milliseconds(700)
  private static let sentencePause = Duration.milliseconds(120)

  private let text: [Character]
  private var words: [SpokenWord] = []
  private var characters: [SpokenCharacter] = []

  /// - Parameter text: As it was written.
  package init(of text: String) { self.text = Array(text) }

  /// Adds what a chunk says.
  package mutating func append(_ chunk: AudioChunk) {
    words += chunk.words
    characters += chunk.characters
  }

  /// All of it in a format.
  package func written(as format: Format) -> String {
    switch format {
    case .srt:
      cues.enumerated().map { index, cue in
        "\(index + 1)\n\(Self.time(cue.start, ",")) --> \(Self.time(cue.end, ","))\n"
          + cue.lines.joined(separator: "\n") + "\n"
      }.joined(separator: "\n")
    case .vtt:
      "WEBVTT\n"
        + cues.map { cue in
          "\n\(Self.time(cue.start, ".")) --> \(Self.time(cue.end, "."))\n"
            + cue.lines.map(Self.escaped).joined(separator: "\n") + "\n"
        }.joined()
    case .json:
      "{\"words\": [\n"
        + words.map { word in
          "  {\"word\": \(Self.quoted(word.text)), \(Self.times(word.start, word.end))}"
        }.joined(separator: ",\n")
        + "\n],\n\"characters\": [\n"
        + characters.map { character in
          "  {\"character\": \(Self.quoted(String(character.character))), "
            + Self.times(character.start, character.end) + "}"
        }.joined(separator: ",\n") + "\n]}\n"
    }
  }

  // MARK: - Cues

  package var cues: [Cue] {
    var cues: [Cue] = []
    var open: ArraySlice<SpokenWord> = []
    func close() {
      guard let first = open.first, let last = open.last else { return }
      cues.append(
        Cue(
          lines: Self.lines(shown(open)), start: first.start,
          end: max(last.end, first.start + Self.shortest)))
      open = []
    }
    for (index, word) in words.enumerated() {
      if let first = open.first, let last = open.last {
        let isTooLong =
          shown(words[open.startIndex...index]).count > 2 * Self.line
          || word.end - first.start > Self.longest
        let pause = Self.endsSentence(last.text) ? Self.sentencePause : Self.pause
        if isTooLong || word.start - last.end > pause { close() }
      }
      open = open.isEmpty ? words[index...index] : words[open.startIndex...index]
    }
    close()
    // None is shown while the next one is.
    for index in cues.indices.dropLast() {
      cues[index].end = min(cues[index].end, cues[index + 1].start)
    }
    return cues
  }

  /// The text from the first of some words to the last, on one line.
  private func shown(_ words: ArraySlice<SpokenWord>) -> String {
    guard let first = words.first, let last = words.last else { return "" }
    let range = first.range.lowerBound..<min(last.range.upperBound, text.count)
    guard !range.isEmpty else { return "" }
    return text[range].split(whereSeparator: \.isWhitespace).map { String($0) }
      .joined(separator: " ")
  }

  private static func endsSentence(_ word: String) -> Bool {
    let closers: Set<Character> = ["\"", "'", ")", "]", "”", "’", "»"]
    guard let last = word.last(where: { !closers.contains($0) }) else { return false }
    return ".!?…。！？".contains(last)
  }

  /// One line, or two of about the same length.
  private static func lines(_ text: String) -> [String] {
    let characters = Array(text)
    guard characters.count > line else { return [text] }
    let middle = characters.count / 2
    let spaces = characters.indices.filter { characters[$0] == " " }
    // Without spaces it can be cut anywhere.
    let cut = spaces.min { abs($0 - middle) < abs($1 - middle) } ?? middle
    return [
      String(characters[..<cut]),
      String(characters[cut...].drop { $0 == " " }),
    ]
  }

  // MARK: - Text

  private static func time(_ time: Duration, _ point: String) -> String {
    let all = milliseconds(time)
    func padded(_ number: Int, _ digits: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    return padded(all / 3_600_000, 2) + ":" + padded(all / 60_000 % 60, 2) + ":"
      + padded(all / 1_000 % 60, 2) + point + padded(all % 1_000, 3)
  }

  private static func milliseconds(_ time: Duration) -> Int {
    Int((time.seconds * 1_000).rounded())
  }

  private static func times(_ start: Duration, _ end: Duration) -> String {
    "\"start_ms\": \(milliseconds(start)), \"end_ms\": \(milliseconds(end))"
  }

  private static func escaped(_ line: String) -> String {
    line.map { character in
      switch character {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      default: String(character)
      }
    }.joined()
  }

  private static func quoted(_ text: String) -> String {
    var quoted = ""
    text.writeJSON(to: &quoted)
    return quoted
  }
}
