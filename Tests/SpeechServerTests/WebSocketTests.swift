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

@Suite struct WebSocketTests {
  private static let path = "/v1/audio/speech/stream"
  private static let configuration =
    #"{"type":"session.config","response_format":"pcm","stream_audio":true}"#

  @Test func `a handshake is answered, and an upgrade that is refused has its status`() async throws
  {
    try await TestServer { $0.apiKeys = ["right"] }.test(.live) { client in
      try await TestSocket.connect(
        client.port, Self.path, headers: ["Authorization: Bearer right"]
      ) { socket in
        #expect(socket.status == 101)
        // The example of RFC 6455, section 1.3.
        #expect(
          socket.head.lowercased().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="))
      }
      for (path, headers, status) in [
        (Self.path, [], 401), (Self.path, ["Authorization: Bearer wrong"], 401),
        (Self.path, ["Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.right"], 101),
        ("/v1/nothing", ["xi-api-key: right"], 404), ("/health", [], 200),
        (Self.path, ["xi-api-key: right", "Origin: https://evil.example"], 403),
        (Self.path, ["xi-api-key: right", "Origin: http://localhost"], 101),
        ("/v1/text-to-speech/ryan/stream-input?output_format=x", ["xi-api-key: right"], 422),
      ] {
        try await TestSocket.connect(client.port, path, headers: headers) { socket in
          #expect(socket.status == status, "\(path) \(headers)")
        }
      }
      let plain = try await client.get(
        Self.path, headers: [.authorization: "Bearer right"])
      #expect(plain.statusCode == 426)
    }
    try await TestServer(isReady: false).test(.live) { client in
      try await TestSocket.connect(client.port, Self.path) { socket in
        #expect(socket.status == 503)
        #expect(socket.head.lowercased().contains("retry-after: 1"))
      }
    }
  }

  @Test func `pings are answered, and a client that closes is answered and gone`() async throws {
    let server = TestServer()
    try await server.test(.live) { client in
      try await TestSocket.connect(client.port, Self.path) { socket in
        try await socket.send(9, Array("hello".utf8))
        #expect(try await socket.next() == TestSocket.Frame(opcode: 10, bytes: Array("hello".utf8)))
        try await socket.send(10, [])
        try await socket.send(8, [0x03, 0xE8])
        #expect(try await socket.next()?.code == 1_000)
        #expect(try await socket.next() == nil)
      }
    }
  }

  @Test func `a message may come in fragments with pings between`() async throws {
    try await TestServer().test(.live) { client in
      try await TestSocket.connect(client.port, Self.path) { socket in
        let bytes = Array(Self.configuration.utf8)
        try await socket.send(1, Array(bytes[..<10]), isLast: false)
        try await socket.send(9, [1])
        for byte in bytes[10...] { try await socket.send(0, [byte], isLast: false) }
        try await socket.send(0, [])
        #expect(try await socket.next()?.opcode == 10)
        #expect(try await socket.next()?.type == "session.configured")
      }
    }
  }

  /// Frames that break the protocol, and the code that the connection is closed with.
  @Test func `what breaks the protocol closes the connection with its code`() async throws {
    try await TestServer().test(.live) { client in
      let port = client.port
      func expect(
        _ code: Int, _ body: @escaping @Sendable (inout TestSocket) async throws -> Void
      ) async throws {
        let found = try await TestSocket.connect(port, Self.path) { socket in
          try await body(&socket)
          let code = try await socket.closeCode()
          #expect(try await socket.next() == nil)
          return code
        }
        #expect(found == code)
      }
      try await expect(1_002) { try await $0.send(1, [0x7B], isMasked: false) }
      try await expect(1_002) { try await $0.send(1, [0x7B], flags: 0x40) }
      try await expect(1_002) { try await $0.send(3, []) }
      try await expect(1_002) { try await $0.send(0, [1]) }
      try await expect(1_002) { try await $0.send(9, [1], isLast: false) }
      try await expect(1_002) { try await $0.send(9, [UInt8](repeating: 1, count: 126)) }
      try await expect(1_002) { try await $0.send(8, [3]) }
      try await expect(1_002) { try await $0.send(8, [0, 1]) }
      try await expect(1_007) { try await $0.send(1, [0xFF, 0xFE]) }
      // The head of a frame of 5 MB.
      try await expect(1_009) {
        try await $0.send(raw: [0x82, 0xFF, 0, 0, 0, 0, 0, 0x50, 0, 0, 1, 2, 3, 4])
      }
      try await expect(1_002) { socket in
        try await socket.send(1, [0x7B], isLast: false)
        try await socket.send(1, [0x7B])
      }
    }
  }

  @Test func `a client that vanishes ends its speech`() async throws {
    var behaviour = FakeEngine.Behaviour()
    behaviour.frameTime = .milliseconds(5)
    behaviour.frames = 10_000
    let engine = FakeEngine(behaviour)
    let server = TestServer([engine])
    try await server.test(.live) { client in
      try await TestSocket.connect(client.port, Self.path) { socket in
        try await socket.send(Self.configuration)
        try await socket.send(#"{"type":"input.text","text":"for ever"}"#)
        _ = try await socket.frames(upTo: "audio.start")
        #expect(server.service.queue.load.running == 1)
      }
      try await server.settle()
      #expect(server.service.queue.load == (0, 0))
      #expect(engine.counts.withLock { $0.cancelled } == 1)
    }
  }

  @Test func `draining ends idle sockets with 1001, and those that speak when they have spoken`()
    async throws
  {
    var behaviour = FakeEngine.Behaviour()
    behaviour.frameTime = .milliseconds(10)
    let engine = FakeEngine(behaviour)
    let server = TestServer([engine])
    let (sockets, ready) = AsyncStream<Void>.makeStream()
    let tasks = Mutex<[Task<Void, any Error>]>([])
    try await server.test(.live) { client in
      let port = client.port
      for index in 0..<20 {
        let task = Task {
          try await TestSocket.connect(port, Self.path) { socket in
            try await socket.send(Self.configuration)
            _ = try await socket.frames(upTo: "session.configured")
            let speaks = index % 2 == 0
            if speaks {
              try await socket.send(
                #"{"type":"input.text","text":"thirty frames of speech, here."}"#)
              try await socket.send(#"{"type":"input.done"}"#)
              _ = try await socket.frames(upTo: "audio.start")
            }
            ready.yield()
            let frames = try await socket.frames(upTo: "never")
            #expect(frames.last?.code == 1_001)
            guard speaks else { return }
            #expect(frames.contains { $0.type == "session.done" })
            #expect(frames.contains { $0.members["error"] == false })
          }
        }
        tasks.withLock { $0.append(task) }
      }
      var count = 0
      for await _ in sockets {
        count += 1
        if count == 20 { break }
      }
    }
    for task in tasks.withLock({ $0 }) { try await task.value }
  }
}
#endif
