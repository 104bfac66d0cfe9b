// SPDX-License-Identifier: MIT
#if Server
import AsyncAlgorithms
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// A message of a WebSocket's client.
package enum SocketMessage: Sendable, Equatable {
  case text(String)
  case binary([UInt8])
}

extension SocketMessage {
  /// The JSON object that a message is.
  ///
  /// - Throws: `APIError` 400 for anything else, 413 for a longer one.
  func object(upTo limit: Int = .max) throws(APIError) -> [String: JSONValue] {
    guard case .text(let text) = self else {
      throw .invalid(nil, "Expected a text message with a JSON object, found bytes.", code: nil)
    }
    guard text.utf8.count <= limit else { throw .tooLarge(limit: limit) }
    let value: JSONValue
    do throws(JSONParser.Problem) { value = try JSONParser.parse(Array(text.utf8)) } catch {
      throw .invalid(nil, "Expected a JSON object; \(error).", code: nil)
    }
    guard case .object(let members) = value else {
      throw .invalid(nil, "Expected a JSON object, found \(value.kind).", code: nil)
    }
    return members
  }
}

/// What is sent to a WebSocket's client.
package enum SocketAnswer: Sendable, Equatable {
  case text(String)
  case binary([UInt8])
  /// Nothing is sent afterwards.
  case close(code: UInt16, reason: String)

  static func json(_ members: [String: JSONValue]) -> SocketAnswer {
    .text(JSONValue.object(members).text)
  }

  /// As a part of an answer's body.
  var part: ByteBuffer {
    switch self {
    case .text(let text): SocketPart.make(SocketPart.text, ByteBuffer(string: text))
    case .binary(let bytes): SocketPart.make(SocketPart.binary, ByteBuffer(bytes: bytes))
    case .close(let code, let reason):
      SocketPart.make(SocketPart.close, ByteBuffer(bytes: code.bigEndianBytes + reason.utf8))
    }
  }
}

extension Request {
  /// The subprotocols that a client offers.
  var subprotocols: [String] {
    (headers[.secWebSocketProtocol] ?? "").split(separator: ",")
      .map { $0.trimmingPrefix { $0 == " " } }.map { String($0.prefix { $0 != " " }) }
  }

  /// The answer that makes the connection a WebSocket, which `run` then uses.
  ///
  /// - Throws: `APIError` 426 for a request that does not ask for one, 400 for one that does so wrongly.
  func webSocket(
    _ context: ServerContext, subprotocol: String? = nil,
    _ run: @escaping @Sendable (WebSocket) async -> Void
  ) async throws -> Response {
    guard method == .get, headers.asksForUpgrade,
      headers[.upgrade]?.lowercased().contains("websocket") == true
    else {
      throw APIError.refused(
        426, "\(uri.path) is a WebSocket: expected a client that asks for an upgrade.",
        code: "upgrade_required")
    }
    var fields = HTTPHeaders()
    for name in [HTTPField.Name.secWebSocketKey, .secWebSocketVersion] {
      if let value = headers[name] { fields.add(name: name.rawName, value: value) }
    }
    let upgrader = NIOWebSocketServerUpgrader(
      shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
      upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() })
    let agreed: HTTPHeaders
    do {
      agreed = try await upgrader.buildUpgradeResponse(
        channel: context.channel,
        upgradeRequest: HTTPRequestHead(
          version: .http1_1, method: .GET, uri: uri.path, headers: fields),
        initialResponseHeaders: [:]
      ).get()
    } catch {
      throw APIError.refused(
        400, "Expected Sec-WebSocket-Key and Sec-WebSocket-Version: 13.",
        code: "invalid_upgrade")
    }
    var answer = HTTPFields()
    for (name, value) in agreed { if let name = HTTPField.Name(name) { answer[name] = value } }
    if let subprotocol { answer[.secWebSocketProtocol] = subprotocol }
    let socket = WebSocket(body: body)
    return Response(
      status: .switchingProtocols, headers: answer,
      body: ResponseBody { writer in
        let running = Task {
          await run(socket)
          socket.answers.finish()
        }
        defer { running.cancel() }
        for await answer in socket.answers { try await writer.write(answer.part) }
        try await writer.finish(nil)
      })
  }
}

/// A WebSocket that is open.
struct WebSocket: Sendable {
  fileprivate let body: RequestBody
  fileprivate let answers = AsyncChannel<SocketAnswer>()

  fileprivate init(body: RequestBody) { self.body = body }

  /// Sends an answer, when those before it have been sent.
  func send(_ answer: SocketAnswer) async { await answers.send(answer) }

  /// Passes on what the client sends, until it has gone.
  @concurrent
  func receive(_ take: @Sendable (SessionRunner.Input<SocketMessage>) async -> Void) async {
    do {
      for try await part in body {
        var bytes = part
        switch bytes.readInteger(as: UInt8.self) {
        case SocketPart.text: await take(.message(.text(String(buffer: bytes))))
        case SocketPart.binary: await take(.message(.binary(Array(bytes.readableBytesView))))
        default: await take(.drain)
        }
      }
    } catch {
      // What reading fails with is the end of the connection.
    }
  }
}

extension UInt16 {
  /// Its bytes as the network has them.
  fileprivate var bigEndianBytes: [UInt8] { [UInt8(self >> 8), UInt8(truncatingIfNeeded: self)] }
}
#endif
