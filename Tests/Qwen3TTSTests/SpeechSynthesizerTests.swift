// SPDX-License-Identifier: MIT

import Foundation
import FuzzSupport
import Qwen3TTS
import Testing

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
    #expect(samples.contains { abs($0) > 0.01 } && samples.allSatisfy { abs($0) <= 1 })
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

  @Test func `cuts a long text at its sentences`() async throws {
    let synthesizer = try await SpeechSynthesizer()
    let text = Array(repeating: "This is one sentence of many.", count: 6).joined(separator: " ")
    let speech = try await synthesizer.waveform(
      for: text,
      options: Self.options {
        $0.maximumFrames = nil; $0.tokensPerPart = 25
      })
    #expect(speech.summary.parts > 1)
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
  }

  @Test(arguments: [
    ("", "nothing to say"), (" \n\t", "spaces"), ("?!", "punctuation"),
  ]) func `refuses a text with nothing to say`(_ text: String, _ why: String) async throws {
    let synthesizer = try await SpeechSynthesizer()
    await #expect(throws: SynthesisError.self, "\(why)") {
      try await synthesizer.waveform(for: text)
    }
  }

  @Test func `refuses options that cannot be`() async throws {
    let synthesizer = try await SpeechSynthesizer()
    let changes: [@Sendable (inout SpeechOptions) -> Void] = [
      { $0.voice = .named("nobody") }, { $0.language = "klingon" }, { $0.temperature = 0 },
      { $0.temperature = .nan }, { $0.topP = 0 }, { $0.topP = 1.5 }, { $0.topK = -1 },
      { $0.repetitionPenalty = 0 }, { $0.maximumFrames = 0 }, { $0.chunkFrames = 0 },
      { $0.firstChunkFrames = 99 }, { $0.tokensPerPart = 0 }, { $0.framesPerToken = -1 },
      { $0.voice = .embedding([1, 2, 3]) },
    ]
    for change in changes {
      await #expect(throws: SynthesisError.self) {
        try await synthesizer.waveform(for: "Hello.", options: Self.options(change))
      }
    }
  }

  @Test func `refuses a folder that is no model`() async {
    await #expect(throws: SynthesisError.self) {
      try await SpeechSynthesizer(model: URL(filePath: "/nonexistent"))
    }
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
