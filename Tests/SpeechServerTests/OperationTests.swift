// SPDX-License-Identifier: MIT
#if Server
import Foundation
import HTTPTypes
import HummingbirdTesting
import Qwen3TTS
import SpeechServer
import Testing

@Suite struct OperationTests {
  @Test func `answers 503 while it starts and while it drains`() async throws {
    let server = TestServer(isReady: false)
    try await server.test { client in
      for path in ["/health", "/ready", "/health/ready"] {
        let response = try await client.get(path)
        #expect(response.status == .serviceUnavailable)
        #expect(response.headers[.retryAfter] == "1")
        #expect(try response.members["status"] == "starting")
      }
      let early = try await client.speak(#"{"input":"a"}"#)
      #expect(early.status == .serviceUnavailable)
      #expect(try early.error["code"] == "starting")
      #expect(try await client.get("/health/live").status == .ok)
      server.serve([FakeEngine()])
      #expect(try await client.get("/ready").status == .ok)
      server.service.drain()
      let drained = try await client.speak(#"{"input":"a"}"#)
      #expect(try drained.error["code"] == "draining")
      #expect(drained.headers[.connection] == "close")
      let lines = try await client.get("/metrics").text.components(separatedBy: "\n")
      for (reason, count) in [("starting", 1), ("draining", 1), ("overloaded", 0)] {
        #expect(
          lines.contains("qwen3tts_requests_rejected_total{reason=\"\(reason)\"} \(count)"))
      }
      #expect(try await client.get("/ready").members["status"] == "draining")
    }
  }

  @Test func `asks for a key where there is one`() async throws {
    try await TestServer { $0.apiKeys = ["first", "second"] }.test { client in
      for (header, value, status) in [
        ("authorization", "Bearer second", 200), ("authorization", "Bearer secon", 401),
        ("authorization", "Bearer second2", 401), ("authorization", "second", 401),
        ("xi-api-key", "first", 200), ("xi-api-key", "", 401), ("x-other", "first", 401),
      ] {
        let response = try await client.get(
          "/v1/models", headers: [HTTPField.Name(header)!: value])
        #expect(response.statusCode == status, "\(header): \(value)")
      }
      #expect(try await client.get("/health").status == .ok)
      // Before the body is looked at.
      #expect(try await client.speak("{").status == .unauthorized)
    }
  }

  @Test func `refuses changes that other origins' pages ask for`() async throws {
    let body = #"{"input":"a","response_format":"pcm"}"#
    try await TestServer { $0.allowedOrigins = ["https://good.example"] }.test(.ahc()) { client in
      let evil = try await client.speak(body, headers: [.origin: "https://evil.example"])
      #expect(evil.status == .forbidden)
      #expect(evil.headers[.accessControlAllowOrigin] == nil)
      #expect(try await client.speak(body, headers: [.origin: "null"]).status == .forbidden)
      let good = try await client.speak(body, headers: [.origin: "https://good.example"])
      #expect(good.status == .ok)
      #expect(good.headers[.accessControlAllowOrigin] == "https://good.example")
      let refused = try await client.speak("{", headers: [.origin: "https://good.example"])
      #expect(refused.headers[.accessControlAllowOrigin] == "https://good.example")
      let own = try await client.speak(
        body,
        headers: [.origin: "https://x.example", HTTPField.Name("x-forwarded-host")!: "x.example"])
      #expect(own.status == .ok)
      let preflight = try await client.execute(
        uri: "/v1/audio/speech", method: .options,
        headers: [
          .origin: "https://good.example", .accessControlRequestMethod: "POST",
          .accessControlRequestHeaders: "authorization",
        ])
      #expect(preflight.status == .noContent)
      #expect(preflight.headers[.accessControlAllowHeaders] == "authorization")
    }
  }

  @Test func `a path with another method is 405, and nothing else is 404`() async throws {
    try await TestServer().test { client in
      let wrong = try await client.execute(uri: "/v1/audio/speech", method: .get)
      #expect(wrong.status == .methodNotAllowed)
      #expect(wrong.headers[.allow] == "POST")
      #expect(try await client.get("/v1/").status == .notFound)
      #expect(try await client.get("/v1/audio/nothing").error["code"] == "not_found")
      #expect(try await client.execute(uri: "/health", method: .head).status == .ok)
    }
  }

  @Test func `lists models for each client`() async throws {
    try await TestServer().test { client in
      #expect(try await client.get("/v1/models").text.contains(#""id":"tiny""#))
      #expect(try await client.get("/v1/models/tiny").members["owned_by"] == "qwen")
      #expect(try await client.get("/v1/models/other").error["code"] == "model_not_found")
      let array = try await client.get(
        "/v1/models", headers: [HTTPField.Name("xi-api-key")!: "x"])
      #expect(array.text.hasPrefix(#"[{"can_do_text_to_speech":true"#))
    }
  }

  @Test func `counts what it does`() async throws {
    let server = TestServer { $0.usesVLLMNames = true }
    try await server.test { client in
      _ = try await client.speak(#"{"input":"abc","response_format":"pcm"}"#)
      let lines = try await client.get("/metrics").text.components(separatedBy: "\n")
      let labels = #"model="tiny",route="/v1/audio/speech""#
      for line in [
        "qwen3tts_requests_total{\(labels),finish_reason=\"stop\"} 1",
        "qwen3tts_frames_total{model=\"tiny\"} 3",
        "qwen3tts_time_to_first_audio_seconds_count{\(labels)} 1",
        "qwen3tts_continuity_ok_total{model=\"tiny\",threshold_ms=\"200\"} 1",
        "qwen3tts_engine_up 1", "qwen3tts_requests_waiting 0",
        "vllm:num_requests_running{model_name=\"tiny\"} 0",
        "vllm:request_success_total{model_name=\"tiny\",finished_reason=\"stop\"} 1",
      ] {
        #expect(lines.contains(line), "\(line)")
      }
      #expect(lines.contains { $0.hasPrefix("http_server_request_duration_seconds_count{") })
      #expect(server.service.queue.load == (0, 0))
    }
  }

  @Test func `reports what the device of each model does`() async throws {
    var behaviour = FakeEngine.Behaviour()
    behaviour.load.voices = 16
    behaviour.load.speaking = 3
    behaviour.load.pages = 8
    behaviour.load.pagesUsed = 2
    behaviour.load.runaways = 5
    let engines = [FakeEngine(behaviour), FakeEngine(kind: .base)]
    try await TestServer(engines) { $0.usesVLLMNames = true }.test { client in
      _ = try await client.speak(#"{"input":"abc","response_format":"pcm"}"#)
      _ = try await client.speak(#"{"input":"abc","response_format":"wav","stream":false}"#)
      let lines = try await client.get("/metrics").text.components(separatedBy: "\n")
      for line in [
        "qwen3tts_slots{model=\"tiny\"} 16", "qwen3tts_slots_used{model=\"tiny\"} 3",
        "qwen3tts_slots_waiting{model=\"tiny\"} 0", "qwen3tts_kv_used_ratio{model=\"tiny\"} 0.25",
        "qwen3tts_runaway_parts_total{model=\"tiny\"} 5", "qwen3tts_slots{model=\"tiny-Base\"} 0",
        "vllm:kv_cache_usage_perc{model_name=\"tiny\"} 0.25",
        "qwen3tts_queue_seconds_count{model=\"tiny\"} 2",
        "qwen3tts_encoder_seconds_count{format=\"pcm\"} 1",
        "qwen3tts_encoder_seconds_count{format=\"wav\"} 1",
      ] {
        #expect(lines.contains(line), "\(line)")
      }
      #expect(lines.count { $0 == "# TYPE qwen3tts_slots gauge" } == 1)
    }
  }

  @Test func `is alive while its devices take turns, and not when one hangs`() async throws {
    for (stall, status) in [(Duration.seconds(9), 200), (.seconds(11), 503)] {
      var behaviour = FakeEngine.Behaviour()
      behaviour.stall = stall
      try await TestServer([FakeEngine(), FakeEngine(behaviour, kind: .base)]).test { client in
        let live = try await client.get("/health/live")
        #expect(live.statusCode == status)
        // Whether a speech would be taken is another question.
        let ready = try await client.get("/ready")
        #expect(ready.status == .ok)
      }
    }
  }

  @Test func `the interface's description names every route`() async throws {
    try await TestServer().test { client in
      let document = try await client.get("/openapi.json").members
      guard case .object(let paths)? = document["paths"] else {
        Issue.record("no paths")
        return
      }
      for path in paths.keys where !path.contains("{") {
        let response = try await client.execute(uri: path, method: .options)
        #expect(response.status == .methodNotAllowed, "\(path)")
      }
      #expect(paths.count == 33)
    }
  }

  @Test func `the page comes with a policy that lets it reach nothing else`() async throws {
    try await TestServer().test { client in
      let page = try await client.get("/")
      #expect(page.text.contains("<title>"))
      #expect(page.header("content-security-policy")?.contains("connect-src 'self'") == true)
      #expect(!page.text.contains("http://") && !page.text.contains("https://"))
    }
  }
}
#endif
