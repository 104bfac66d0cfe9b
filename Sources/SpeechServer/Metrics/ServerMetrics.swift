// SPDX-License-Identifier: MIT
#if Server
package import Metrics
import Qwen3TTS

/// The server's own figures, by swift-metrics; docs/server.md has the table of names.
package struct ServerMetrics: Sendable {
  private let factory: any MetricsFactory

  package init(factory: any MetricsFactory) { self.factory = factory }

  /// Counts a request that was not taken.
  func reject(_ reason: String) {
    counter("qwen3tts_requests_rejected_total", [("reason", reason)]).increment(by: 1)
  }

  func firstAudio(_ time: Duration, route: String) {
    record("qwen3tts_time_to_first_audio_seconds", [("route", route)], time.seconds)
  }

  func end(_ result: SpeechRecord.State, route: String) {
    let reason = result.finishReason ?? "error"
    counter("qwen3tts_requests_total", [("route", route), ("finish_reason", reason)])
      .increment(by: 1)
    guard let metrics = result.metrics else { return }
    record("qwen3tts_request_seconds", [], metrics.wallDuration.seconds)
    record("qwen3tts_audio_seconds", [], metrics.audioDuration.seconds)
    if metrics.audioDuration > .zero {
      record("qwen3tts_real_time_factor", [], metrics.wallDuration / metrics.audioDuration)
    }
    counter("qwen3tts_frames_total", []).increment(by: Int64(metrics.frames))
    factory.makeFloatingPointCounter(
      label: "qwen3tts_audio_generated_seconds_total", dimensions: []
    )
    .increment(by: metrics.audioDuration.seconds)
    if reason == "runaway" { counter("qwen3tts_runaway_stopped_total", []).increment(by: 1) }
  }

  /// What a player without a buffer would have met: how long it ran dry at most.
  func playback(worstGap: Double) {
    record("qwen3tts_underrun_seconds", [], worstGap)
    for threshold in [0, 50, 100, 200] where worstGap * 1_000 <= Double(threshold) {
      counter("qwen3tts_continuity_ok_total", [("threshold_ms", "\(threshold)")]).increment(by: 1)
    }
  }

  func chunkInterval(_ seconds: Double) {
    record("qwen3tts_chunk_interval_seconds", [], seconds)
  }

  private func counter(_ name: String, _ labels: [(String, String)]) -> any CounterHandler {
    factory.makeCounter(label: name, dimensions: labels)
  }

  private func record(_ name: String, _ labels: [(String, String)], _ value: Double) {
    factory.makeRecorder(label: name, dimensions: labels, aggregate: true).record(value)
  }
}
#endif
