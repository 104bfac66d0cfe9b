// SPDX-License-Identifier: MIT
#if Server
import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket

/// How messages of a WebSocket pass through a request's body and its answer's: one part is one message, and
/// its first byte says of which kind.
enum SocketPart {
  static let text: UInt8 = 1
  static let binary: UInt8 = 2
  /// To the client: a code of two bytes and a reason follow.
  static let close: UInt8 = 8
  /// From the server itself: it is shutting down.
  static let drain: UInt8 = 255

  static func make(_ kind: UInt8, _ bytes: ByteBuffer = ByteBuffer()) -> ByteBuffer {
    var part = ByteBuffer(integer: kind)
    part.writeImmutableBuffer(bytes)
    return part
  }
}

/// Turns a connection into a WebSocket when a route answers 101.
///
/// For the rest of the server a socket is one long request, whose body and answer are its messages. So
/// routes, keys, the log, limits and back-pressure are those of every request, and an upgrade that is
/// refused is answered as any request is.
final class WebSocketUpgrade: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let limits: WebSocketMessages.Limits
  /// Whether the request asks for another protocol. Its decoder reads nothing after it.
  private var isAsked = false
  /// The end of such a request, until it is known whether more comes.
  private var end: HTTPRequestPart?

  init(limits: WebSocketMessages.Limits) { self.limits = limits }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    switch part {
    case .head(let head): isAsked = head.headerFields.asksForUpgrade
    case .end where isAsked:
      end = part
      return
    case .body, .end: break
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard isAsked else { return context.write(data, promise: promise) }
    switch unwrapOutboundIn(data) {
    case .head(let head) where head.status == .switchingProtocols:
      context.writeAndFlush(data, promise: promise)
      do { try upgrade(context) } catch {
        context.fireErrorCaught(error)
        context.close(promise: nil)
      }
    case .head:
      if let end {
        context.fireChannelRead(wrapInboundOut(end))
        context.fireChannelReadComplete()
      }
      end = nil
      context.write(data, promise: promise)
    case .end:
      context.writeAndFlush(data, promise: promise)
      context.close(promise: nil)
    case .body: context.write(data, promise: promise)
    }
  }

  /// Exchanges the handlers of HTTP for those of WebSocket, from the one next to the network on.
  private func upgrade(_ context: ChannelHandlerContext) throws {
    let pipeline = context.pipeline.syncOperations
    let codec = try pipeline.handler(type: HTTP1ToHTTPServerCodec.self)
    try pipeline.addHandlers(
      [
        WebSocketFrameEncoder(),
        ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: limits.bytes)),
      ], position: .after(codec))
    try pipeline.addHandler(WebSocketConnection(limits: limits), position: .after(self))
    let obsolete = [
      // It would end connections that are silent, and those that are idle when the server drains.
      try pipeline.context(handlerType: HTTPConnectionStateHandler.self),
      try pipeline.context(handlerType: HTTPResponseEncoder.self),
      try pipeline.context(handlerType: HTTP1ToHTTPServerCodec.self),
      try pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self), context,
    ]
    for context in obsolete { pipeline.removeHandler(context: context, promise: nil) }
  }
}

/// One WebSocket: the server's side of the protocol.
///
/// It answers pings and sends some, ends the connection of a client that has fallen silent, exchanges the
/// frames that close a connection, and closes it with a code when the client breaks the protocol.
final class WebSocketConnection: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = WebSocketFrame
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = WebSocketFrame

  /// How long a client has to answer the frame that closes the connection.
  private static let closingTime = TimeAmount.seconds(2)

  private let patience: TimeAmount
  private var messages: WebSocketMessages
  private var lastHeard = NIODeadline.now()
  private var watch: Scheduled<Void>?
  /// Whether the request's body has ended: the client has closed, gone or broken the protocol.
  private var hasEnded = false
  private var hasSentClose = false
  private var hasReceivedClose = false

  init(limits: WebSocketMessages.Limits) {
    patience = limits.patience
    messages = WebSocketMessages(limits: limits)
  }

  // MARK: The client's side

  func handlerAdded(context: ChannelHandlerContext) { scheduleWatch(context) }

  func handlerRemoved(context: ChannelHandlerContext) { watch?.cancel() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    lastHeard = .now()
    guard !hasReceivedClose else { return }
    switch messages.take(unwrapInboundIn(data)) {
    case .nothing: break
    case .message(let isText, let bytes):
      guard !hasEnded, !hasSentClose else { return }
      guard !isText || String(validating: bytes.readableBytesView, as: UTF8.self) != nil else {
        return fail(context, .dataInconsistentWithMessage, "A text is UTF-8.")
      }
      let part = SocketPart.make(isText ? SocketPart.text : SocketPart.binary, bytes)
      context.fireChannelRead(wrapInboundOut(.body(part)))
    case .ping(let bytes):
      guard !hasSentClose else { return }
      send(context, .pong, bytes)
    case .close(let code):
      hasReceivedClose = true
      endInput(context)
      if hasSentClose { return context.close(promise: nil) }
      sendClose(context, code)
    case .violation(let code, let reason): fail(context, code, reason)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error as? NIOWebSocketError {
    case .invalidFrameLength: fail(context, .messageTooLarge, "A frame is too long.")
    case .fragmentedControlFrame, .multiByteControlFrameLength:
      fail(context, .protocolError, "A control frame is short and whole.")
    case nil: context.fireErrorCaught(error)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is ChannelShouldQuiesceEvent {
      if !hasEnded {
        context.fireChannelRead(wrapInboundOut(.body(SocketPart.make(SocketPart.drain))))
        context.fireChannelReadComplete()
      }
      return
    }
    if case ChannelEvent.inputClosed? = event as? ChannelEvent {
      // Nobody listens to a socket whose client has closed its side without a word.
      endInput(context)
      context.close(promise: nil)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    watch?.cancel()
    endInput(context)
    context.fireChannelInactive()
  }

  private func endInput(_ context: ChannelHandlerContext) {
    guard !hasEnded else { return }
    hasEnded = true
    context.fireChannelRead(wrapInboundOut(.end(nil)))
    context.fireChannelReadComplete()
  }

  private func fail(_ context: ChannelHandlerContext, _ code: WebSocketErrorCode, _ reason: String)
  {
    // What a client sends that has broken the protocol means nothing.
    hasReceivedClose = true
    endInput(context)
    sendClose(context, code, reason)
  }

  private func scheduleWatch(_ context: ChannelHandlerContext) {
    watch = context.eventLoop.assumeIsolated().scheduleTask(
      in: .nanoseconds(patience.nanoseconds / 2)
    ) { [self] in
      if NIODeadline.now() - lastHeard >= patience {
        endInput(context)
        context.close(promise: nil)
        return
      }
      if !hasSentClose { send(context, .ping, ByteBuffer()) }
      scheduleWatch(context)
    }
  }

  // MARK: The server's side

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head: promise?.succeed()
    case .body(var part):
      guard !hasSentClose, let kind = part.readInteger(as: UInt8.self) else {
        promise?.succeed()
        return
      }
      if kind == SocketPart.close {
        let code = part.readInteger(as: UInt16.self) ?? 1_000
        sendClose(context, WebSocketErrorCode(codeNumber: Int(code)), String(buffer: part))
        promise?.succeed()
      } else {
        send(context, kind == SocketPart.text ? .text : .binary, part, promise)
      }
    case .end:
      if !hasSentClose { sendClose(context, .normalClosure) }
      promise?.succeed()
    }
  }

  private func send(
    _ context: ChannelHandlerContext, _ opcode: WebSocketOpcode, _ bytes: ByteBuffer,
    _ promise: EventLoopPromise<Void>? = nil
  ) {
    let frame = WebSocketFrame(fin: true, opcode: opcode, data: bytes)
    context.writeAndFlush(wrapOutboundOut(frame), promise: promise)
  }

  /// Sends the frame that closes the connection, and closes it when the client has sent its own or does not.
  private func sendClose(
    _ context: ChannelHandlerContext, _ code: WebSocketErrorCode?, _ reason: String = ""
  ) {
    guard !hasSentClose else { return }
    hasSentClose = true
    var bytes = ByteBuffer()
    if let code {
      bytes.write(webSocketErrorCode: code)
      bytes.writeString(String(reason.unicodeScalars.prefix(30)))
    }
    send(context, .connectionClose, bytes)
    if hasReceivedClose { return context.close(promise: nil) }
    context.eventLoop.assumeIsolated().scheduleTask(in: Self.closingTime) {
      context.close(promise: nil)
    }
  }
}

extension HTTPFields {
  /// Whether the connection is to be another protocol's after this request.
  var asksForUpgrade: Bool {
    guard self[.upgrade] != nil, let connection = self[.connection] else { return false }
    return connection.split(separator: ",").contains {
      $0.trimmingPrefix { $0 == " " }.lowercased().hasPrefix("upgrade")
    }
  }
}
#endif
