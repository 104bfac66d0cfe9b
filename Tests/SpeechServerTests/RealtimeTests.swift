// SPDX-License-Identifier: MIT
#if Server
import Foundation
import HummingbirdTesting
import NIOCore
import Qwen3TTS
import SpeechServer
import Synchronization
import Testing

@Suite struct RealtimeTests {
  private static let item =
    #"{"type":"message","role":"user","content":[{"type":"input_text","text":"Hello."}]}"#

  private func audio(_ frames: [TestSocket.Frame]) -> Int {
    frames.reduce(0) { count, frame in
      guard case .string(let audio)? = frame.members["delta"],
        frame.type?.contains("audio.") == true
      else { return count }
      return count + (Data(base64Encoded: audio)?.count ?? 0)
    }
  }

  private func status(_ frame: TestSocket.Frame?) -> JSONValue? {
    guard case .object(let response)? = frame?.members["response"] else { return nil }
    return response["status"]
  }

  @Test func `a response has all of its events in order`() async throws {
    let engine = FakeEngine()
    try await TestServer([engine]).test(.live) { client in
      try await TestSocket.connect(
        client.port, "/v1/realtime?model=gpt-realtime",
        headers: ["Sec-WebSocket-Protocol: realtime"]
      ) { socket in
        #expect(try await socket.next()?.type == "session.created")
        try await socket.send(
          #"{"type":"session.update","session":{"audio":{"output":{"voice":"nova","format":{"type":"audio/pcm","rate":24000}}},"instructions":"You are a renderer."}}"#
        )
        #expect(try await socket.next()?.type == "session.updated")
        try await socket.send(
          #"{"type":"response.create","response":{"input":[\#(Self.item)],"metadata":{"a":"b"}}}"#)
        let frames = try await socket.frames(upTo: "response.done")
        let names = frames.compactMap(\.type).filter { $0 != "response.output_audio.delta" }
        #expect(
          names == [
            "response.created", "response.output_item.added", "response.content_part.added",
            "response.output_audio.done", "response.output_audio_transcript.delta",
            "response.output_audio_transcript.done", "response.content_part.done",
            "response.output_item.done", "response.done",
          ])
        #expect(audio(frames) == 6 * 3_840 && status(frames.last) == "completed")
        try await socket.send(#"{"type":"conversation.item.create","item":\#(Self.item)}"#)
        #expect(try await socket.next()?.type == "conversation.item.added")
        #expect(try await socket.next()?.type == "conversation.item.done")
        try await socket.send(#"{"type":"response.create"}"#)
        #expect(audio(try await socket.frames(upTo: "response.done")) == 6 * 3_840)
        for word in ["ab", "cd"] {
          try await socket.send(#"{"type":"input_text_buffer.append","text":"\#(word)"}"#)
        }
        try await socket.send(#"{"type":"input_text_buffer.commit"}"#)
        #expect(audio(try await socket.frames(upTo: "response.done")) == 4 * 3_840)
      }
      #expect(engine.texts.withLock { $0 } == ["Hello.", "Hello.", "abcd"])
      // A prompt for a model that converses is no style.
      #expect(engine.lastOptions.withLock { $0?.instruction } == nil)
    }
  }

  @Test func `a response can be cancelled, and what is wrong is reported`() async throws {
    var behaviour = FakeEngine.Behaviour()
    behaviour.frameTime = .milliseconds(5)
    behaviour.frames = 500
    try await TestServer([FakeEngine(behaviour)]).test(.live) { client in
      try await TestSocket.connect(client.port, "/v1/realtime") { socket in
        _ = try await socket.next()
        for (message, code) in [
          ("{", JSONValue.null), (#"{"type":"input_audio_buffer.append"}"#, "unsupported_event"),
          (#"{"type":"response.cancel"}"#, "response_cancel_not_active"),
          (#"{"type":"response.create"}"#, "invalid_value"),
          (#"{"type":"session.update"}"#, "invalid_value"),
          (
            #"{"type":"session.update","session":{"audio":{"output":{"format":{"type":"a"}}}}}"#,
            "invalid_value"
          ),
          (#"{"type":"conversation.item.create","item":{}}"#, "invalid_value"),
        ] {
          try await socket.send(message)
          guard case .object(let error)? = try await socket.next()?.members["error"] else {
            Issue.record("no error for \(message)")
            return
          }
          #expect(error["code"] == code, "\(message)")
        }
        try await socket.send(#"{"type":"response.create","response":{"input":[\#(Self.item)]}}"#)
        _ = try await socket.frames(upTo: "response.output_audio.delta")
        try await socket.send(#"{"type":"response.create","response":{"input":[\#(Self.item)]}}"#)
        #expect(try await socket.frames(upTo: "error").last?.type == "error")
        try await socket.send(#"{"type":"response.cancel"}"#)
        #expect(status(try await socket.frames(upTo: "response.done").last) == "cancelled")
      }
    }
  }

  @Test func `DashScope's names are spoken too`() async throws {
    let engine = FakeEngine()
    try await TestServer([engine]).test(.live) { client in
      for mode in ["server_commit", "commit"] {
        try await TestSocket.connect(client.port, "/api-ws/v1/realtime?model=qwen") { socket in
          #expect(try await socket.next()?.type == "session.created")
          try await socket.send(
            #"{"type":"session.update","session":{"voice":"Cherry2","mode":"\#(mode)"}}"#)
          try await socket.send(
            #"{"type":"session.update","session":{"voice":"alloy","mode":"\#(mode)","response_format":"pcm16","sample_rate":24000,"language_type":"English"}}"#
          )
          for word in ["ab", "cd"] {
            try await socket.send(#"{"type":"input_text_buffer.append","text":"\#(word)"}"#)
          }
          try await socket.send(#"{"type":"session.finish"}"#)
          let frames = try await socket.frames(upTo: "session.finished")
          #expect(audio(frames) == 4 * 3_840)
          #expect(frames.contains { $0.type == "response.audio.done" })
          #expect(try await socket.closeCode() == 1_000)
        }
      }
      #expect(engine.texts.withLock { $0 } == ["abcd", "abcd"])
      #expect(engine.lastOptions.withLock { $0?.language } == "english")
    }
  }
}
#endif
