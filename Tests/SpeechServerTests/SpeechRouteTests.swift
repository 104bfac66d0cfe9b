// SPDX-License-Identifier: MIT
#if Server
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Qwen3TTS
import SpeechServer
import Synchronization
import Testing

@Suite struct SpeechRouteTests {
  @Test func `speaks pcm that is the engine's samples`() async throws {
    try await TestServer().test { client in
      let response = try await client.speak(#"{"input":"abc","response_format":"pcm"}"#)
      #expect(response.status == .ok)
      #expect(response.header("content-type") == "audio/pcm")
      #expect(response.header("x-sample-rate") == "24000")
      #expect(response.body.readableBytes == 3 * 1_920 * 2)
      #expect(response.body.getInteger(at: 0, endianness: .little, as: Int16.self) == 8_192)
      #expect(response.trailer("x-finish-reason") == "stop")
      #expect(response.trailer("x-output-tokens") == "3")
    }
  }

  @Test func `mp3 is the format of a request that names none`() async throws {
    try await TestServer().test { client in
      let response = try await client.speak(#"{"input":"abc","model":"tts-1","voice":"alloy"}"#)
      #expect(response.header("content-type") == "audio/mpeg")
    }
  }

  @Test func `sends events whose pieces make the file`() async throws {
    try await TestServer().test { client in
      let response = try await client.speak(
        #"{"input":"ab cd","response_format":"pcm","stream_format":"sse","seed":7}"#)
      #expect(response.header("content-type") == "text/event-stream")
      let events = response.text.components(separatedBy: "\n\n").filter { !$0.isEmpty }
      func members(_ event: String, _ type: String) throws -> [String: JSONValue] {
        let lines = event.components(separatedBy: "\n")
        #expect(lines.count == 2 && lines[0] == "event: \(type)" && lines[1].hasPrefix("data: "))
        guard case .object(let members) = try JSONParser.parse(Array(lines[1].utf8.dropFirst(6)))
        else { return [:] }
        #expect(members["type"] == .string(type))
        return members
      }
      var bytes = Data()
      for event in events.dropLast() {
        guard case .string(let audio)? = try members(event, "speech.audio.delta")["audio"] else {
          Issue.record("an event without audio")
          return
        }
        bytes += Data(base64Encoded: audio) ?? Data()
      }
      #expect(bytes.count == 5 * 1_920 * 2)
      let done = try members(events.last ?? "", "speech.audio.done")
      #expect(done["finish_reason"] == "stop")
      #expect(done["seed"] == 7)
      guard case .object(let usage)? = done["usage"] else {
        Issue.record("no usage")
        return
      }
      #expect(usage["output_tokens"] == 5 && usage["input_tokens"] == 2)
    }
  }

  @Test func `says when words are heard, in events, headers and trailers`() async throws {
    try await TestServer().test { client in
      let words =
        #"[{"end_ms":160,"start_ms":0,"word":"ab"},{"end_ms":400,"start_ms":240,"word":"cd"}]"#
      let body = #"{"input":"ab cd","response_format":"pcm","word_timestamps":true"#
      let events = try await client.speak(body + #","stream_format":"sse"}"#)
      var said = ""
      var timestamps: [JSONValue] = []
      for line in events.text.components(separatedBy: "\n") where line.hasPrefix("data: ") {
        guard case .object(let members) = try JSONParser.parse(Array(line.utf8.dropFirst(6)))
        else { continue }
        if case .array(let more)? = members["timestamps"] { timestamps += more }
        if case .object(let alignment)? = members["alignment"],
          case .array(let characters)? = alignment["characters"]
        {
          for case .string(let character) in characters { said += character }
        }
      }
      #expect(said == "ab cd")
      #expect(JSONValue.array(timestamps).text == words)
      let streamed = try await client.speak(body + "}")
      #expect(streamed.trailer("x-word-timestamps") == words)
      #expect(streamed.header("trailer")?.contains("x-word-timestamps") == true)
      let whole = try await client.speak(body + "}", headers: [.init("prefer")!: "wait"])
      #expect(whole.header("x-word-timestamps") == words)
      // Only where it was asked for.
      let plain = try await client.speak(
        #"{"input":"ab cd","response_format":"pcm"}"#, headers: [.init("prefer")!: "wait"])
      #expect(plain.header("x-word-timestamps") == nil)
      // What is no ASCII is escaped, and what is too long left out.
      let foreign = try await client.speak(
        #"{"input":"é 你","response_format":"pcm","word_timestamps":true}"#,
        headers: [.init("prefer")!: "wait"])
      #expect(foreign.header("x-word-timestamps")?.contains(#""word":"\u00e9""#) == true)
      #expect(foreign.header("x-word-timestamps")?.contains(#""word":"\u4f60""#) == true)
      let long = String(repeating: "a ", count: 150)
      let omitted = try await client.speak(
        #"{"input":"\#(long)","response_format":"pcm","word_timestamps":true}"#,
        headers: [.init("prefer")!: "wait"])
      #expect(omitted.header("x-word-timestamps") == nil)
      #expect(omitted.header("x-word-timestamps-omitted")?.contains("4096") == true)
      let batch = try await client.post(
        "/v1/audio/speech/batch",
        #"{"items":[{"input":"ab cd","word_timestamps":true},{"input":"a"}],"response_format":"pcm"}"#
      )
      #expect(batch.text.contains(words))
      #expect(batch.text.contains(#""timestamps":null"#))
      #expect(
        try await client.speak(#"{"input":"a","word_timestamps":"yes"}"#).statusCode == 400)
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
    (#"{"input":"a","task_type":"Sing"}"#, 400, "task_type", "invalid_value"),
    (#"{"input":"a","task_type":"Base"}"#, 400, "model", "invalid_value"),
    (#"{"input":"a","ref_audio":"!!"}"#, 400, "ref_audio", "invalid_value"),
    (#"{"input":"a","ref_audio":"QUJD","references":[{}]}"#, 400, "references", "invalid_value"),
    (#"{"input":"a","speaker_embedding":[1,"b"]}"#, 400, "speaker_embedding", "invalid_value"),
    (#"{"input":"refuse this"}"#, 400, "input", "invalid_value"),
    (#"{"input":"aaaaaaaaaaa"}"#, 400, "input", "string_above_max_length"),
  ])
  func `refuses what cannot be, by the member's name`(
    _ body: String, _ status: Int, _ parameter: String, _ code: String
  ) async throws {
    let limit = body.contains("aaaa") ? 10 : 100
    try await TestServer { $0.limits.request.inputCharacters = limit }.test { client in
      let response = try await client.speak(body)
      #expect(response.statusCode == status)
      let error = try response.error
      #expect(error["param"] == .string(parameter))
      #expect(error["code"] == .string(code))
      #expect(response.text.contains("expected") || response.text.contains("needs a"))
    }
  }

  @Test(arguments: ["", "[]", "{", "\"a\"", "{\"input\":\"a\"", "\u{0}"])
  func `refuses bodies that are no object`(_ body: String) async throws {
    try await TestServer().test { client in
      let response = try await client.speak(body)
      #expect(response.status == .badRequest)
      #expect(try response.error["type"] == "invalid_request_error")
    }
  }

  @Test func `refuses other types and bodies above the limit`() async throws {
    try await TestServer { $0.limits.bodyBytes = 100 }.test { client in
      let typed = try await client.speak(#"{"input":"a"}"#, headers: [.contentType: "text/plain"])
      #expect(typed.status == .unsupportedMediaType)
      let long = try await client.speak(#"{"input":""# + String(repeating: "a", count: 100) + "\"}")
      #expect(long.status == .contentTooLarge)
      #expect(try long.error["code"] == "request_too_large")
    }
  }

  @Test func `names members that it does not know, and instructions that the model ignores`()
    async throws
  {
    try await TestServer().test { client in
      let response = try await client.speak(
        #"{"input":"a","response_format":"pcm","zeal":1,"mood":"ü","instructions":"Calm.","#
          + #""extra_params":{"seed":3,"x":1}}"#)
      #expect(response.status == .ok)
      #expect(response.header("x-ignored-fields") == "extra_params.x, mood, zeal, instructions")
      #expect(response.header("x-seed") == "3")
    }
  }

  @Test func `passes on what a request chooses`() async throws {
    let engine = FakeEngine()
    try await TestServer([engine]).test { client in
      let response = try await client.speak(
        #"{"input":"abcd","response_format":"pcm","voice":"Serena","language":"de-AT","top_k":7,"#
          + #""temperature":0,"repetition_penalty":1.5,"max_new_tokens":2,"first_chunk_frames":3,"#
          + #""non_streaming_mode":true,"normalize":"off","seed":-1}"#)
      #expect(response.body.readableBytes == 2 * 3_840)
      #expect(response.header("x-seed") == "-1")
      let options = try #require(engine.lastOptions.withLock { $0 })
      #expect(options.voice == .named("serena") && options.language == "german")
      #expect(options.topK == 7 && options.isGreedy && options.repetitionPenalty == 1.5)
      #expect(options.maximumFrames == 2 && options.firstChunkFrames == 3)
      #expect(options.textLayout == .whole && options.normalization == .off)
      // Where a request says nothing, its text is the bound, within that of the server.
      _ = try await client.speak(#"{"input":"abcd","response_format":"pcm"}"#)
      let unbounded = try #require(engine.lastOptions.withLock { $0 })
      #expect(unbounded.maximumFrames == nil && unbounded.frameCeiling == 7_500)
    }
  }

  @Test func `a failure of ours says nothing of the inside, and takes the server out of service`()
    async throws
  {
    try await TestServer([FakeEngine(.init(failsAt: 0))]).test { client in
      let response = try await client.speak(#"{"input":"abc","response_format":"pcm"}"#)
      #expect(response.status == .internalServerError)
      #expect(!response.text.contains("secret"))
      let id = response.header("x-request-id") ?? ""
      #expect(response.text.contains(id) && id.hasPrefix("req_"))
      #expect(try await client.get("/health").status == .serviceUnavailable)
      #expect(try await client.get("/health/live").status == .serviceUnavailable)
      let later = try await client.speak(#"{"input":"abc"}"#)
      #expect(try later.error["code"] == "unhealthy")
    }
  }

  @Test func `a failure in mid-speech cuts the stream`() async throws {
    try await TestServer([FakeEngine(.init(failsAt: 2))]).test(.ahc()) { client in
      await #expect(throws: (any Error).self) {
        try await client.speak(#"{"input":"abcdef","response_format":"pcm"}"#)
      }
    }
  }

  @Test func `a failure in mid-speech ends events with an error`() async throws {
    try await TestServer([FakeEngine(.init(failsAt: 2))]).test(.ahc()) { client in
      let response = try await client.speak(
        #"{"input":"abcdef","response_format":"pcm","stream_format":"sse"}"#)
      #expect(response.text.contains("event: speech.audio.delta"))
      #expect(response.text.contains("event: speech.audio.error"))
      #expect(!response.text.contains("speech.audio.done") && !response.text.contains("secret"))
    }
  }

  @Test func `a full queue answers 503, and the others are spoken`() async throws {
    let server = TestServer([FakeEngine(.init(frameTime: .seconds(1)))]) { $0.queueLimit = 2 }
    try await server.test(.ahc()) { client in
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<6 {
          group.addTask {
            try await client.speak(#"{"input":"a","response_format":"pcm"}"#).statusCode
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.sorted() == [200, 200, 503, 503, 503, 503])
      #expect(try await client.get("/ready").status == .ok)
    }
  }

  @Test func `a key has as many speeches as it may`() async throws {
    let server = TestServer([FakeEngine(.init(frameTime: .seconds(1)))]) {
      $0.apiKeys = ["first", "second"]
      $0.speechesPerKey = 1
    }
    try await server.test(.ahc()) { client in
      let statuses = try await withThrowingTaskGroup(of: (String, Int).self) { group in
        for key in ["first", "first", "second"] {
          group.addTask {
            let response = try await client.speak(
              #"{"input":"a","response_format":"pcm"}"#, headers: [.authorization: "Bearer \(key)"])
            return (key, response.statusCode)
          }
        }
        return try await group.reduce(into: []) { $0.append("\($1.0) \($1.1)") }
      }
      #expect(statuses.sorted() == ["first 200", "first 429", "second 200"])
    }
  }

  @Test func `a client that goes away ends its speech`() async throws {
    let engine = FakeEngine(.init(frameTime: .milliseconds(20), frames: 1_000))
    let server = TestServer([engine])
    try await server.test(.ahc()) { client in
      let task = Task { try await client.speak(#"{"input":"a","response_format":"pcm"}"#) }
      while server.service.queue.load.running == 0 { try await Task.sleep(for: .milliseconds(5)) }
      task.cancel()
      _ = try? await task.value
      try await server.settle()
      #expect(server.service.queue.load == (0, 0))
      #expect(engine.counts.withLock { $0.cancelled } == 1)
    }
  }

  @Test func `a client that goes away before the first sound ends its speech`() async throws {
    let engine = FakeEngine(.init(frameTime: .seconds(30)))
    let server = TestServer([engine])
    try await server.test(.ahc()) { client in
      let task = Task { try await client.speak(#"{"input":"a","response_format":"pcm"}"#) }
      while server.service.queue.load.waiting == 0 { try await Task.sleep(for: .milliseconds(5)) }
      task.cancel()
      _ = try? await task.value
      try await server.settle()
      #expect(server.service.queue.load == (0, 0))
      #expect(engine.counts.withLock { $0.cancelled } == 1)
    }
  }

  @Test func `a speech can be asked about and ended by its request's id`() async throws {
    let engine = FakeEngine(.init(frameTime: .milliseconds(20), frames: 1_000))
    let server = TestServer([engine])
    try await server.test(.ahc()) { client in
      let task = Task {
        try await client.speak(
          #"{"input":"a","response_format":"pcm"}"#,
          headers: [HTTPField.Name("x-request-id")!: "mine-1"])
      }
      while server.service.queue.load.running == 0 { try await Task.sleep(for: .milliseconds(5)) }
      let running = try await client.get("/v1/audio/speech/mine-1")
      #expect(try running.members["finish_reason"] == .null)
      let cancelled = try await client.execute(uri: "/v1/audio/speech/mine-1", method: .delete)
      #expect(try cancelled.members["cancelled"] == true)
      // The stream is cut, not ended.
      await #expect(throws: (any Error).self) { try await task.value }
      let ended = try await client.get("/v1/audio/speech/mine-1")
      #expect(try ended.members["finish_reason"] == "cancelled")
      #expect(try await client.get("/v1/audio/speech/other").status == .notFound)
    }
  }

  @Test func `a shutdown that waits no longer ends events with an error`() async throws {
    let server = TestServer([FakeEngine(.init(frameTime: .milliseconds(20), frames: 1_000))])
    try await server.test(.ahc()) { client in
      let task = Task {
        try await client.speak(#"{"input":"a","response_format":"pcm","stream_format":"sse"}"#)
      }
      while server.service.queue.load.running == 0 { try await Task.sleep(for: .milliseconds(5)) }
      server.service.drain()
      #expect(try await client.speak(#"{"input":"a"}"#).error["code"] == "draining")
      server.service.cancelAll()
      let text = try await task.value.text
      #expect(text.contains("event: speech.audio.error") && text.contains("draining"))
    }
  }

  @Test func `a batch answers in order and fails item by item`() async throws {
    try await TestServer().test { client in
      let response = try await client.post(
        "/v1/audio/speech/batch",
        """
        {"response_format":"pcm","items":[{"input":"abc"},{"input":"","voice":"ryan"},
        {"input":"ab","voice":"nobody"},{"input":"a"}]}
        """)
      let members = try response.members
      #expect(members["total"] == 4 && members["succeeded"] == 2 && members["failed"] == 2)
      guard case .array(let results)? = members["results"] else {
        Issue.record("no results")
        return
      }
      let lengths = results.map { result -> Int? in
        guard case .object(let object) = result, case .string(let audio)? = object["audio_data"]
        else { return nil }
        return Data(base64Encoded: audio)?.count
      }
      #expect(lengths == [3 * 3_840, nil, nil, 3_840])
      for body in [#"{"items":[]}"#, #"{"items":5}"#, "{}", #"{"items":[5]}"#] {
        #expect(try await client.post("/v1/audio/speech/batch", body).status == .badRequest)
      }
    }
  }

  @Test func `a client of a batch that goes away ends its speeches`() async throws {
    let engine = FakeEngine(.init(frameTime: .milliseconds(20), frames: 1_000))
    let server = TestServer([engine])
    try await server.test(.ahc()) { client in
      let task = Task {
        try await client.post(
          "/v1/audio/speech/batch",
          #"{"response_format":"pcm","items":[{"input":"a"},{"input":"b"}]}"#)
      }
      while server.service.queue.load.running < 2 { try await Task.sleep(for: .milliseconds(5)) }
      task.cancel()
      _ = try? await task.value
      try await server.settle()
      #expect(server.service.queue.load == (0, 0))
      #expect(engine.counts.withLock { $0.cancelled } == 2)
    }
  }

  @Test func `the whole file has its length and its figures in front`() async throws {
    try await TestServer().test(.ahc()) { client in
      let response = try await client.speak(
        #"{"input":"abc","response_format":"wav"}"#,
        headers: [HTTPField.Name("prefer")!: "wait"])
      #expect(response.headers[.contentLength] == "\(44 + 3 * 3_840)")
      let length = response.body.getInteger(at: 40, endianness: .little, as: UInt32.self)
      #expect(length == UInt32(11_520))
      #expect(response.header("x-finish-reason") == "stop")
    }
  }

  @Test func `events are sent to who accepts nothing else`() async throws {
    try await TestServer().test { client in
      let body = #"{"input":"abc","response_format":"pcm"}"#
      let events = try await client.speak(body, headers: [.accept: "text/event-stream"])
      #expect(events.header("content-type") == "text/event-stream")
      let bytes = try await client.speak(body, headers: [.accept: "application/octet-stream"])
      #expect(bytes.header("content-type") == "audio/pcm")
    }
  }
}
#endif
