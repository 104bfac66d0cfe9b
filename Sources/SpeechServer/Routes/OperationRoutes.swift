// SPDX-License-Identifier: MIT
#if Server
import Audio
import HTTPTypes
import Hummingbird
import Qwen3TTS

/// Health, metrics, version, the page and the description of the interface.
struct OperationRoutes: Sendable {
  let service: SpeechService
  let registry: PrometheusRegistry
  /// Of the program, such as "0.2.0".
  let version: String

  func add(to router: Router<ServerContext>) {
    for path in ["/health", "/ready", "/health/ready"] {
      router.get(RouterPath(path)) { _, _ in readiness() }
    }
    router.get("/health/live") { _, _ in
      service.isDead
        ? status("unhealthy", retryAfter: 30) : Response.json(["status": "ok"])
    }
    router.get("/metrics") { _, _ in
      Response.text(
        registry.text(readings: readings), type: "text/plain; version=0.0.4; charset=utf-8")
    }
    router.get("/version") { _, _ in versions() }
    router.get("/openapi.json") { _, _ in Response.json(OpenAPIDocument.value(version: version)) }
    router.get("/") { _, _ in
      var response = Response.text(WebPage.html, type: "text/html; charset=utf-8")
      response.headers[.contentSecurityPolicy] = WebPage.policy
      return response
    }
  }

  private var readings: [PrometheusRegistry.Reading] {
    let load = service.queue.load
    let models = service.models
    var readings: [PrometheusRegistry.Reading] = [
      .init("qwen3tts_build_info", 1, labels: [("version", version)]),
      .init("qwen3tts_engine_up", service.unavailable == nil ? 1 : 0),
      .init("qwen3tts_requests_running", Double(load.running)),
      .init("qwen3tts_requests_waiting", Double(load.waiting)),
    ]
    for model in models {
      let device = model.engine.load
      let labels = [("model", model.name)]
      readings += [
        .init("qwen3tts_slots", Double(device.voices), labels: labels),
        .init("qwen3tts_slots_used", Double(device.speaking), labels: labels),
        .init("qwen3tts_slots_waiting", Double(device.waiting), labels: labels),
        .init("qwen3tts_kv_used_ratio", device.pageShare, labels: labels),
        .init("qwen3tts_runaway_parts_total", Double(device.runaways), labels: labels),
      ]
    }
    if service.metrics.usesVLLMNames {
      let labels = [("model_name", models.first?.name ?? "")]
      readings += [
        .init("vllm:num_requests_running", Double(load.running), labels: labels),
        .init("vllm:num_requests_waiting", Double(load.waiting), labels: labels),
        .init(
          "vllm:kv_cache_usage_perc", models.first?.engine.load.pageShare ?? 0, labels: labels),
      ]
    }
    return readings + ProcessFigures.readings
  }

  /// 200 while a new speech would be taken.
  private func readiness() -> Response {
    if let reason = service.unavailable {
      return status(reason.code ?? "", retryAfter: reason.retryAfter ?? 1)
    }
    return service.queue.isFull
      ? status("overloaded", retryAfter: 1) : Response.json(["status": "ok"])
  }

  private func status(_ status: String, retryAfter: Int) -> Response {
    var response = Response.json(["status": .string(status)], status: .serviceUnavailable)
    response.headers[.retryAfter] = "\(retryAfter)"
    return response
  }

  private func versions() -> Response {
    let formats = AudioFormat.allCases.map { format -> (String, JSONValue) in
      do throws(AudioError) {
        try AudioEncoder.check(format)
        return (format.rawValue, true)
      } catch {
        return (format.rawValue, false)
      }
    }
    return .json([
      "version": .string(version),
      "models": .array(service.models.map { .string($0.name) }),
      "formats": .object(Dictionary(formats) { $1 }),
    ])
  }
}
#endif
