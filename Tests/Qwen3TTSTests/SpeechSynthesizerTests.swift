// SPDX-License-Identifier: MIT

import Foundation
import FuzzSupport
import Qwen3TTS
import Testing
import TextTokenizer

/// The library with the bundled voice.
@Suite struct SpeechSynthesizerTests {
  static let text = "Good morning. What are you doing today?"

  static func options(_ change: (inout SpeechOptions) -> Void = { _ in }) -> SpeechOptions {
    var options = SpeechOptions()
    options.seed = 7
    options.maximumFrames = 30
    change(&options)
    return options
  }

  @Test func `speaks with the bundled voice and says how it went`() async throws {
    let synthesizer = try await SpeechSynthesizer()
    #expect(!synthesizer.voices.isEmpty)
    #expect(synthesizer.languages.contains("english"))
    let (samples, summary) = try await synthesizer.waveform(for: Self.text, options: Self.options())
    #expect(samples.count == summary.frames * 1920)
    #expect(summary.frames > 5)
    #expect(summary.seed == 7)
    #expect(summary.timeToFirstAudio > .zero && summary.realTimeFactor > 0)
    #expect(samples.allSatisfy { abs($0) <= 1 })
  }

  /// What the bundled voice says when it always takes the likeliest code.
  struct GreedySpeech: Decodable {
    let text: String
    let codes: [[Int32]]

    static func recorded() throws -> GreedySpeech {
      let file = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Fixtures/bundled-voice/greedy.json")
      return try JSONDecoder().decode(GreedySpeech.self, from: Data(contentsOf: file))
    }
  }

  @Test func `the bundled voice has the codes that are recorded, and they sound like speech`()
    async throws
  {
    let recorded = try GreedySpeech.recorded()
    let synthesizer = try await SpeechSynthesizer()
    var (codes, samples): ([[Int32]], [Float]) = ([], [])
    let options = Self.options {
      $0.isGreedy = true; $0.maximumFrames = nil
    }
    for try await chunk in synthesizer.speech(for: recorded.text, options: options) {
      codes += chunk.codes
      samples += chunk.samples
      if let summary = chunk.summary { #expect(summary.finishReason == .stop) }
    }
    #expect(
      codes == recorded.codes, "another voice? Tests/Fixtures/README.md says how to record it")
    let sound = Voicing(of: samples)
    // Measured: 83 % of the loud windows are voiced, 51 % of all are quiet, since it pauses between
    // the sentences; of noise, none and none.
    #expect(sound.voicedShare > 0.7, "\(sound)")
    #expect((0.02...0.7).contains(sound.quietShare), "\(sound)")
    #expect((0.02...0.5).contains(sound.level), "\(sound)")
  }

  @Test func `noise does not sound like speech`() {
    var state: UInt32 = 1
    let noise = (0..<48_000).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return (Float(state >> 8) / 8_388_608 - 1) * 0.3
    }
    let sound = Voicing(of: noise)
    #expect(sound.voicedShare < 0.05 && sound.quietShare == 0, "\(sound)")
  }

  @Test(arguments: [1, 2, 3, 7]) func `gives the same samples in chunks of any size`(
    _ frames: Int
  ) async throws {
    let synthesizer = try await SpeechSynthesizer()
    let whole = try await synthesizer.waveform(
      for: Self.text,
      options: Self.options {
        $0.firstChunkFrames = 16; $0.chunkFrames = 16
      })
    let chunked = try await synthesizer.waveform(
      for: Self.text,
      options: Self.options {
        $0.firstChunkFrames = frames; $0.chunkFrames = frames
      })
    #expect(whole.samples == chunked.samples)
  }

  @Test func `speaks two texts one after the other as each alone`() async throws {
    let both = try await SpeechSynthesizer()
    _ = try await both.waveform(for: "Something else.", options: Self.options())
    let second = try await both.waveform(for: Self.text, options: Self.options())
    let alone = try await SpeechSynthesizer()
    let first = try await alone.waveform(for: Self.text, options: Self.options())
    #expect(first.samples == second.samples)
  }

  @Test func `repeats a seed and differs with another`() async throws {
    let synthesizer = try await SpeechSynthesizer()
    let a = try await synthesizer.waveform(for: Self.text, options: Self.options())
    let b = try await synthesizer.waveform(for: Self.text, options: Self.options())
    let c = try await synthesizer.waveform(for: Self.text, options: Self.options { $0.seed = 8 })
    #expect(a.samples == b.samples)
    #expect(a.samples != c.samples)
  }

  @Test func `stops within a frame when the listener goes away`() async throws {
    let synthesizer = try await SpeechSynthesizer()
    var frames = 0
    let endless = Self.options {
      $0.maximumFrames = nil; $0.chunkFrames = 1
    }
    for try await chunk in synthesizer.speech(for: Self.text, options: endless) {
      frames += chunk.codes.count
      if frames == 3 { break }
    }
    #expect(frames == 3)
    // The synthesizer is free for the next speech.
    let next = try await synthesizer.waveform(for: "Hello.", options: Self.options())
    #expect(next.summary.frames > 0)
  }

  @Test func `bounds a speech by its frame budget`() async throws {
    let synthesizer = try await SpeechSynthesizer()
    let short = try await synthesizer.waveform(
      for: Self.text, options: Self.options { $0.maximumFrames = 4 })
    #expect(short.summary.frames == 4)
    #expect(short.summary.finishReason == .length)
  }

  @Test func `a part that needs more than its text can is spoken once more, counted, and said`()
    async throws
  {
    let synthesizer = try await SpeechSynthesizer()
    let text =
      "This is one sentence, and it is so long that nobody can say all of it in four seconds."
    func runaways() async throws -> Int {
      // Its device's thread knows a moment after its reader.
      while !synthesizer.load.isIdle { try await Task.sleep(for: .milliseconds(5)) }
      return synthesizer.load.runaways
    }
    // 50 frames, whatever the text.
    let options = Self.options {
      $0.maximumFrames = nil; $0.framesPerToken = 0.001
    }
    let whole = try await synthesizer.waveform(for: text, options: options).summary
    #expect(whole.frames == 50 && whole.finishReason == .runaway && whole.respokenParts == 1)
    #expect(whole.notices.contains { $0.contains("cut off in 1 of 1 parts") })
    #expect(try await runaways() == 2)
    // What has been heard is not spoken again.
    var summary: SpeechMetrics?
    for try await chunk in synthesizer.speech(for: text, options: options) {
      summary = chunk.summary ?? summary
    }
    #expect(summary?.frames == 50 && summary?.finishReason == .runaway)
    #expect(try await runaways() == 3)
    #expect(summary?.respokenParts == 0)
    let bounded = try await synthesizer.waveform(
      for: text,
      options: Self.options {
        $0.maximumFrames = nil; $0.frameCeiling = 10
      }
    ).summary
    #expect(bounded.frames == 10 && bounded.finishReason == .length && bounded.notices.isEmpty)
  }

  @Test func `cuts a long text at its sentences, as many in a part as fit`() async throws {
    let sentences = ["one", "two", "three", "four", "five", "six"].map {
      "This is sentence number \($0)."
    }
    let limit = 25
    let tokenizer = try TextTokenizer(folder: SpeechSynthesizer.bundledModel)
    func tokenCount(_ text: String) -> Int { tokenizer.encode(text, addedTokens: .asText).count }
    var expected: [[String]] = []
    for sentence in sentences {
      if let last = expected.last, tokenCount((last + [sentence]).joined(separator: " ")) <= limit {
        expected[expected.count - 1].append(sentence)
      } else {
        expected.append([sentence])
      }
    }
    try #require(expected.count > 1 && expected[0].count > 1, "the limit cuts within the text")
    let text = sentences.joined(separator: " ")
    let synthesizer = try await SpeechSynthesizer()
    var shares: [Double] = []
    var summary: SpeechMetrics?
    let options = Self.options {
      $0.maximumFrames = nil; $0.tokensPerPart = limit
    }
    for try await chunk in synthesizer.speech(for: text, options: options) {
      if !chunk.samples.isEmpty, shares.last != chunk.textShare { shares.append(chunk.textShare) }
      summary = chunk.summary ?? summary
    }
    #expect(summary?.parts == expected.count)
    #expect(summary?.spokenText == text)
    // Chunks say how far the text is spoken with their part: to the end of its last sentence.
    var spoken = 0
    for (index, part) in expected.enumerated() {
      spoken += part.joined(separator: " ").count + (index == 0 ? 0 : 1)
      try #require(index < shares.count)
      #expect(abs(shares[index] - Double(spoken) / Double(text.count)) < 0.01, "part \(index)")
    }
    #expect(shares.count == expected.count)
  }

  @Test func `a budget that ends between parts is no ordinary end`() async throws {
    let synthesizer = try await SpeechSynthesizer()
    let text = Array(repeating: "This is one sentence of many.", count: 6).joined(separator: " ")
    let first = try await synthesizer.waveform(
      for: "This is one sentence of many.", options: Self.options { $0.maximumFrames = nil })
    #expect(first.summary.finishReason == .stop)
    let speech = try await synthesizer.waveform(
      for: text,
      options: Self.options {
        $0.maximumFrames = first.summary.frames; $0.tokensPerPart = 12
      })
    #expect(speech.summary.frames == first.summary.frames)
    #expect(speech.summary.finishReason == .length)
  }

  /// In a process of its own, whose memory no other test touches.
  @Test func `a thousand speeches leave the memory as it was`() async {
    await #expect(processExitsWith: .success) {
      let synthesizer = try await SpeechSynthesizer()
      func speak(_ count: Int) async throws {
        for seed in 0..<count {
          _ = try await synthesizer.waveform(
            for: "Number \(seed).",
            options: SpeechSynthesizerTests.options {
              $0.seed = UInt64(seed)
              $0.maximumFrames = 2
            })
        }
      }
      try await speak(50)
      let before = Fuzzing.memory
      try await speak(1000)
      let after = Fuzzing.memory
      #expect(before > 0 && after - before < 1 << 20, "\(before) bytes before, \(after) after")
    }
  }

  @Test func `says aloud that an instruction is not used`() async throws {
    let synthesizer = try await SpeechSynthesizer()
    let speech = try await synthesizer.waveform(
      for: "Hello.", options: Self.options { $0.instruction = "Whisper." })
    #expect(speech.summary.notices.count == 1)
    #expect(
      speech.summary.notices.first?.hasPrefix("The instruction was not used: ") == true,
      "\(speech.summary.notices)")
  }

  @Test(arguments: ["", " \n\t", "?!"]) func `refuses a text with nothing to say`(
    _ text: String
  ) async throws {
    let synthesizer = try await SpeechSynthesizer()
    let error = await #expect(throws: SynthesisError.self) {
      try await synthesizer.waveform(for: text)
    }
    #expect(error?.code == .invalidInput)
    #expect(
      error?.message
        == "text: expected something to say, found nothing but spaces and punctuation")
  }

  /// An option that cannot be, and what is said about it.
  struct Refusal: Sendable, CustomTestStringConvertible {
    let message: String
    let change: @Sendable (inout SpeechOptions) -> Void
    var testDescription: String { message }

    init(_ message: String, _ change: @escaping @Sendable (inout SpeechOptions) -> Void) {
      (self.message, self.change) = (message, change)
    }

    static let all = [
      Refusal("voice: expected VOICES, found nobody") { $0.voice = .named("nobody") },
      Refusal("language: expected auto, LANGUAGES, found klingon") { $0.language = "klingon" },
      Refusal("temperature: expected a number above 0, at most 100, found 0.0") {
        $0.temperature = 0
      },
      Refusal("temperature: expected a number above 0, at most 100, found nan") {
        $0.temperature = .nan
      },
      Refusal("top-p: expected a number above 0, at most 1, found 0.0") { $0.topP = 0 },
      Refusal("top-p: expected a number above 0, at most 1, found 1.5") { $0.topP = 1.5 },
      Refusal("top-k: expected 0 or more, found -1") { $0.topK = -1 },
      Refusal("repetition penalty: expected a number above 0, at most 100, found 0.0") {
        $0.repetitionPenalty = 0
      },
      Refusal("maximum frames: expected 1 or more, found 0") { $0.maximumFrames = 0 },
      Refusal("chunk frames: expected 1…16, found 0") { $0.chunkFrames = 0 },
      Refusal("chunk frames: expected 1…16, found 99") { $0.firstChunkFrames = 99 },
      Refusal("tokens per part: expected 1 or more, found 0") { $0.tokensPerPart = 0 },
      Refusal("frames per token: expected a number above 0, found -1.0") {
        $0.framesPerToken = -1
      },
      Refusal(
        "voice: expected a Base model for a cloned voice, found a custom_voice model. Name a Base "
          + "model, or one of this model's voices."
      ) { $0.voice = .embedding([1, 2, 3]) },
    ]
  }

  @Test(arguments: Refusal.all) func `refuses options that cannot be`(
    _ refusal: Refusal
  ) async throws {
    let synthesizer = try await SpeechSynthesizer()
    let message = refusal.message
      .replacing("VOICES", with: synthesizer.voices.joined(separator: ", "))
      .replacing("LANGUAGES", with: synthesizer.languages.joined(separator: ", "))
    let error = await #expect(throws: SynthesisError.self) {
      try await synthesizer.waveform(for: "Hello.", options: Self.options(refusal.change))
    }
    #expect(error?.code == .invalidInput)
    #expect(error?.message == message)
  }

  @Test func `refuses a folder that is no model`() async {
    let error = await #expect(throws: SynthesisError.self) {
      try await SpeechSynthesizer(model: URL(filePath: "/nonexistent"))
    }
    #expect(error?.code == .invalidModel)
    #expect(error?.message.contains("/nonexistent") == true, "\(error?.message ?? "")")
  }

  /// The example of the README.
  @Test func `the README's example runs`() async throws {
    let synthesizer = try await SpeechSynthesizer()
    var samples: [Float] = []
    for try await chunk in synthesizer.speech(for: "Good morning.") {
      samples += chunk.samples  // Float, mono, 24 kHz
      if let summary = chunk.summary {
        print("\(summary.audioDuration) of speech, RTF \(summary.realTimeFactor)")
      }
    }
    #expect(!samples.isEmpty)
  }
}
