// SPDX-License-Identifier: MIT
#if Server
package import Metrics
import Audio
import Qwen3TTS

/// The server's own figures, by swift-metrics; `MetricNames` says what they are.
package struct ServerMetrics: Sendable {
  private let factory: any MetricsFactory
  /// Whether some are exported under vLLM's names too, which dashboards and routers know.
  let usesVLLMNames: Bool

  /// Reasons for which speeches are not taken.
  private static let refusals = [
    "overloaded", "starting", "draining", "rate_limit_exceeded", "unhealthy", "invalid",
  ]

  package init(factory: any MetricsFactory, usesVLLMNames: Bool = false) {
    self.factory = factory
    self.usesVLLMNames = usesVLLMNames
  }

  /// Begins counters at zero: of one that appears with its first count, Prometheus sees no increase.
  func begin() {
    for reason in Self.refusals {
      count("qwen3tts_requests_rejected_total", [("reason", reason)], 0)
    }
    count("qwen3tts_voice_cache_hits_total", [], 0)
    count("qwen3tts_voice_cache_misses_total", [], 0)
  }

  /// As `begin`, for a model.
  func begin(model: String) { count("qwen3tts_runaway_stopped_total", [("model", model)], 0) }

  /// Counts a request's answer; the time is that of its head.
  func answered(_ method: String, _ route: String, _ status: Int, _ time: Duration) {
    record(
      "http_server_request_duration_seconds",
      [
        ("http_route", route), ("http_request_method", method),
        ("http_response_status_code", "\(status)"),
      ], time.seconds)
  }

  /// Counts connections that open, and with −1 those that close.
  func connection(_ change: Int, _ kind: String = "http") {
    let meter = factory.makeMeter(
      label: "qwen3tts_connections", dimensions: [("protocol", kind)])
    change > 0 ? meter.increment(by: 1) : meter.decrement(by: 1)
  }

  /// Counts a speech that was not taken.
  func reject(_ reason: String) {
    count("qwen3tts_requests_rejected_total", [("reason", reason)])
  }

  func firstAudio(_ time: Duration, model: String, route: String) {
    record(
      "qwen3tts_time_to_first_audio_seconds", [("model", model), ("route", route)], time.seconds)
    guard usesVLLMNames else { return }
    record("vllm:time_to_first_token_seconds", [("model_name", model)], time.seconds)
  }

  func end(_ result: SpeechRecord.State, model: String, route: String) {
    let reason = result.finishReason ?? "error"
    guard reason != "invalid" else { return reject(reason) }
    let labels = [("model", model)]
    count(
      "qwen3tts_requests_total", [("model", model), ("route", route), ("finish_reason", reason)])
    if reason == "runaway" { count("qwen3tts_runaway_stopped_total", labels) }
    for interval in result.playback.intervals {
      record("qwen3tts_chunk_interval_seconds", labels, interval)
    }
    guard let metrics = result.metrics else { return }
    let (wall, audio) = (metrics.wallDuration.seconds, metrics.audioDuration.seconds)
    record("qwen3tts_queue_seconds", labels, metrics.queueDuration.seconds)
    record("qwen3tts_request_seconds", labels, wall)
    record("qwen3tts_audio_seconds", labels, audio)
    if audio > 0 { record("qwen3tts_real_time_factor", labels, wall / audio) }
    count("qwen3tts_frames_total", labels, metrics.frames)
    count("qwen3tts_text_tokens_total", labels, metrics.textTokens)
    factory.makeFloatingPointCounter(
      label: "qwen3tts_audio_generated_seconds_total", dimensions: labels
    ).increment(by: audio)
    record("qwen3tts_underrun_seconds", labels, result.playback.longestGap)
    for threshold in [0, 50, 100, 200]
    where result.playback.longestGap * 1_000 <= Double(threshold) {
      count(
        "qwen3tts_continuity_ok_total", [("model", model), ("threshold_ms", "\(threshold)")])
    }
    guard usesVLLMNames else { return }
    record("vllm:e2e_request_latency_seconds", [("model_name", model)], wall)
    count(
      "vllm:request_success_total", [("model_name", model), ("finished_reason", reason)])
  }

  /// Notes how long the encoder took for a whole speech.
  func encoded(_ format: AudioFormat, in time: Duration) {
    record("qwen3tts_encoder_seconds", [("format", format.rawValue)], time.seconds)
  }

  /// Counts a voice that was found, or had to be made.
  func voice(wasCached: Bool) {
    count(wasCached ? "qwen3tts_voice_cache_hits_total" : "qwen3tts_voice_cache_misses_total", [])
  }

  private func count(_ name: String, _ labels: [(String, String)], _ amount: Int = 1) {
    factory.makeCounter(label: name, dimensions: labels).increment(by: Int64(amount))
  }

  private func record(_ name: String, _ labels: [(String, String)], _ value: Double) {
    factory.makeRecorder(label: name, dimensions: labels, aggregate: true).record(value)
  }
}
#endif
