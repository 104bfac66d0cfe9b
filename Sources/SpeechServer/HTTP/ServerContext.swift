// SPDX-License-Identifier: MIT
#if Server
package import Hummingbird
package import NIOCore
import Synchronization

/// What belongs to one request: its id, and the connection it came on.
package struct ServerContext: RequestContext {
  package var coreContext: CoreRequestContextStorage
  package let channel: any Channel
  /// The client's `X-Request-Id` where it is one, else a new one.
  package var requestID = ""

  package init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }

  /// Whether somebody still listens, on a connection of a server; `nil` in tests without one.
  var presence: ClientPresence? {
    get async {
      try? await channel.pipeline.handler(type: ClientPresence.self).get()
    }
  }
}

/// Notices that a client has gone while nothing is written to it.
///
/// A client that has closed its side counts as gone: nobody waits for a request's sound after that.
final class ClientPresence: ChannelInboundHandler, RemovableChannelHandler, Sendable {
  typealias InboundIn = NIOAny

  private struct State {
    var isGone = false
    var action: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

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

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed? = event as? ChannelEvent { gone() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
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
