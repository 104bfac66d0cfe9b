// SPDX-License-Identifier: MIT
#if Server
import Audio
import Qwen3TTS

/// A speech as the bytes of its answer.
///
/// Encoding happens here, on a task of the connection, and not on the engine's thread.
actor SpeechBytes {
  private let job: SpeechJob
  /// `nil` after the last bytes.
  private var encoder: AudioEncoder?
  /// Set with the last bytes.
  private(set) var metrics: SpeechMetrics?

  /// - Throws: `APIError` 400 when the format cannot be made here; the speech is ended then.
  init(_ job: SpeechJob, _ parameters: SpeechParameters) throws(APIError) {
    self.job = job
    do {
      encoder = try AudioEncoder(
        parameters.format, sampleRate: parameters.sampleRate, speed: parameters.speed)
    } catch {
      throw .invalid("response_format", error.description, code: "unsupported_format")
    }
  }

  /// The next bytes; `nil` after the last.
  ///
  /// - Throws: What the engine or the encoder failed with.
  func next() async throws -> [UInt8]? {
    while let encoder {
      guard let chunk = try await job.next() else {
        self.encoder = nil
        let rest = try encoder.finish()
        return rest.isEmpty ? nil : rest
      }
      metrics = chunk.summary ?? metrics
      guard !chunk.samples.isEmpty else { continue }
      let bytes = try encoder.encode(chunk.samples)
      if !bytes.isEmpty { return bytes }
    }
    return nil
  }

  /// All bytes that are left.
  func rest() async throws -> [UInt8] {
    var all: [UInt8] = []
    while let more = try await next() { all += more }
    return all
  }
}
#endif
