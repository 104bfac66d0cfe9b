// SPDX-License-Identifier: MIT

import Foundation
import ModelFiles
import Qwen3TTS
import Testing

/// When text is written out in words, and what follows from it.
@Suite struct NormalizationTests {
  static let written = "Dr. Smith paid $3.50 at 5 p.m."
  static let spoken = "Doctor Smith paid three dollars and fifty cents at five P M."

  static func options(_ normalization: TextNormalizationMode) -> SpeechOptions {
    var options = SpeechOptions()
    options.normalization = normalization
    options.maximumFrames = 2
    options.seed = 1
    return options
  }

  @Test(arguments: TextNormalizationMode.allCases) func `the bundled voice asks for it`(
    _ normalization: TextNormalizationMode
  ) async throws {
    let synthesizer = try await SpeechSynthesizer()
    let options = Self.options(normalization)
    let expected = normalization == .off ? Self.written : Self.spoken
    #expect(try synthesizer.spokenText(for: Self.written, options: options) == expected)
    let summary = try await synthesizer.waveform(for: Self.written, options: options).summary
    #expect(summary.spokenText == (normalization == .off ? nil : Self.spoken))
    #expect(summary.parts == 1)
  }

  @Test func `a model without the key reads text as it is`() async throws {
    let synthesizer = try await BaseModel.synthesizer()
    let automatic = Self.options(.automatic)
    #expect(try synthesizer.spokenText(for: Self.written, options: automatic) == Self.written)
    #expect(
      try synthesizer.spokenText(for: Self.written, options: Self.options(.on)) == Self.spoken)
  }

  @Test func `says the same as the words themselves`() async throws {
    let synthesizer = try await SpeechSynthesizer()
    var options = Self.options(.automatic)
    options.maximumFrames = 20
    let written = try await synthesizer.waveform(for: Self.written, options: options)
    options.normalization = .off
    let spoken = try await synthesizer.waveform(for: Self.spoken, options: options)
    #expect(written.samples == spoken.samples)
  }

  @Test func `keeps paragraphs apart and wrapped lines together`() throws {
    let text = """
      Chapter 1

      It was a bright cold day in April, at 9 o'clock, and the
      clocks were striking 13.
      1. Bring 12 apples for $3.50 before 6/4/2024
      2. Go
      """
    #expect(
      try SpeechSynthesizer.englishText(for: text) == """
        Chapter one

        It was a bright cold day in April, at nine o'clock, and the clocks were striking thirteen.

        One. Bring twelve apples for three dollars and fifty cents before June fourth, twenty \
        twenty-four

        Two. Go
        """)
  }

  /// Sections are a matter of speed alone.
  @Test func `a long text is said as its sentences are`() throws {
    let sentence = "Dr. Lee paid $3.50 for 2 lbs. of salt at 5 p.m. on the other side of town."
    let spoken = try SpeechSynthesizer.englishText(for: sentence)
    let count = 500
    for separator in [" ", "\n", "\n\n"] {
      let text = Array(repeating: sentence, count: count).joined(separator: separator)
      let expected = Array(repeating: spoken, count: count)
        .joined(separator: separator == "\n" ? " " : separator)
      #expect(try SpeechSynthesizer.englishText(for: text) == expected)
    }
  }

  /// A full stop that ends no sentence must not cut one, and one that does must.
  @Test(arguments: [
    (
      "Dr. Smith paid $3.50. He left.",
      ["Doctor Smith paid three dollars and fifty cents.", "He left."]
    ),
    ("He left at 5 p.m. Then we ate.", ["He left at five P M.", "Then we ate."]),
    (
      "The U.S. Army is there. See example.com.",
      ["The U S Army is there.", "See example dot com."]
    ),
    (
      "Buy milk, eggs, etc. We need 2.5 lbs. of it.",
      [
        "Buy milk, eggs, et cetera.", "We need two point five pounds of it.",
      ]
    ),
  ]) func `sentences stay what they are`(_ text: String, _ sentences: [String]) throws {
    let spoken = try SpeechSynthesizer.englishText(for: text)
    // With the space before it.
    let longest = (sentences.map(\.count).max() ?? 0) + 1
    #expect(SentenceSplitter(spoken, limit: longest) { $0.count }.map(\.text) == sentences)
  }

  @Test func `refuses what English has no words for`() async throws {
    let synthesizer = try await SpeechSynthesizer()
    for text in ["日本語", "😀", "?!"] {
      let error = await #expect(throws: SynthesisError.self) {
        try await synthesizer.waveform(for: text, options: Self.options(.automatic))
      }
      #expect(error?.code == .invalidInput)
    }
  }

  @Test func `an unknown rule is refused by name`() throws {
    let folder = try TemporaryFolder()
    let model = folder.url.appending(path: "model")
    try FileManager.default.copyItem(at: SpeechSynthesizer.bundledModel, to: model)
    let file = model.appending(path: "config.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    try FileManager.default.removeItem(at: file)
    try text.replacing("\"english\",", with: "\"klingon\",").write(
      to: file, atomically: true, encoding: .utf8)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(folder: model.path) }
    #expect(error?.description.contains("text_normalization") == true)
    #expect(error?.description.contains("klingon") == true)
  }
}
