// SPDX-License-Identifier: MIT
#if Server
import Audio
import Hummingbird

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
    router.get("/health/live") { _, _ in Response.json(["status": "ok"]) }
    router.get("/metrics") { _, _ in
      Response.text(registry.text(gauges: gauges), type: "text/plain; version=0.0.4; charset=utf-8")
    }
    router.get("/version") { _, _ in versions() }
    router.get("/openapi.json") { _, _ in Response.json(OpenAPIDocument.value(version: version)) }
    router.get("/") { _, _ in Response.text(WebPage.html, type: "text/html; charset=utf-8") }
  }

  private var gauges: [(name: String, value: Double)] {
    let load = service.load
    return [
      ("qwen3tts_engine_up", service.unavailable == nil ? 1 : 0),
      ("qwen3tts_requests_running", Double(load.running)),
      ("qwen3tts_requests_waiting", Double(load.waiting)),
    ]
  }

  /// 200 while a new speech would be taken.
  private func readiness() -> Response {
    if let reason = service.unavailable {
      var response = Response.json(
        ["status": .string(reason.code ?? ""), "message": .string(reason.message)],
        status: .serviceUnavailable)
      response.headers[.retryAfter] = "\(reason.retryAfter ?? 1)"
      return response
    }
    guard !service.isFull else {
      var response = Response.json(["status": "overloaded"], status: .serviceUnavailable)
      response.headers[.retryAfter] = "1"
      return response
    }
    return .json(["status": "ok"])
  }

  private func versions() -> Response {
    let encoders = EncoderLibrary.allCases.map { library in
      (library.rawValue, JSONValue.bool(library.isAvailable))
    }
    return .json([
      "version": .string(version),
      "models": .array(service.models.map { .string($0.name) }),
      "encoders": .object(Dictionary(encoders) { $1 }),
    ])
  }
}
#endif
