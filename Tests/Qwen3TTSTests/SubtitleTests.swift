// SPDX-License-Identifier: MIT

import Qwen3TTS
import Testing

@Suite struct SubtitleTests {
  /// Words of a text, 300 ms each with 50 ms between them, and pauses at the ends of sentences and after commas.
  static func subtitles(_ text: String, characters: Bool = false) -> Subtitles {
    var subtitles = Subtitles(of: text)
    var time = Duration.milliseconds(80)
    for word in text.split(whereSeparator: \.isWhitespace) {
      let begin = text.distance(from: text.startIndex, to: word.startIndex)
      let end = time + .milliseconds(300)
      var chunk = AudioChunk()
      chunk.words = [
        SpokenWord(String(word), range: begin..<begin + word.count, start: time, end: end)
      ]
      if characters { chunk.characters = word.map { SpokenCharacter($0, start: time, end: end) } }
      subtitles.append(chunk)
      let isEnd = word.contains { ".!?".contains($0) } && word != "Dr."
      time = end + .milliseconds(word.hasSuffix(",") ? 800 : isEnd ? 200 : 50)
    }
    return subtitles
  }

  static let text = """
    Tom & Ann said: "It's <late>,
    go home." Then they walked through the old town along the river for a quarter of an hour.
    """

  @Test func `SubRip`() {
    #expect(
      Self.subtitles(Self.text).written(as: .srt) == """
        1
        00:00:00,080 --> 00:00:02,130
        Tom & Ann said: "It's <late>,

        2
        00:00:02,930 --> 00:00:03,780
        go home."

        3
        00:00:03,780 --> 00:00:09,330
        Then they walked through the old town
        along the river for a quarter of an hour.

        """)
  }

  @Test func `WebVTT, whose signs are escaped`() {
    #expect(
      Self.subtitles("Dr. <B> & c. Done.").written(as: .vtt) == """
        WEBVTT

        00:00:00.080 --> 00:00:01.430
        Dr. &lt;B&gt; &amp; c.

        00:00:01.630 --> 00:00:02.630
        Done.

        """)
  }

  @Test func `JSON, with words and characters`() {
    #expect(
      Self.subtitles("\"A\\\" b", characters: true).written(as: .json) == #"""
        {"words": [
          {"word": "\"A\\\"", "start_ms": 80, "end_ms": 380},
          {"word": "b", "start_ms": 430, "end_ms": 730}
        ],
        "characters": [
          {"character": "\"", "start_ms": 80, "end_ms": 380},
          {"character": "A", "start_ms": 80, "end_ms": 380},
          {"character": "\\", "start_ms": 80, "end_ms": 380},
          {"character": "\"", "start_ms": 80, "end_ms": 380},
          {"character": "b", "start_ms": 430, "end_ms": 730}
        ]}

        """#)
  }

  @Test func `cues are short enough to read, and follow one another`() {
    let text = (0..<80).map { "word\($0)" }.joined(separator: " ") + " hour after hour"
    let cues = Self.subtitles(text).cues
    #expect(cues.count > 4)
    for cue in cues {
      #expect(cue.lines.count <= 2 && cue.lines.allSatisfy { $0.count <= 46 })
      #expect(cue.start < cue.end && cue.end - cue.start <= .seconds(6))
    }
    #expect(zip(cues, cues.dropFirst()).allSatisfy { $0.end <= $1.start })
    #expect(cues.flatMap(\.lines).joined(separator: " ") == text)
    #expect(Self.subtitles("").written(as: .srt) == "")
    #expect(Self.subtitles("").written(as: .vtt) == "WEBVTT\n")
  }

  @Test func `the ending of a file's name says the format`() {
    #expect(Subtitles.Format(path: "a/b.srt") == .srt)
    #expect(Subtitles.Format(path: "B.VTT") == .vtt)
    #expect(Subtitles.Format(path: "c.json") == .json)
    for path in ["x.txt", "x", "-", "srt", "x.srt.txt", ""] {
      #expect(Subtitles.Format(path: path) == nil, "\(path)")
    }
  }
}
