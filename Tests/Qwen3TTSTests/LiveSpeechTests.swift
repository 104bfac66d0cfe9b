// SPDX-License-Identifier: MIT

import Foundation
import ModelFiles
import Qwen3TTS
import SpeechModel
import SyntheticCheckpoint
import Testing
import TextTokenizer

/// Texts that are still being written, through whole engines of random weights.
@Suite struct LiveSpeechTests {
  /// A small random model that reads with the bundled voice's tokenizer.
  static func synthesizer(
    _ variant: ModelVariant, limits: SpeechLimits = SpeechLimits()
  ) async throws -> SpeechSynthesizer {
    let (checkpoint, tokenizer) = try model(variant)
    return try await SpeechSynthesizer(checkpoint, tokenizer: tokenizer, limits: limits)
  }

  static func model(_ variant: ModelVariant) throws -> (Checkpoint, TextTokenizer) {
    let folder = try SpeechSynthesizer.bundledModel
    let bundled = try Checkpoint(folder: folder.path).configuration
    let random = Checkpoint.synthetic(.tiny06, variant: variant, seed: 3)
    var configuration = random.configuration
    configuration.text = bundled.text
    configuration.talker.textVocabularySize = bundled.talker.textVocabularySize
    return (
      Checkpoint(
        configuration: configuration, codecConfiguration: random.codecConfiguration,
        generation: random.generation, weights: random.weights, codecWeights: random.codecWeights),
      try TextTokenizer(folder: folder)
    )
  }

  struct Spoken: Equatable, CustomStringConvertible {
    var codes: [[Int32]] = []
    var samples: [Float] = []
    var words: [SpokenWord] = []
    var summary: SpeechMetrics?
    var error: SynthesisError.Code?

    /// Without its numbers.
    var description: String {
      "\(codes.count) frames, \(samples.count) samples, \(words.map(\.text)), \(String(describing: summary)), "
        + "\(String(describing: error))"
    }

    init(_ speech: Speech) async {
      do {
        for try await chunk in speech {
          codes += chunk.codes
          samples += chunk.samples
          words += chunk.words
          summary = chunk.summary ?? summary
        }
      } catch {
        self.error = error.code
      }
      // Times are its own.
      summary?.wallDuration = .zero
      summary?.timeToFirstAudio = .zero
      summary?.queueDuration = .zero
    }
  }

  @Test func `200 texts, cut anywhere and written with pauses, are what they are in one piece`()
    async throws
  {
    let synthesizers = [
      try await Self.synthesizer(.customVoice), try await Self.synthesizer(.base),
    ]
    let voices: [Voice] = [
      .embedding((0..<128).map { Float($0 % 7) / 7 }),
      .cloned(
        try ClonedVoice(
          embedding: (0..<128).map { Float($0 % 5) / 5 },
          codes: (0..<9).map { frame in (0..<16).map { Int32((frame * 7 + $0) % 64) } },
          transcript: "What the recording says.", origin: "a test")),
    ]
    let texts = LiveTextTests.texts.suffix(60) + LiveTextTests.texts.prefix(140)
    let spoken = await withTaskGroup(of: (text: String, whole: Spoken, live: Spoken).self) {
      group in
      for (index, text) in texts.enumerated() {
        group.addTask {
          // In words it ends with a space.
          let text = text + " "
          let synthesizer = synthesizers[index % 2]
          var options = SpeechOptions()
          options.seed = UInt64(index)
          options.textLayout = .incremental
          options.timestamps = true
          options.normalization = index % 3 == 0 ? .on : .off
          options.framesPerToken = 1.5
          options.maximumFrames = index % 4 == 0 ? nil : 50
          if index % 2 == 1 { options.voice = voices[index / 2 % 2] }
          let whole = await Spoken(synthesizer.speech(for: text, options: options))
          var pieces = LiveTextTests.cut(text, seed: index % 8)
          if index % 8 == 2 { pieces.removeLast() }
          let (stream, writer) = AsyncStream<String>.makeStream()
          let live = synthesizer.speech(for: stream, options: options)
          for (place, piece) in pieces.enumerated() {
            // In mid-sentence, and long enough to run out of text.
            if place % 17 == index % 17 { try? await Task.sleep(for: .milliseconds(3)) }
            writer.yield(piece)
          }
          writer.finish()
          return (text, whole, await Spoken(live))
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(spoken.count == 200)
    for (text, whole, live) in spoken {
      let isSame = live == whole
      #expect(isSame, "\(text.debugDescription):\n\(live)\n\(whole)")
    }
    #expect(spoken.count { $0.whole.codes.count > 8 } > 100)
    #expect(synthesizers.allSatisfy { $0.state == .ready })
  }
}
