// SPDX-License-Identifier: MIT

import ModelFiles
import SpeechModel
package import SyntheticCheckpoint

extension Verification {
  /// Encodes recordings of several lengths with the encoders of a random-weight Base model; true when
  /// speaker embeddings agree with the reference's and all codes are equal.
  package func verifyEncoders(_ size: SyntheticSize) -> Bool {
    let name = "\(size.rawValue), encoders"
    let checkpoint = Checkpoint.synthetic(size, variant: .base, seed: 1).keepingWeights()
    // The encoders of a released model take a CPU as long as the recording.
    let lengths = size.isReleased ? [3.1] : [0.25, 1, 3, 9.37, 14]
    func results<B: Backend>(on backend: B) throws -> [MeasuredResult] {
      let encoders = try Encoders(checkpoint, capacity: 15 * 24_000, on: backend)
      return try lengths.flatMap { seconds in
        let samples = InventedRecording.samples(seconds: seconds)
        return [
          MeasuredResult(
            name: "embedding of \(seconds) s", values: try encoders.speaker.embedding(of: samples),
            tolerance: .embedding),
          MeasuredResult(
            name: "codes of \(seconds) s",
            values: try encoders.codec.encode(samples).flatMap { $0.map(Float.init) },
            tolerance: .exact),
        ]
      }
    }
    return every([(size, name)]) { _ in
      [
        VerificationOutcome(
          name, found: try results(on: candidate(true)),
          expected: try withReference { try results(on: $0) })
      ]
    }
  }
}

/// Both encoders of a Base model.
struct Encoders<B: Backend> {
  let speaker: SpeakerEncoding<B>
  let codec: CodecEncoding<B>

  /// - Parameter capacity: Samples of the longest recording.
  /// - Throws: `CheckpointError` when the model has no encoders, or what the backend failed with.
  init(_ checkpoint: Checkpoint, capacity: Int, on backend: B) throws {
    guard let shape = checkpoint.configuration.speakerEncoder else {
      throw CheckpointError(
        file: checkpoint.folder, expected: "a Base model, which has a speaker encoder",
        found: checkpoint.configuration.variant.rawValue)
    }
    let codecShape = checkpoint.codecConfiguration
    speaker = try SpeakerEncoding(
      SpeakerEncoder(
        reading: checkpoint.weights.scoped("speaker_encoder."), shape, on: backend),
      capacity: capacity / 256, on: backend)
    codec = try CodecEncoding(
      CodecEncoder(
        reading: checkpoint.codecWeights.scoped("encoder."), codecShape.encoder,
        quantizerCount: codecShape.encoderQuantizerCount, on: backend),
      capacity: capacity, on: backend)
  }
}

/// Something like a voice: harmonics that glide, syllables, and some noise.
enum InventedRecording {
  /// Samples at 24 kHz.
  static func samples(seconds: Double) -> [Float] {
    var noise: UInt32 = 1
    var phase = 0.0
    return (0..<Int(seconds * 24_000)).map { index in
      let time = Double(index) / 24_000
      phase += (130 + 30 * Math.sin(2 * .pi * 0.7 * time)) / 24_000
      var sum = 0.0
      for harmonic in 1...12 {
        let angle = 2 * .pi * phase * Double(harmonic)
        sum += Math.sin(angle) / Double(harmonic)
      }
      let syllable = max(0, Math.sin(2 * .pi * 3.1 * time)) + 0.05
      noise = noise &* 1_664_525 &+ 1_013_904_223
      let hiss = (Double(noise >> 8) / 8_388_608 - 1) * 0.02
      return Float(0.2 * syllable * sum + hiss)
    }
  }
}
