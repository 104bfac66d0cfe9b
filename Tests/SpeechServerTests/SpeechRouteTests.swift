// SPDX-License-Identifier: MIT
#if Server
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Qwen3TTS
import NIOCore
import SpeechServer
import Synchronization
import Testing

@Suite struct SpeechRouteTests {
  /// A server in memory around an engine.
  func server(
    _ engine: FakeEngine = FakeEngine(), isReady: Bool = true,
    _ change: (inout SpeechServer.Configuration) -> Void = { _ in }
  ) throws -> (SpeechServer, some ApplicationProtocol) {
    var configuration = SpeechServer.Configuration()
    configuration.port = 0
    configuration.logsAccess = false
    configuration.voiceFolder = FileManager.default.temporaryDirectory
      .appending(path: "server-tests-\(UUID().uuidString)")
    change(&configuration)
    let server = SpeechServer(configuration)
    if isReady {
      server.service.serve([ServedModel(name: "tiny", engine: engine, created: 1)])
    }
    return (
      server,
      try server.application(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    )
  }

  func json(_ body: ByteBuffer) throws -> [String: JSONValue] {
    try JSONDecoder().decode([String: JSONValue].self, from: Data(body.readableBytesView))
  }

  func error(_ response: TestResponse) throws -> [String: JSONValue] {
    guard case .object(let error)? = try json(response.body)["error"] else { return [:] }
    return error
  }

  func speak(
    _ client: some TestClientProtocol, _ body: String, headers: HTTPFields = [:]
  ) async throws -> TestResponse {
    var headers = headers
    headers[.contentType] = "application/json"
    return try await client.execute(
      uri: "/v1/audio/speech", method: .post, headers: headers, body: ByteBuffer(string: body))
  }

  @Test func `speaks pcm that is the engine's samples`() async throws {
    let (_, app) = try server()
    try await app.test(.router) { client in
      let response = try await speak(client, #"{"input":"abc","response_format":"pcm"}"#)
      #expect(response.status == .ok)
      #expect(response.headers[.contentType] == "audio/pcm")
      #expect(response.headers[HTTPField.Name("x-sample-rate")!] == "24000")
      #expect(response.body.readableBytes == 3 * 1_920 * 2)
      #expect(response.body.getInteger(at: 0, endianness: .little, as: Int16.self) == 8_192)
      #expect(response.trailerHeaders?[HTTPField.Name("x-finish-reason")!] == "stop")
      #expect(response.trailerHeaders?[HTTPField.Name("x-output-tokens")!] == "3")
    }
  }

  @Test func `mp3 is the format of a request that names none`() async throws {
    let (_, app) = try server()
    try await app.test(.router) { client in
      let response = try await speak(client, #"{"input":"abc","model":"tts-1","voice":"alloy"}"#)
      #expect(response.headers[.contentType] == "audio/mpeg")
    }
  }

  @Test func `sends events whose pieces make the file`() async throws {
    let (_, app) = try server()
    try await app.test(.router) { client in
      let response = try await speak(
        client, #"{"input":"ab cd","response_format":"pcm","stream_format":"sse","seed":7}"#)
      #expect(response.headers[.contentType] == "text/event-stream")
      let events = String(buffer: response.body).components(separatedBy: "\n\n").filter {
        !$0.isEmpty
      }
      var bytes = Data()
      for event in events.dropLast() {
        let lines = event.components(separatedBy: "\n")
        #expect(lines[0] == "event: speech.audio.delta")
        let members = try json(ByteBuffer(string: String(lines[1].dropFirst(6))))
        guard case .string(let audio)? = members["audio"] else { continue }
        bytes += Data(base64Encoded: audio) ?? Data()
      }
      #expect(bytes.count == 5 * 1_920 * 2)
      let last = events.last ?? ""
      #expect(last.hasPrefix("event: speech.audio.done\ndata: "))
      let done = try json(ByteBuffer(string: String(last.components(separatedBy: "data: ")[1])))
      #expect(done["finish_reason"] == "stop")
      #expect(done["seed"] == 7)
      guard case .object(let usage)? = done["usage"] else { return }
      #expect(usage["output_tokens"] == 5)
      #expect(usage["input_tokens"] == 2)
    }
  }

  @Test(arguments: [
    (#"{"input":"   "}"#, 400, "input", "invalid_value"),
    (#"{"model":"tiny"}"#, 400, "input", "invalid_value"),
    (#"{"input":5}"#, 400, "input", "invalid_value"),
    (#"{"input":"a","model":"gpt-9"}"#, 404, "model", "model_not_found"),
    (#"{"input":"a","voice":"nobody"}"#, 400, "voice", "voice_not_found"),
    (#"{"input":"a","voice":{"name":"x"}}"#, 400, "voice", "invalid_value"),
    (#"{"input":"a","response_format":"wma"}"#, 400, "response_format", "unsupported_format"),
    (
      #"{"input":"a","response_format":"opus","sample_rate":44100}"#, 400, "sample_rate",
      "invalid_value"
    ),
    (#"{"input":"a","speed":9}"#, 400, "speed", "invalid_value"),
    (#"{"input":"a","speed":"fast"}"#, 400, "speed", "invalid_value"),
    (#"{"input":"a","stream_format":"lines"}"#, 400, "stream_format", "invalid_value"),
    (#"{"input":"a","temperature":-1}"#, 400, "temperature", "invalid_value"),
    (#"{"input":"a","top_p":2}"#, 400, "top_p", "invalid_value"),
    (#"{"input":"a","seed":1.5}"#, 400, "seed", "invalid_value"),
    (#"{"input":"a","max_new_tokens":0}"#, 400, "max_new_tokens", "invalid_value"),
    (#"{"input":"a","ref_audio":"!!"}"#, 400, "ref_audio", "invalid_value"),
    (#"{"input":"a","ref_audio":"http://127.0.0.1/a.wav"}"#, 400, "ref_audio", "invalid_value"),
    (#"{"input":"a","ref_audio":"file:///etc/passwd"}"#, 400, "ref_audio", "invalid_value"),
    (#"{"input":"a","speaker_embedding":[1,"b"]}"#, 400, "speaker_embedding", "invalid_value"),
    (#"{"input":"refuse this"}"#, 400, "input", "invalid_value"),
    (#"{"input":"aaaaaaaaaaa"}"#, 400, "input", "string_above_max_length"),
  ])
  func `refuses what cannot be, by the member's name`(
    _ body: String, _ status: Int, _ parameter: String, _ code: String
  ) async throws {
    let (_, app) = try server {
      $0.limits.request.inputCharacters = body.contains("aaaa") ? 10 : 100
    }
    try await app.test(.router) { client in
      let response = try await speak(client, body)
      #expect(response.status.code == status)
      let error = try error(response)
      #expect(error["param"] == .string(parameter))
      #expect(error["code"] == .string(code))
      guard case .string(let message)? = error["message"] else {
        Issue.record("no message")
        return
      }
      #expect(
        message.contains("expected") || message.contains("not served") || message.contains("server")
      )
    }
  }

  @Test(arguments: ["", "[]", "{", "\"a\"", "{\"input\":\"a\"", "\u{0}"])
  func `refuses bodies that are no object`(_ body: String) async throws {
    let (_, app) = try server()
    try await app.test(.router) { client in
      let response = try await speak(client, body)
      #expect(response.status == .badRequest)
      #expect(try error(response)["type"] == "invalid_request_error")
    }
  }

  @Test func `names members that it does not know`() async throws {
    let (_, app) = try server()
    try await app.test(.router) { client in
      let response = try await speak(
        client,
        #"{"input":"a","response_format":"pcm","zeal":1,"mood":"ü","extra_params":{"seed":3,"x":1}}"#
      )
      #expect(response.status == .ok)
      #expect(
        response.headers[HTTPField.Name("x-ignored-fields")!] == "extra_params.x, mood, zeal")
      #expect(response.headers[HTTPField.Name("x-seed")!] == "3")
    }
  }

  @Test func `a failure of ours says nothing of the inside`() async throws {
    let (_, app) = try server(FakeEngine(.init(failsAt: 0)))
    try await app.test(.router) { client in
      let response = try await speak(client, #"{"input":"abc","response_format":"pcm"}"#)
      #expect(response.status == .internalServerError)
      #expect(!String(buffer: response.body).contains("secret"))
      let id = response.headers[HTTPField.Name("x-request-id")!] ?? ""
      #expect(String(buffer: response.body).contains(id) && id.hasPrefix("req_"))
    }
  }

  @Test func `a failure in mid-speech cuts the stream, and ends events with an error`() async throws
  {
    let (_, app) = try server(FakeEngine(.init(failsAt: 2)))
    try await app.test(.live) { client in
      await #expect(throws: (any Error).self) {
        try await speak(client, #"{"input":"abcdef","response_format":"pcm"}"#)
      }
      let response = try await speak(
        client, #"{"input":"abcdef","response_format":"pcm","stream_format":"sse"}"#)
      let text = String(buffer: response.body)
      #expect(text.contains("event: speech.audio.delta"))
      #expect(text.contains("event: speech.audio.error"))
      #expect(!text.contains("speech.audio.done") && !text.contains("secret"))
    }
  }

  @Test func `asks for a key where there is one`() async throws {
    let (_, app) = try server { $0.apiKeys = ["first", "second"] }
    try await app.test(.router) { client in
      for (header, value, status) in [
        ("authorization", "Bearer second", 200), ("authorization", "Bearer secon", 401),
        ("authorization", "Bearer second2", 401), ("authorization", "second", 401),
        ("xi-api-key", "first", 200), ("xi-api-key", "", 401), ("x-other", "first", 401),
      ] {
        let response = try await client.execute(
          uri: "/v1/models", method: .get, headers: [HTTPField.Name(header)!: value])
        #expect(Int(response.status.code) == status, "\(header): \(value)")
      }
      #expect(try await client.execute(uri: "/health", method: .get).status == .ok)
    }
  }

  @Test func `answers 503 while it starts, drains or is full`() async throws {
    let (starting, app) = try server(isReady: false)
    try await app.test(.router) { client in
      for path in ["/health", "/ready"] {
        let response = try await client.execute(uri: path, method: .get)
        #expect(response.status == .serviceUnavailable)
        #expect(response.headers[.retryAfter] == "1")
      }
      let response = try await speak(client, #"{"input":"a"}"#)
      #expect(response.status == .serviceUnavailable)
      #expect(try error(response)["code"] == "starting")
      starting.service.serve([ServedModel(name: "tiny", engine: FakeEngine(), created: 1)])
      #expect(try await client.execute(uri: "/ready", method: .get).status == .ok)
      starting.service.drain()
      let drained = try await speak(client, #"{"input":"a"}"#)
      #expect(try error(drained)["code"] == "draining")
      #expect(drained.headers[.connection] == "close")
    }
    let (_, full) = try server(FakeEngine(.init(frameTime: .seconds(2)))) { $0.queueLimit = 2 }
    try await full.test(.live) { client in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<6 {
          group.addTask {
            Int(try await speak(client, #"{"input":"a","response_format":"pcm"}"#).status.code)
          }
        }
        var statuses: [Int] = []
        for try await status in group { statuses.append(status) }
        #expect(statuses.filter { $0 == 503 }.count == 4)
        #expect(statuses.filter { $0 == 200 }.count == 2)
      }
    }
  }

  @Test func `a client that goes away ends its speech`() async throws {
    let engine = FakeEngine(.init(frameTime: .milliseconds(20), frames: 1_000))
    let (server, app) = try server(engine)
    try await app.test(.live) { client in
      let task = Task {
        try await speak(client, #"{"input":"a","response_format":"pcm"}"#)
      }
      try await Task.sleep(for: .milliseconds(150))
      // By its id, as another connection would.
      let load = server.service.load
      #expect(load.running + load.waiting == 1)
      task.cancel()
      _ = try? await task.value
      for _ in 0..<100 where server.service.load.running > 0 {
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(server.service.load.running == 0)
      #expect(engine.counts.withLock { $0.cancelled } == 1)
    }
  }

  @Test func `a speech can be asked about and ended by its request's id`() async throws {
    let engine = FakeEngine(.init(frameTime: .milliseconds(20), frames: 1_000))
    let (_, app) = try server(engine)
    try await app.test(.live) { client in
      let task = Task {
        try await speak(
          client, #"{"input":"a","response_format":"pcm"}"#,
          headers: [HTTPField.Name("x-request-id")!: "mine-1"])
      }
      try await Task.sleep(for: .milliseconds(150))
      let running = try await client.execute(uri: "/v1/audio/speech/mine-1", method: .get)
      #expect(try json(running.body)["finish_reason"] == .some(nil))
      let cancelled = try await client.execute(uri: "/v1/audio/speech/mine-1", method: .delete)
      #expect(try json(cancelled.body)["cancelled"] == true)
      // The stream is cut, not ended.
      await #expect(throws: (any Error).self) { try await task.value }
      let ended = try await client.execute(uri: "/v1/audio/speech/mine-1", method: .get)
      #expect(try json(ended.body)["finish_reason"] == "cancelled")
      let unknown = try await client.execute(uri: "/v1/audio/speech/other", method: .get)
      #expect(unknown.status == .notFound)
    }
  }

  @Test func `a batch answers in order and fails item by item`() async throws {
    let (_, app) = try server()
    try await app.test(.router) { client in
      let response = try await client.execute(
        uri: "/v1/audio/speech/batch", method: .post,
        headers: [.contentType: "application/json"],
        body: ByteBuffer(
          string: """
            {"response_format":"pcm","items":[{"input":"abc"},{"input":"","voice":"ryan"},
            {"input":"ab","voice":"nobody"},{"input":"a"}]}
            """))
      let members = try json(response.body)
      #expect(members["total"] == 4 && members["succeeded"] == 2 && members["failed"] == 2)
      guard case .array(let results)? = members["results"] else { return }
      let lengths = results.map { result -> Int? in
        guard case .object(let object) = result, case .string(let audio)? = object["audio_data"]
        else { return nil }
        return Data(base64Encoded: audio)?.count
      }
      #expect(lengths == [3 * 3_840, nil, nil, 3_840])
      for body in [#"{"items":[]}"#, #"{"items":5}"#, "{}", #"{"items":[5]}"#] {
        let refused = try await client.execute(
          uri: "/v1/audio/speech/batch", method: .post,
          headers: [.contentType: "application/json"], body: ByteBuffer(string: body))
        #expect(refused.status == .badRequest)
      }
    }
  }

  @Test func `the whole file has its length and its figures in front`() async throws {
    let (_, app) = try server()
    try await app.test(.live) { client in
      let response = try await speak(
        client, #"{"input":"abc","response_format":"pcm"}"#,
        headers: [HTTPField.Name("prefer")!: "wait"])
      #expect(response.headers[.contentLength] == "\(3 * 3_840)")
      #expect(response.headers[HTTPField.Name("x-finish-reason")!] == "stop")
    }
  }

  @Test func `counts what it does`() async throws {
    let (server, app) = try server()
    try await app.test(.router) { client in
      _ = try await speak(client, #"{"input":"abc","response_format":"pcm"}"#)
      let text = String(buffer: try await client.execute(uri: "/metrics", method: .get).body)
      let route = #"route="/v1/audio/speech""#
      #expect(text.contains("qwen3tts_requests_total{\(route),finish_reason=\"stop\"} 1\n"))
      #expect(text.contains("qwen3tts_frames_total 3\n"))
      #expect(text.contains("qwen3tts_time_to_first_audio_seconds_count{\(route)} 1\n"))
      #expect(text.contains("qwen3tts_engine_up 1\n"))
      #expect(text.contains("qwen3tts_requests_waiting 0\n"))
      #expect(server.service.load == (0, 0))
    }
  }
}
#endif
