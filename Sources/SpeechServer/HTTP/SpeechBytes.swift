// SPDX-License-Identifier: MIT
#if Server
import Audio
import Qwen3TTS

/// A speech as the bytes of its answer.
///
/// Encoding happens here, on a task of the connection, and not on the engine's thread.
actor SpeechBytes {
  private let job: SpeechJob
  private var encoder: AudioEncoder?
  private var playback = Playback()
  private let speechMetrics: ServerMetrics
  /// Set with the last bytes.
  private(set) var metrics: SpeechMetrics?

  /// - Throws: `APIError` 400 when the format cannot be made here.
  init(
    _ job: SpeechJob, _ parameters: SpeechParameters, sampleCount: Int? = nil,
    metrics: ServerMetrics
  ) throws(APIError) {
    self.job = job
    speechMetrics = metrics
    do {
      encoder = try AudioEncoder(
        parameters.format, sampleRate: parameters.sampleRate, bitRate: parameters.bitRate,
        speed: parameters.speed, sampleCount: sampleCount)
    } catch {
      job.record.cancel()
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
        speechMetrics.playback(worstGap: playback.worstGap)
        let rest = try encoder.finish()
        return rest.isEmpty ? nil : rest
      }
      metrics = chunk.summary ?? metrics
      guard !chunk.samples.isEmpty else { continue }
      if let interval = playback.hear(samples: chunk.samples.count) {
        speechMetrics.chunkInterval(interval)
      }
      let bytes = try encoder.encode(chunk.samples)
      if !bytes.isEmpty { return bytes }
    }
    return nil
  }

  /// A player that starts with the first chunk and has no buffer.
  private struct Playback {
    private var start: ContinuousClock.Instant?
    private var last: ContinuousClock.Instant?
    private var seconds = 0.0
    private(set) var worstGap = 0.0

    /// Takes in a chunk; returns the seconds since the one before.
    mutating func hear(samples: Int) -> Double? {
      let now = ContinuousClock.now
      defer {
        seconds += Double(samples) / Double(SpeechSynthesizer.sampleRate)
        last = now
      }
      guard let start, let last else {
        self.start = now
        return nil
      }
      // Once it has run dry, the player goes on from here.
      let gap = (now - start).seconds - seconds
      if gap > 0 {
        worstGap = max(worstGap, gap)
        seconds += gap
      }
      return (now - last).seconds
    }
  }
}
#endif
