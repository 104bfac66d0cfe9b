// SPDX-License-Identifier: MIT
#if Server
import Foundation
import NIOCore
import NIOPosix
import SpeechServer
import Testing

/// A client of WebSockets that can break every rule of the protocol.
struct TestSocket {
  struct Frame: Equatable {
    var opcode: UInt8
    var bytes: [UInt8]

    var text: String { String(decoding: bytes, as: UTF8.self) }
    /// The members of a JSON message.
    var members: [String: JSONValue] {
      guard opcode == 1, case .object(let members)? = try? JSONParser.parse(bytes) else {
        return [:]
      }
      return members
    }
    var type: String? {
      guard case .string(let type)? = members["type"] else { return nil }
      return type
    }
    /// The code of a frame that closes.
    var code: Int? {
      opcode == 8 && bytes.count >= 2 ? Int(bytes[0]) << 8 | Int(bytes[1]) : nil
    }
  }

  private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
  private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  private var buffer = ByteBuffer()
  /// The head of the answer to the handshake.
  private(set) var head = ""

  /// Connects and asks for an upgrade; the connection is closed after `body`.
  static func connect<Value: Sendable>(
    _ port: Int?, _ path: String, headers: [String] = [],
    _ body: @Sendable (inout TestSocket) async throws -> Value
  ) async throws -> Value {
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connect(host: "localhost", port: port ?? 0) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      var socket = TestSocket(inbound: inbound.makeAsyncIterator(), outbound: outbound)
      let lines =
        [
          "GET \(path) HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
        ] + headers
      try await socket.send(raw: Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
      while !socket.head.hasSuffix("\r\n\r\n"), let byte = try await socket.read(1)?.first {
        socket.head.unicodeScalars.append(UnicodeScalar(byte))
      }
      return try await body(&socket)
    }
  }

  private init(
    inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
    outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  ) {
    self.inbound = inbound
    self.outbound = outbound
  }

  var status: Int? { head.split(separator: " ").dropFirst().first.flatMap { Int($0) } }

  func send(raw bytes: [UInt8]) async throws { try await outbound.write(ByteBuffer(bytes: bytes)) }

  func send(
    _ opcode: UInt8, _ bytes: [UInt8], isLast: Bool = true, isMasked: Bool = true, flags: UInt8 = 0
  ) async throws {
    var frame: [UInt8] = [(isLast ? 0x80 : 0) | flags | opcode]
    let mask: UInt8 = isMasked ? 0x80 : 0
    switch bytes.count {
    case ..<126: frame.append(mask | UInt8(bytes.count))
    case ..<65_536: frame += [mask | 126, UInt8(bytes.count >> 8), UInt8(bytes.count & 255)]
    default:
      frame.append(mask | 127)
      frame += (0..<8).reversed().map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) }
    }
    let key: [UInt8] = isMasked ? [1, 2, 3, 4] : []
    frame += key
    frame += isMasked ? bytes.enumerated().map { $1 ^ key[$0 % 4] } : bytes
    try await send(raw: frame)
  }

  func send(_ text: String) async throws { try await send(1, Array(text.utf8)) }

  private mutating func read(_ count: Int) async throws -> [UInt8]? {
    while buffer.readableBytes < count {
      guard var more = try await inbound.next(isolation: #isolation) else { return nil }
      buffer.writeBuffer(&more)
    }
    return buffer.readBytes(length: count)
  }

  /// The next frame; `nil` when the connection has ended.
  mutating func next() async throws -> Frame? {
    do {
      guard let start = try await read(2) else { return nil }
      #expect(start[1] & 0x80 == 0, "a server masks nothing")
      var count = Int(start[1])
      if count > 125 {
        guard let length = try await read(count == 126 ? 2 : 8) else { return nil }
        count = length.reduce(0) { $0 << 8 | Int($1) }
      }
      return try await read(count).map { Frame(opcode: start[0] & 15, bytes: $0) }
    } catch is IOError {
      // Reset.
      return nil
    }
  }

  /// The frames up to one of a type, or to the end.
  mutating func frames(upTo type: String) async throws -> [Frame] {
    var frames: [Frame] = []
    while let frame = try await next() {
      frames.append(frame)
      if frame.type == type { break }
    }
    return frames
  }

  /// The code that the connection is closed with, after whatever comes before; `nil` when there is none.
  mutating func closeCode() async throws -> Int? {
    while let frame = try await next() {
      guard frame.opcode == 8 else { continue }
      // A server that was sent nonsense has closed already.
      try? await send(8, frame.bytes)
      return frame.code
    }
    return nil
  }
}
#endif
