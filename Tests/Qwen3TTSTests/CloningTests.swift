// SPDX-License-Identifier: MIT

import Foundation
import Qwen3TTS
import SpeechModel
import Testing

/// Cloned voices through the library's face.
@Suite struct CloningTests {
  static let transcript = "These are the words."

  static func options(_ voice: Voice, chunk: Int = 8) -> SpeechOptions {
    var options = SpeechOptions()
    options.voice = voice
    options.seed = 3
    options.maximumFrames = 12
    options.firstChunkFrames = chunk
    options.chunkFrames = chunk
    return options
  }

  static func voice(
    _ synthesizer: SpeechSynthesizer, transcript: String? = transcript, silence: Duration = .zero
  ) async throws -> ClonedVoice {
    try await synthesizer.voice(
      from: BaseModel.recording, sampleRate: 24_000,
      options: VoiceOptions(transcript: transcript, trailingSilence: silence)
    ).voice
  }

  @Test(arguments: [transcript, nil] as [String?], [TextLayout.whole, .incremental])
  func `speaks the same in chunks of one frame, in every mode`(
    _ transcript: String?, _ layout: TextLayout
  ) async throws {
    let synthesizer = try await BaseModel.synthesizer()
    let voice = try await Self.voice(synthesizer, transcript: transcript)
    #expect(voice.isInContext == (transcript != nil))
    func speak(_ chunk: Int) async throws -> [Float] {
      var options = Self.options(.cloned(voice), chunk: chunk)
      options.textLayout = layout
      return try await synthesizer.waveform(for: "Good morning.", options: options).samples
    }
    let single = try await speak(1)
    #expect(try await single == speak(16))
    #expect(single.count % 1920 == 0 && single.count > 0 && single.count <= 12 * 1920)
  }

  @Test func `the recording's codes change the speech`() async throws {
    let synthesizer = try await BaseModel.synthesizer()
    let voice = try await Self.voice(synthesizer)
    func speak(_ voice: ClonedVoice) async throws -> [Float] {
      try await synthesizer.waveform(for: "Good morning.", options: Self.options(.cloned(voice)))
        .samples
    }
    let whole = try await speak(voice)
    let alone = try await speak(voice.embeddingOnly)
    #expect(whole != alone)
    #expect(try await whole == speak(voice))
    #expect(try await alone == speak(Self.voice(synthesizer, transcript: nil)))
  }

  @Test func `every part of a long text follows the recording anew`() async throws {
    let synthesizer = try await BaseModel.synthesizer()
    let voice = try await Self.voice(synthesizer)
    var options = Self.options(.cloned(voice))
    options.maximumFrames = nil
    options.framesPerToken = 0.1
    options.tokensPerPart = 20
    let speech = try await synthesizer.waveform(
      for: "This is the first sentence. This is the second sentence.", options: options)
    #expect(speech.summary.parts == 2)
    #expect(speech.samples.count == speech.summary.frames * 1920)
  }

  @Test func `a saved voice speaks as the recording does, with no encoder`() async throws {
    let folder = try TemporaryFolder()
    let file = folder.url.appending(path: "a.voice")
    let synthesizer = try await BaseModel.synthesizer()
    let voice = try await Self.voice(synthesizer)
    try voice.write(to: file)
    let direct = try await synthesizer.waveform(
      for: "Hello.", options: Self.options(.cloned(voice)))
    let bare = try await BaseModel.synthesizer(hasEncoders: false)
    let again = try await bare.waveform(
      for: "Hello.", options: Self.options(.cloned(ClonedVoice(contentsOf: file))))
    #expect(direct.samples == again.samples)
    await #expect(throws: SynthesisError.self) { try await Self.voice(bare) }
  }

  @Test func `trailing silence lengthens the reference and nothing else`() async throws {
    let synthesizer = try await BaseModel.synthesizer()
    let plain = try await Self.voice(synthesizer)
    let longer = try await Self.voice(synthesizer, silence: .seconds(0.5))
    #expect(plain.codes.count == 16)
    let samples = 30_007 + 12_000
    #expect(longer.codes.count == (samples + 1_919) / 1_920)
    // Everything is causal: whole frames of the recording keep their codes.
    #expect(longer.codes.prefix(15) == plain.codes.prefix(15))
    let alone = try await Self.voice(synthesizer, transcript: nil, silence: .seconds(0.5))
    #expect(try await alone == Self.voice(synthesizer, transcript: nil))
    for silence in [Duration.seconds(-1), .seconds(6)] {
      await #expect(throws: SynthesisError.self) {
        try await Self.voice(synthesizer, silence: silence)
      }
    }
  }

  @Test func `refuses recordings no voice can be taken from`() async throws {
    let synthesizer = try await BaseModel.synthesizer()
    let recordings: [(samples: [Float], rate: Int, says: String)] = [
      ([], 24_000, "0.00 seconds"), (Array(BaseModel.recording.prefix(3_000)), 24_000, "0.12"),
      ([Float](repeating: 0, count: 48_000), 24_000, "nothing to hear"),
      ([Float](repeating: .nan, count: 48_000), 24_000, "nan"),
      (BaseModel.recording, 10, "10 samples per second"),
    ]
    for (samples, rate, says) in recordings {
      let error = await #expect(throws: SynthesisError.self) {
        try await synthesizer.voice(from: samples, sampleRate: rate)
      }
      #expect(error?.code == .invalidInput && error?.message.contains(says) == true)
    }
    for transcript in ["", " \n", "..."] {
      await #expect(throws: SynthesisError.self) {
        try await Self.voice(synthesizer, transcript: transcript)
      }
    }
    await #expect(throws: SynthesisError.self) {
      try await synthesizer.voice(from: URL(filePath: "/nonexistent.wav"))
    }
  }

  @Test func `refuses a voice the model cannot speak with, and says why`() async throws {
    let base = try await BaseModel.synthesizer()
    let voice = try await Self.voice(base)
    let width = voice.width
    let wide = try ClonedVoice(embedding: voice.embedding + voice.embedding, origin: "test")
    let strange = try ClonedVoice(
      embedding: voice.embedding, codes: [[Int32](repeating: 30_000, count: 16)],
      transcript: "a", origin: "test")
    let narrow = try ClonedVoice(
      embedding: voice.embedding, codes: [[1, 2, 3]], transcript: "a", origin: "test")
    for (voice, says) in [
      (wide, "\(width) numbers, as wide as this model, found \(2 * width)"),
      (strange, "16 codes in"), (narrow, "16 codes in"),
    ] {
      #expect(base.problem(with: voice)?.contains(says) == true)
      let error = await #expect(throws: SynthesisError.self) {
        try await base.waveform(for: "Hello.", options: Self.options(.cloned(voice)))
      }
      #expect(error?.message.contains(says) == true)
    }
    #expect(base.problem(with: voice) == nil)
    let bundled = try await SpeechSynthesizer()
    let error = await #expect(throws: SynthesisError.self) {
      try await bundled.waveform(for: "Hello.", options: Self.options(.cloned(voice)))
    }
    #expect(error?.message.contains("expected a Base model") == true)
    await #expect(throws: SynthesisError.self) { try await Self.voice(bundled) }
  }

  @Test func `a reference longer than the model's memory is refused`() async throws {
    let synthesizer = try await BaseModel.synthesizer()
    let voice = try await Self.voice(synthesizer)
    let codes = Array(repeating: voice.codes[0], count: 5_000)
    let long = try ClonedVoice(
      embedding: voice.embedding, codes: codes, transcript: "a b", origin: "test")
    let error = await #expect(throws: SynthesisError.self) {
      try await synthesizer.waveform(for: "Hello.", options: Self.options(.cloned(long)))
    }
    #expect(error?.message.contains("positions") == true)
  }

  @Test func `a designed voice is locked and repeats`() async throws {
    let base = try await BaseModel.synthesizer()
    let designer = try await BaseModel.synthesizer(.voiceDesign)
    var speech = SpeechOptions()
    speech.seed = 7
    let text = "Good morning. What are you doing today?"
    let (made, samples) = try await base.designVoice(
      "A calm voice.", saying: text, with: designer, speech: speech)
    #expect(made.voice.transcript == text)
    #expect(made.voice.codes.count == samples.count / 1920)
    #expect(made.voice.origin == "a design, seed 7: A calm voice.")
    let again = try await base.designVoice(
      "A calm voice.", saying: text, with: designer, speech: speech)
    #expect(again.made.voice == made.voice)
    await #expect(throws: SynthesisError.self) {
      try await base.designVoice("A calm voice.", saying: text, with: base, speech: speech)
    }
    speech.maximumFrames = 5
    await #expect(throws: SynthesisError.self, "cut off in the middle") {
      try await base.designVoice("A calm voice.", saying: text, with: designer, speech: speech)
    }
  }
}
