// SPDX-License-Identifier: MIT

import Foundation
import ModelFiles
import Qwen3TTS
import SpeechModel
import SyntheticCheckpoint
import TextTokenizer

/// Models made of the bundled voice: its language model and codec under another variant's name, and
/// a speaker encoder of random weights.
enum BaseModel {
  /// Weights of the bundled voice, and random ones for the speaker encoder.
  struct Weights: WeightSource {
    let bundled: any WeightSource & Sendable
    /// Whether the encoders are there at all.
    let hasEncoders: Bool

    func tensor(_ name: String, _ shape: [Int]) throws -> HostTensor {
      let isEncoder = name.hasPrefix("speaker_encoder.") || name.hasPrefix("encoder.")
      guard !isEncoder || hasEncoders else {
        throw CheckpointError(file: "test", subject: name, expected: "an encoder", found: "none")
      }
      return name.hasPrefix("speaker_encoder.")
        ? try SyntheticWeights(seed: 1, elementType: .bfloat16).tensor(name, shape)
        : try bundled.tensor(name, shape)
    }
  }

  static func synthesizer(
    _ variant: ModelVariant = .base, hasEncoders: Bool = true
  ) async throws -> SpeechSynthesizer {
    let folder = try SpeechSynthesizer.bundledModel
    let bundled = try Checkpoint(folder: folder.path)
    var configuration = bundled.configuration
    configuration.variant = variant
    // As released models.
    configuration.textNormalization = nil
    configuration.talker.speakers = [:]
    configuration.talker.speakerDialects = [:]
    if variant == .base {
      configuration.speakerEncoder = SpeakerEncoderConfiguration(
        embeddingSize: configuration.talker.transformer.hiddenSize, sampleRate: 24_000,
        channels: [64, 64, 64, 64, 192], attentionChannels: 16, squeezeChannels: 16)
    }
    return try await SpeechSynthesizer(
      Checkpoint(
        configuration: configuration, codecConfiguration: bundled.codecConfiguration,
        generation: bundled.generation,
        weights: Weights(bundled: bundled.weights, hasEncoders: hasEncoders),
        codecWeights: Weights(bundled: bundled.codecWeights, hasEncoders: hasEncoders)),
      tokenizer: TextTokenizer(folder: folder))
  }

  /// A second and a bit of something like a voice.
  static var recording: [Float] {
    (0..<30_007).map { index in
      let time = Double(index) / 24_000
      let envelope = 0.2 + 0.2 * sin(2 * .pi * 3 * time)
      return Float(envelope * (sin(2 * .pi * 140 * time) + 0.4 * sin(2 * .pi * 980 * time)))
    }
  }
}

/// A folder that goes away with the test that made it.
final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "voices-\(UUID())")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}
