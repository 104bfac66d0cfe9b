// SPDX-License-Identifier: MIT
#if Server
import Foundation
import HummingbirdTesting
import NIOCore
import Qwen3TTS
import SpeechServer
import Synchronization
import Testing

/// The protocols over a socket: a conversation of each, and how each answers what is wrong.
@Suite struct SocketProtocolTests {
  private func audio(_ frames: [TestSocket.Frame]) -> Int {
    frames.filter { $0.opcode == 2 }.reduce(0) { $0 + $1.bytes.count }
  }

  // MARK: vLLM-Omni

  private static let stream = "/v1/audio/speech/stream"

  @Test func `stream speaks texts one after the other, and by units where it is asked to`()
    async throws
  {
    let engine = FakeEngine()
    try await TestServer([engine]).test(.live) { client in
      try await TestSocket.connect(client.port, Self.stream) { socket in
        try await socket.send(
          #"{"type":"session.config","response_format":"pcm","stream_audio":true,"voice":"nova","x":1}"#
        )
        let configured = try await socket.next()?.members
        #expect(
          configured?["ignored_fields"] == ["type", "x"] || configured?["ignored_fields"] == ["x"])
        for word in ["Hel", "lo ", "you."] {
          try await socket.send(#"{"type":"input.text","text":"\#(word)"}"#)
        }
        try await socket.send(#"{"type":"input.done"}"#)
        let first = try await socket.frames(upTo: "session.done")
        #expect(first.first?.type == "audio.start" && audio(first) == 10 * 3_840)
        #expect(first.last?.members["total_sentences"] == 1)
        #expect(first.dropLast().last?.members["total_bytes"] == .integer(10 * 3_840))
        try await socket.send(
          #"{"type":"session.config","response_format":"wav","split_granularity":"sentence"}"#)
        _ = try await socket.next()
        try await socket.send(#"{"type":"input.text","text":"It is 3.5. Then? An"}"#)
        try await socket.send(#"{"type":"input.commit"}"#)
        try await socket.send(#"{"type":"input.text","text":"d on"}"#)
        try await socket.send(#"{"type":"input.done"}"#)
        let second = try await socket.frames(upTo: "session.done")
        let starts = second.filter { $0.type == "audio.start" }
        #expect(starts.map { $0.members["sentence_index"] } == [0, 1, 2, 3])
        #expect(starts.allSatisfy { $0.members["utterance_index"] == 1 })
        #expect(second.filter { $0.opcode == 2 }.count == 4)
        #expect(
          second.contains { $0.members["total_sentences"] == 3 && $0.type == "input.committed" })
        #expect(second.last?.members["total_sentences"] == 4)
        try await socket.send(#"{"type":"session.close"}"#)
        #expect(try await socket.closeCode() == 1_000)
      }
      #expect(
        engine.texts.withLock { $0 } == ["Hello you.", "It is 3.5. ", "Then? ", "An", "d on"])
      #expect(engine.lastOptions.withLock { $0?.textLayout } == .incremental)
    }
  }

  @Test(arguments: [true, false])
  func `stream says when words are heard`(streams: Bool) async throws {
    try await TestServer().test(.live) { client in
      try await TestSocket.connect(client.port, Self.stream) { socket in
        try await socket.send(
          #"{"type":"session.config","response_format":"pcm","stream_audio":\#(streams),"#
            + #""word_timestamps":true,"speed":1}"#)
        _ = try await socket.next()
        try await socket.send(#"{"type":"input.text","text":"So, you."}"#)
        try await socket.send(#"{"type":"input.done"}"#)
        let frames = try await socket.frames(upTo: "session.done")
        #expect(frames.allSatisfy { $0.opcode == 1 })
        #expect(frames.first?.members["word_timestamps"] == true)
        let chunks = frames.map(\.members).filter { $0["type"] == .string("audio.chunk") }
        #expect(chunks.count == (streams ? 9 : 2))
        var bytes = 0
        for (index, chunk) in chunks.enumerated() {
          #expect(chunk["chunk_id"] == .integer(Int64(index)))
          #expect(chunk["utterance_index"] == 0 && chunk["sentence_index"] == 0)
          #expect(chunk["sample_rate"] == 24_000)
          guard case .string(let audio)? = chunk["audio_b64"] else {
            Issue.record("a chunk without audio")
            return
          }
          bytes += Data(base64Encoded: audio)?.count ?? 0
          guard index < chunks.count - 1 else { continue }
          #expect(chunk["timestamps"] == .null)
          if streams {
            #expect(chunk["chunk_start_ms"] == .integer(Int64(80 * index)))
            #expect(chunk["chunk_end_ms"] == .integer(Int64(80 * index + 80)))
          }
        }
        #expect(bytes == 8 * 3_840)
        #expect(chunks.last?["audio_b64"] == "")
        #expect(chunks.last?["chunk_end_ms"] == 640)
        #expect(
          chunks.last?["timestamps"] == [
            ["word": "So,", "start_ms": 0, "end_ms": 240],
            ["word": "you.", "start_ms": 320, "end_ms": 640],
          ])
        #expect(frames.dropLast().last?.members["total_bytes"] == .integer(8 * 3_840))
      }
    }
  }

  @Test func `stream answers what is wrong, and continues`() async throws {
    try await TestServer().test(.live) { client in
      for first in [
        #"{"type":"input.text","text":"a"}"#, "[", #"{"type":"session.config","voice":3}"#,
      ] {
        try await TestSocket.connect(client.port, Self.stream) { socket in
          try await socket.send(first)
          #expect(try await socket.next()?.type == "error")
          #expect(try await socket.closeCode() == 1_008)
        }
      }
      try await TestSocket.connect(client.port, Self.stream) { socket in
        try await socket.send(#"{"type":"session.config","response_format":"pcm"}"#)
        _ = try await socket.next()
        for (message, parameter) in [
          (#"{"type":"input.text","text":5}"#, "text"), (#"{"type":"input.text"}"#, "text"),
          (#"{"type":"nonsense"}"#, "type"), (#"{"type":7}"#, "type"), ("nonsense", nil),
          (#"{"type":"session.config","speed":9}"#, "speed"),
          (#"{"type":"session.config","word_timestamps":1}"#, "word_timestamps"),
        ] as [(String, String?)] {
          try await socket.send(message)
          let error = try await socket.next()
          #expect(error?.type == "error" && error?.members["message"] != nil, "\(message)")
          #expect(error?.members["param"] == parameter.map { .string($0) } ?? .null, "\(message)")
        }
        try await socket.send(2, [1, 2, 3])
        #expect(try await socket.next()?.type == "error")
        let long = String(repeating: "a", count: 130 << 10)
        try await socket.send(#"{"type":"input.text","text":"\#(long)"}"#)
        #expect(try await socket.next()?.members["code"] == "request_too_large")
        try await socket.send(#"{"type":"input.text","text":"a"}"#)
        try await socket.send(#"{"type":"session.config"}"#)
        #expect(try await socket.frames(upTo: "error").last?.type == "error")
        try await socket.send(#"{"type":"input.done"}"#)
        #expect(try await socket.frames(upTo: "session.done").last?.type == "session.done")
        try await socket.send(#"{"type":"input.text","text":"refuse"}"#)
        try await socket.send(#"{"type":"input.done"}"#)
        let refused = try await socket.frames(upTo: "session.done").map(\.type)
        #expect(refused == ["audio.start", "error", "audio.done", "session.done"])
        try await socket.send(#"{"type":"input.done"}"#)
        #expect(try await socket.next()?.members["total_sentences"] == 0)
      }
    }
  }

  @Test func `stream cancels within an utterance, and the next one follows`() async throws {
    var behaviour = FakeEngine.Behaviour()
    behaviour.frameTime = .milliseconds(5)
    try await TestServer([FakeEngine(behaviour)]).test(.live) { client in
      try await TestSocket.connect(client.port, Self.stream) { socket in
        try await socket.send(
          #"{"type":"session.config","response_format":"pcm","stream_audio":true}"#)
        let long = String(repeating: "word ", count: 100)
        try await socket.send(#"{"type":"input.text","text":"\#(long)"}"#)
        _ = try await socket.frames(upTo: "audio.start")
        try await socket.send(#"{"type":"input.cancel"}"#)
        let frames = try await socket.frames(upTo: "session.done")
        let cancelled = frames.dropLast().last?.members
        #expect(cancelled?["cancelled"] == true)
        guard case .string(let said)? = cancelled?["spoken_text"] else {
          Issue.record("not what was said")
          return
        }
        #expect(long.hasPrefix(said) && said.count < long.count)
        #expect(frames.last?.members["cancelled"] == true)
        try await socket.send(#"{"type":"input.text","text":"abc"}"#)
        try await socket.send(#"{"type":"input.done"}"#)
        let next = try await socket.frames(upTo: "session.done")
        #expect(audio(next) == 3 * 3_840 && next.last?.members["utterance_index"] == 1)
      }
    }
  }

  // MARK: nari

  private static let nari = "/v1/audio/speech/ws"
  private static let offer = ["Sec-WebSocket-Protocol: other, nari.speech.v1"]

  @Test func `nari acknowledges every piece and counts its chunks`() async throws {
    try await TestServer().test(.live) { client in
      let code = try await TestSocket.connect(client.port, Self.nari) { socket in
        #expect(socket.status == 101)
        return try await socket.closeCode()
      }
      #expect(code == 1_002)
      try await TestSocket.connect(client.port, Self.nari, headers: Self.offer) { socket in
        #expect(socket.head.lowercased().contains("sec-websocket-protocol: nari.speech.v1"))
        let created = try await socket.next()?.members
        #expect(
          created?["audio"] == ["encoding": "pcm_s16le", "sample_rate": 24_000, "channels": 1])
        try await socket.send(
          #"{"type":"request.start","response_format":"pcm16","voice":"aiden"}"#)
        #expect(try await socket.next()?.type == "request.configured")
        for (index, word) in ["ab ", "cd"].enumerated() {
          try await socket.send(
            #"{"type":"input_text.append","sequence":\#(index),"text":"\#(word)"}"#)
        }
        try await socket.send(#"{"type":"input_text.end","sequence":2}"#)
        let frames = try await socket.frames(upTo: "response.done")
        let acknowledged = frames.filter { $0.type == "input_text.ack" }
        #expect(acknowledged.map { $0.members["sequence"] } == [0, 1, 2])
        let started = frames.firstIndex { $0.type == "response.started" }
        let sound = frames.firstIndex { $0.opcode == 2 }
        #expect(started != nil && sound != nil && started! < sound!)
        #expect(audio(frames) == 5 * 3_840)
        let done = frames.last?.members
        #expect(done?["stop_reason"] == "stop")
        #expect(done?["audio_chunks"] == .integer(Int64(frames.filter { $0.opcode == 2 }.count)))
        #expect(done?["request_id"] == frames[started!].members["request_id"])
        #expect(try await socket.closeCode() == 1_000)
      }
    }
  }

  @Test func `nari says what is wrong and closes`() async throws {
    let start = #"{"type":"request.start"}"#
    let append = #"{"type":"input_text.append","sequence":0,"text":"a"}"#
    let end = #"{"type":"input_text.end","sequence":1}"#
    try await TestServer { $0.limits.request.inputCharacters = 10 }.test(.live) { client in
      for (messages, code, close) in [
        ([append], "invalid_request", 1_008), (["{"], "invalid_request", 1_008),
        ([start, start], "invalid_request", 1_008),
        ([#"{"type":"request.start","response_format":"mp3"}"#], "invalid_request", 1_008),
        ([start, #"{"type":"hello"}"#], "unknown_event", 1_008),
        (
          [start, #"{"type":"input_text.append","sequence":1,"text":"a"}"#], "invalid_sequence",
          1_008
        ),
        ([start, append, append], "invalid_sequence", 1_008),
        ([start, #"{"type":"input_text.append","sequence":0,"text":""}"#], "invalid_text", 1_008),
        ([start, #"{"type":"input_text.append","sequence":0,"text":3}"#], "invalid_text", 1_008),
        ([start, #"{"type":"input_text.end","sequence":0}"#], "empty_input", 1_008),
        (
          [start, #"{"type":"input_text.append","sequence":0,"text":"eleven chars"}"#],
          "input_too_large", 1_009
        ),
        (
          [start, #"{"type":"input_text.append","sequence":0,"text":"refuse"}"#, end],
          "invalid_request", 1_008
        ),
      ] {
        try await TestSocket.connect(client.port, Self.nari, headers: Self.offer) { socket in
          for message in messages { try await socket.send(message) }
          let error = try await socket.frames(upTo: "error").last?.members["error"]
          guard case .object(let members)? = error else {
            Issue.record("no error for \(messages)")
            return
          }
          #expect(members["code"] == .string(code), "\(messages)")
          #expect(try await socket.closeCode() == close, "\(messages)")
        }
      }
    }
  }

  // MARK: ElevenLabs

  @Test func `stream-input speaks utterances with the times of their characters`() async throws {
    let engine = FakeEngine()
    try await TestServer([engine]).test(.live) { client in
      let path = "/v1/text-to-speech/ryan/stream-input?output_format=pcm_24000&model_id=eleven_x"
      try await TestSocket.connect(client.port, path) { socket in
        try await socket.send(#"{"text":" ","voice_settings":null,"xi_api_key":"a"}"#)
        try await socket.send(#"{"text":"Hello ","try_trigger_generation":true}"#)
        try await socket.send(#"{"text":"you. ","flush":true}"#)
        try await socket.send(#"{"text":"Bye"}"#)
        try await socket.send(#"{"text":""}"#)
        var bytes = 0
        var said = ""
        var milliseconds: Int64 = 0
        while let members = try await socket.next()?.members, !members.isEmpty {
          #expect(members["message"] == nil)
          if members["isFinal"] == true { break }
          if case .string(let audio)? = members["audio"] {
            bytes += Data(base64Encoded: audio)?.count ?? 0
          }
          guard case .object(let alignment)? = members["alignment"],
            case .array(let characters)? = alignment["chars"],
            case .array(let starts)? = alignment["charStartTimesMs"],
            case .array(let lengths)? = alignment["charDurationsMs"]
          else { continue }
          #expect(characters.count == starts.count)
          #expect(members["normalizedAlignment"] == members["alignment"])
          // Times restart in each message; added up they are those in the sound.
          #expect(starts.first == 0)
          for case .integer(let length) in lengths { milliseconds += length }
          for case .string(let character) in characters { said += character }
        }
        #expect(said == "Hello you. Bye")
        #expect(milliseconds == 14 * 80)
        #expect(bytes == 14 * 3_840)
        #expect(try await socket.closeCode() == 1_000)
      }
      #expect(engine.texts.withLock { $0 } == ["Hello you. ", "Bye"])
      try await TestSocket.connect(
        client.port, "/v1/text-to-speech/nobody/stream-input"
      ) { socket in
        try await socket.send(#"{"text":"Hello"}"#)
        let error = try await socket.next()?.members
        #expect(error?["error"] == "voice_not_found" && error?["code"] == 1_008)
        #expect(try await socket.closeCode() == 1_008)
      }
    }
  }

  @Test func `multi-stream-input keeps its contexts apart`() async throws {
    try await TestServer().test(.live) { client in
      let path = "/v1/text-to-speech/ryan/multi-stream-input?output_format=pcm_24000"
      try await TestSocket.connect(client.port, path) { socket in
        for context in ["a", "b"] {
          try await socket.send(#"{"text":" ","context_id":"\#(context)","voice_settings":{}}"#)
          try await socket.send(
            #"{"text":"Hi \#(context)","context_id":"\#(context)","flush":true}"#)
        }
        try await socket.send(#"{"text":""}"#)
        try await socket.send(#"{"context_id":"a","text":5}"#)
        try await socket.send(#"{"context_id":"a","flush":true}"#)
        try await socket.send(#"{"context_id":"a","close_context":true}"#)
        try await socket.send(#"{"context_id":"b","close_context":true}"#)
        try await socket.send(#"{"context_id":"c","close_context":true}"#)
        try await socket.send(#"{"close_socket":true}"#)
        var bytes: [String: Int] = [:]
        var finals: [String] = []
        var errors: [String] = []
        while let frame = try await socket.next(), frame.opcode == 1 {
          let members = frame.members
          guard case .string(let context)? = members["contextId"] else { continue }
          #expect(members["context_id"] == .string(context))
          if members["isFinal"] == true { finals.append(context) }
          if members["error"] != nil { errors.append(context) }
          if case .string(let audio)? = members["audio"] {
            bytes[context, default: 0] += Data(base64Encoded: audio)?.count ?? 0
          }
        }
        #expect(bytes == ["a": 4 * 3_840, "b": 4 * 3_840])
        #expect(finals.sorted() == ["a", "b"])
        #expect(errors == ["a"])
      }
    }
  }

  @Test func `ElevenLabs' routes speak, and err in their own shape`() async throws {
    try await TestServer().test { client in
      let path = "/v1/text-to-speech/ryan"
      let plain = try await client.post("\(path)?output_format=pcm_24000", #"{"text":"abc"}"#)
      #expect(plain.header("content-type") == "audio/pcm")
      #expect(plain.body.readableBytes == 3 * 3_840)
      #expect(plain.header("request-id") == plain.header("x-request-id"))
      #expect(
        try await client.post("\(path)/stream", #"{"text":"abc"}"#).header("content-type")
          == "audio/mpeg")
      let timed = try await client.post(
        "\(path)/with-timestamps?output_format=pcm_16000",
        #"{"text":"abc","voice_settings":{"speed":1}}"#)
      guard case .object(let alignment)? = try timed.members["alignment"] else {
        Issue.record("no alignment")
        return
      }
      #expect(alignment["characters"] == ["a", "b", "c"])
      #expect(alignment["character_end_times_seconds"] == [0.08, 0.16, 0.24])
      let lines = try await client.post(
        "\(path)/stream/with-timestamps?output_format=pcm_24000", #"{"text":"abcdef"}"#)
      var characters: [JSONValue] = []
      for line in lines.text.split(separator: "\n") {
        guard case .object(let members) = try JSONParser.parse(Array(line.utf8)),
          case .object(let alignment)? = members["alignment"],
          case .array(let some)? = alignment["characters"]
        else { continue }
        characters += some
      }
      #expect(characters == ["a", "b", "c", "d", "e", "f"])
      // Faster speech is heard sooner.
      let fast = try await client.post(
        "\(path)/with-timestamps?output_format=pcm_24000",
        #"{"text":"abc","voice_settings":{"speed":2}}"#)
      guard case .object(let times)? = try fast.members["alignment"] else {
        Issue.record("no alignment")
        return
      }
      #expect(times["character_end_times_seconds"] == [0.04, 0.08, 0.12])
      for (path, body, status) in [
        ("/v1/text-to-speech/nobody", #"{"text":"a"}"#, 404),
        ("\(path)?output_format=mp3_1_1", #"{"text":"a"}"#, 422), (path, "{}", 422),
        (path, #"{"text":"a","seed":-1}"#, 400), (path, "[", 400),
      ] {
        let response = try await client.post(path, body)
        #expect(response.statusCode == status, "\(path) \(body)")
        #expect(try response.members["detail"] != nil)
      }
      #expect(try await client.get("/v1/voices").text.contains(#""voice_id":"serena""#))
      #expect(try await client.get("/v2/voices").members["has_more"] == false)
      #expect(try await client.get("/v1/voices/Ryan").members["category"] == "premade")
      #expect(try await client.get("/v1/voices/nobody").statusCode == 404)
      #expect(try await client.get("/v1/user/subscription").members["tier"] == "local")
    }
  }
}
#endif
