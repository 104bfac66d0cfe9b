// SPDX-License-Identifier: MIT
#if Server
package import NIOCore
package import NIOWebSocket

/// Puts the frames of a client together to messages, and finds what breaks the protocol.
///
/// - Source: RFC 6455, sections 5.1 to 5.5 and 7.4.
package struct WebSocketMessages {
  /// What one client may send.
  package struct Limits: Sendable {
    /// Bytes of a message.
    package var bytes = 4 << 20
    /// Frames of a message.
    package var fragments = 1_024
    /// How long a connection may be silent, answering no ping either.
    package var patience: TimeAmount

    package init(patience: TimeAmount = .seconds(60)) { self.patience = patience }
  }

  package enum Outcome: Equatable {
    /// Nothing is whole yet, or nothing is to be done.
    case nothing
    case message(isText: Bool, ByteBuffer)
    /// A ping, to be answered with its bytes.
    case ping(ByteBuffer)
    /// The client closes, with a code where it gives one.
    case close(WebSocketErrorCode?)
    case violation(WebSocketErrorCode, String)
  }

  private let limits: Limits
  private var isText = false
  /// Bytes of a message of which frames are still missing.
  private var open: ByteBuffer?
  private var fragments = 0

  package init(limits: Limits) { self.limits = limits }

  package mutating func take(_ frame: WebSocketFrame) -> Outcome {
    guard frame.maskKey != nil else {
      return .violation(.protocolError, "A client's frames are masked.")
    }
    guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
      return .violation(.protocolError, "No extension was agreed on.")
    }
    let data = frame.unmaskedData
    switch frame.opcode {
    case .text, .binary:
      guard open == nil else {
        return .violation(.protocolError, "A message began before the one before it had ended.")
      }
      isText = frame.opcode == .text
      fragments = 0
      open = ByteBuffer()
      return append(data, isLast: frame.fin)
    case .continuation:
      guard open != nil else {
        return .violation(.protocolError, "A message was continued that had not begun.")
      }
      return append(data, isLast: frame.fin)
    case .ping: return .ping(data)
    case .pong: return .nothing
    case .connectionClose: return Self.close(data)
    default: return .violation(.protocolError, "There is no such kind of frame.")
    }
  }

  private mutating func append(_ data: ByteBuffer, isLast: Bool) -> Outcome {
    fragments += 1
    var message = open ?? ByteBuffer()
    open = nil
    guard message.readableBytes + data.readableBytes <= limits.bytes else {
      return .violation(.messageTooLarge, "A message has at most \(limits.bytes) bytes.")
    }
    guard fragments <= limits.fragments else {
      return .violation(.policyViolation, "A message has at most \(limits.fragments) frames.")
    }
    message.writeImmutableBuffer(data)
    if isLast { return .message(isText: isText, message) }
    open = message
    return .nothing
  }

  private static func close(_ data: ByteBuffer) -> Outcome {
    var data = data
    guard data.readableBytes > 0 else { return .close(nil) }
    guard let code = data.readInteger(as: UInt16.self) else {
      return .violation(.protocolError, "A code has two bytes.")
    }
    let isKnown = (1_000...1_014).contains(code) && ![1_004, 1_005, 1_006].contains(code)
    guard isKnown || (3_000...4_999).contains(code),
      String(validating: data.readableBytesView, as: UTF8.self) != nil
    else { return .violation(.protocolError, "A client closes with a code and a reason.") }
    return .close(WebSocketErrorCode(codeNumber: Int(code)))
  }
}
#endif
