// SPDX-License-Identifier: MIT
#if Server

/// A client's protocol over a session: what its messages ask for, and how the client learns what becomes of
/// that.
///
/// A value without network or clock, as the session is.
package protocol SessionProtocol: Sendable {
  associatedtype Message: Sendable
  associatedtype Answer: Sendable

  /// How long a client may ask for nothing while nothing is said; `nil`: as long as it likes.
  var idleLimit: Duration? { get }
  /// The settings of an utterance that is begun.
  func parameters(for id: SpeechSession.ID, in context: String) -> SpeechParameters
  /// What is sent before anything is asked for.
  mutating func begin(_ turn: inout SessionTurn<Answer>)
  mutating func receive(_ message: Message, _ turn: inout SessionTurn<Answer>)
  /// Tells the client of one of the steps that are for it.
  mutating func report(_ step: SpeechSession.Step, _ turn: inout SessionTurn<Answer>)
  /// The client has asked for nothing for too long.
  mutating func idle(_ turn: inout SessionTurn<Answer>)
}

/// What follows from one event: steps of the session and answers to the client, in order.
package struct SessionTurn<Answer: Sendable> {
  package enum Effect: Sendable {
    case step(SpeechSession.Step)
    case send(Answer)
    /// Nothing is sent or taken afterwards.
    case end
  }

  package var session: SpeechSession
  package private(set) var effects: [Effect] = []

  package init(_ session: SpeechSession) { self.session = session }

  mutating func send(_ answer: Answer) { effects.append(.send(answer)) }

  /// Ends the connection; what is still said is given up, and nothing is reported of it.
  mutating func end() { effects.append(.end) }

  /// Does something to the session.
  package mutating func perform<Failure: Error>(
    _ body: (inout SpeechSession) throws(Failure) -> [SpeechSession.Step]
  ) throws(Failure) {
    effects += try body(&session).map { .step($0) }
  }

  /// Takes the effects that there are.
  package mutating func takeEffects() -> [Effect] {
    defer { effects = [] }
    return effects
  }
}

extension SessionTurn where Answer == SocketAnswer {
  /// Sends a JSON object.
  mutating func send(_ members: [String: JSONValue]) { send(.json(members)) }

  /// Closes the socket.
  mutating func close(_ code: UInt16, _ reason: String = "") {
    send(.close(code: code, reason: reason))
    end()
  }

  /// Closes the socket when nothing is left: because the client asked for it, or the server shuts down.
  mutating func closeFinished() {
    session.isDraining ? close(1_001, "The server is shutting down.") : close(1_000)
  }
}
#endif
