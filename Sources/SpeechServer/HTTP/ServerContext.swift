// SPDX-License-Identifier: MIT
#if Server
import Foundation
package import Hummingbird
package import NIOCore
import Synchronization

/// What belongs to one request: its id, the key that came with it, and its connection.
package struct ServerContext: RequestContext {
  package var coreContext: CoreRequestContextStorage
  package let channel: any Channel
  /// The client's `X-Request-Id` where it is one, else a new one.
  package var requestID = ""
  /// Which of the server's keys came with it; `nil` where the server has none.
  package var key: Int?

  package init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }

  /// What stands in the path for `:id`.
  func id() throws -> String {
    let text = try parameters.require("id")
    return text.removingPercentEncoding ?? text
  }

  /// The watch over the request's connection; `nil` in tests without one.
  var connection: ConnectionWatch? {
    get async { try? await channel.pipeline.handler(type: ConnectionWatch.self).get() }
  }
}

/// Notices that a client has gone while nothing is written to it, and closes the connection of one that
/// takes nothing of what is sent.
///
/// A client that has closed its side counts as gone: nobody waits for a request's sound after that.
final class ConnectionWatch: ChannelInboundHandler, RemovableChannelHandler, Sendable {
  typealias InboundIn = NIOAny

  private struct State {
    var isGone = false
    var action: (@Sendable () -> Void)?
    var deadline: Scheduled<Void>?
  }

  private let state = Mutex(State())
  private let patience: TimeAmount
  private let count: @Sendable (Int) -> Void

  /// - Parameters:
  ///   - patience: How long a client may take nothing of what is sent.
  ///   - count: Called with 1 for a connection that opens and −1 when it closes.
  init(patience: TimeAmount, count: @escaping @Sendable (Int) -> Void) {
    self.patience = patience
    self.count = count
  }

  /// Calls `action` when the client goes, at once if it has gone; replaces an earlier action.
  func onGone(_ action: @escaping @Sendable () -> Void) {
    let isGone = state.withLock { state in
      state.action = state.isGone ? nil : action
      return state.isGone
    }
    if isGone { action() }
  }

  /// Forgets the action: the request is answered.
  func forget() { state.withLock { $0.action = nil } }

  func handlerAdded(context: ChannelHandlerContext) { count(1) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed? = event as? ChannelEvent { gone() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    let channel = context.channel
    let deadline =
      channel.isWritable
      ? nil : context.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
    state.withLock { state in
      state.deadline?.cancel()
      state.deadline = deadline
    }
    context.fireChannelWritabilityChanged()
  }

  func channelInactive(context: ChannelHandlerContext) {
    count(-1)
    state.withLock { $0.deadline?.cancel() }
    gone()
    context.fireChannelInactive()
  }

  private func gone() {
    let action = state.withLock { state in
      state.isGone = true
      defer { state.action = nil }
      return state.action
    }
    action?()
  }
}
#endif
