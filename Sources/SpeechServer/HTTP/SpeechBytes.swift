// SPDX-License-Identifier: MIT
#if Server
import Audio
import Qwen3TTS

/// Bytes of a speech that leave together, and what they are the sound of.
package struct SpeechPiece: Sendable, Equatable {
  package var bytes: [UInt8] = []
  /// Samples of 24 kHz that were encoded since the piece before; what an encoder holds back is counted when
  /// it goes in.
  package var sampleCount = 0
  /// What has become known of when the text is heard, where that was asked for.
  package var heard = HeardText()

  package init(bytes: [UInt8] = [], sampleCount: Int = 0, heard: HeardText = HeardText()) {
    self.bytes = bytes
    self.sampleCount = sampleCount
    self.heard = heard
  }
}

/// A speech as the bytes of its answer.
///
/// Encoding happens here, on a task of the connection, and not on the engine's thread.
actor SpeechBytes {
  private let job: SpeechJob
  private let format: AudioFormat
  private let speed: Double
  private let figures: ServerMetrics
  /// What the encoder took so far.
  private var encodingTime = Duration.zero
  /// `nil` after the last bytes.
  private var encoder: AudioEncoder?
  /// Set with the last bytes.
  private(set) var metrics: SpeechMetrics?

  /// - Throws: `APIError` 400 when the format cannot be made here.
  init(
    _ job: SpeechJob, _ parameters: SpeechParameters, figures: ServerMetrics
  ) throws(APIError) {
    self.job = job
    self.figures = figures
    format = parameters.format
    speed = parameters.speed
    encoder = try Self.makeEncoder(parameters)
  }

  private static func makeEncoder(
    _ parameters: SpeechParameters, sampleCount: Int? = nil
  ) throws(APIError) -> AudioEncoder {
    do {
      return try AudioEncoder(
        parameters.format, sampleRate: parameters.sampleRate, bitRate: parameters.bitRate,
        speed: parameters.speed, sampleCount: sampleCount)
    } catch {
      throw .invalid("response_format", error.description, code: "unsupported_format")
    }
  }

  /// The next bytes, with what they are the sound of; `nil` after the last. Where times were asked for, the last
  /// piece may have no bytes.
  ///
  /// - Throws: What the engine or the encoder failed with.
  func nextPiece() async throws -> SpeechPiece? {
    var piece = SpeechPiece()
    while let encoder {
      guard let chunk = try await job.next() else {
        self.encoder = nil
        piece.bytes = try timed { try encoder.finish() }
        figures.encoded(format, in: encodingTime)
        return piece.bytes.isEmpty && piece.heard.isEmpty ? nil : piece
      }
      metrics = chunk.summary ?? metrics
      piece.heard.append(chunk, speed: speed)
      guard !chunk.samples.isEmpty else { continue }
      piece.sampleCount += chunk.samples.count
      piece.bytes = try timed { try encoder.encode(chunk.samples) }
      if !piece.bytes.isEmpty { return piece }
    }
    return nil
  }

  private func timed<Value>(_ body: () throws -> Value) rethrows -> Value {
    let start = ContinuousClock.now
    defer { encodingTime += .now - start }
    return try body()
  }

  /// A speech that has ended: a WAV file then has its true length.
  struct Whole: Sendable {
    var bytes: [UInt8] = []
    var metrics: SpeechMetrics?
    var heard = HeardText()
  }

  /// All of a speech, once it has ended.
  static func whole(
    _ job: SpeechJob, _ parameters: SpeechParameters, figures: ServerMetrics
  ) async throws -> Whole {
    var samples: [Float] = []
    var whole = Whole()
    while let chunk = try await job.next() {
      samples += chunk.samples
      whole.heard.append(chunk, speed: parameters.speed)
      whole.metrics = chunk.summary ?? whole.metrics
    }
    let start = ContinuousClock.now
    let encoder = try makeEncoder(parameters, sampleCount: samples.count)
    whole.bytes = try encoder.encode(samples) + encoder.finish()
    figures.encoded(parameters.format, in: .now - start)
    return whole
  }
}
#endif
