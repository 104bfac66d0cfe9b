// SPDX-License-Identifier: MIT

import Audio
import CPUBackend
import CUDA
import CUDABackend
import ModelFiles
import SpeechModel

/// Takes voices from recordings, whatever the backend.
protocol VoiceEncoding: AnyObject {
  /// Takes a voice from samples as `ReferenceAudio` gives them, mono at 24 kHz.
  ///
  /// - Throws: `SynthesisError`, or what the device failed with.
  func voice(from samples: [Float], transcript: String?, origin: String) throws -> ClonedVoice
}

/// The encoders of a model's cloned voices, on a thread of their own: made when the first voice is taken, and
/// speech does not wait for them.
actor VoiceEncoders {
  private let executor = ThreadExecutor(name: "qwen3-tts voices")
  private let checkpoint: Checkpoint
  /// Where the model is.
  private let thread: DeviceThread
  private var encoder: (any VoiceEncoding)?

  /// The encoders' own thread.
  nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe executor.asUnownedSerialExecutor()
  }

  init(_ checkpoint: Checkpoint, besides thread: DeviceThread) {
    self.checkpoint = checkpoint
    self.thread = thread
  }

  /// - Throws: `SynthesisError` `invalidModel` when the model has no encoders, or what the device failed with.
  func voice(
    from samples: [Float], transcript: String?, origin: String
  ) async throws -> ClonedVoice {
    let place = try await thread.waitUntilOpen().place
    let encoder = try encoder ?? make(on: place)
    self.encoder = encoder
    return try encoder.voice(from: samples, transcript: transcript, origin: origin)
  }

  private func make(on place: SpeechDevice) throws -> any VoiceEncoding {
    guard place.isGPU else { return try VoiceEncoder(checkpoint, on: CPUBackend()) }
    return try VoiceEncoder(
      checkpoint, on: CUDABackend(CUDAContext(device: place.ordinal)))
  }
}

/// Both encoders of a Base model on one backend: a recording becomes an embedding and codes.
final class VoiceEncoder<B: Backend>: VoiceEncoding {
  private let speaker: SpeakerEncoding<B>
  private let codec: CodecEncoding<B>

  /// - Throws: `SynthesisError` `invalidModel` when the model has no encoders.
  init(_ checkpoint: Checkpoint, on backend: B) throws {
    guard let shape = checkpoint.configuration.speakerEncoder,
      checkpoint.configuration.variant == .base
    else {
      throw SynthesisError(
        .invalidModel,
        "voice: expected a Base model, which has a speaker encoder, found a "
          + "\(checkpoint.configuration.variant.rawValue) model. Name a Base model.")
    }
    let width = checkpoint.configuration.talker.transformer.hiddenSize
    guard shape.embeddingSize == width else {
      throw SynthesisError(
        .invalidModel,
        "config.json: speaker_encoder_config.enc_dim: expected the talker's \(width), found "
          + "\(shape.embeddingSize)")
    }
    let samples =
      Int(
        (ReferenceAudio.Limits().longest + VoiceOptions.longestSilence.seconds)
          * Double(ReferenceAudio.sampleRate)) + 1
    do {
      speaker = try SpeakerEncoding(
        SpeakerEncoder(
          reading: checkpoint.weights.scoped("speaker_encoder."), shape, on: backend),
        capacity: samples / 256 + 1, on: backend)
      codec = try CodecEncoding(
        CodecEncoder(
          reading: checkpoint.codecWeights.scoped("encoder."),
          checkpoint.codecConfiguration.encoder,
          quantizerCount: checkpoint.codecConfiguration.encoderQuantizerCount, on: backend),
        capacity: samples, on: backend)
    } catch let error as CheckpointError {
      throw SynthesisError(.invalidModel, "\(error)", underlying: error)
    }
  }

  func voice(
    from samples: [Float], transcript: String?, origin: String
  ) throws -> ClonedVoice {
    let embedding = try speaker.embedding(of: samples)
    guard embedding.allSatisfy({ $0.isFinite }) else {
      throw SynthesisError(
        .internalFailure,
        "voice: expected a finite embedding, found infinite numbers. The model's "
          + "speaker encoder may be damaged; fetch the model again.")
    }
    return try ClonedVoice(
      embedding: embedding, codes: transcript == nil ? [] : codec.encode(samples),
      transcript: transcript, origin: origin)
  }
}
