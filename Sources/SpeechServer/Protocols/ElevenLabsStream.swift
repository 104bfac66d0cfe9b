// SPDX-License-Identifier: MIT
#if Server
import Qwen3TTS

/// `/v1/text-to-speech/{voice}/stream-input`, and `multi-stream-input` with its contexts.
///
/// | client | server |
/// | --- | --- |
/// | `{"text": " ", …settings}`, `{"text": "…", "flush"?}` | `{"audio", "isFinal": null, "alignment"}` |
/// | `{"text": ""}` | the rest, `{"isFinal": true}`, closes |
/// | with contexts: `context_id` in every message, `close_context`, `close_socket` | as above, with `contextId` |
///
/// What was written is spoken at once, whatever the schedule of chunks says: it never has to be waited for.
package struct ElevenLabsStream: SessionProtocol {
  /// Reads the settings of a context from its first message.
  package typealias Settings = @Sendable (inout Members) throws(APIError) -> SpeechParameters

  private let hasContexts: Bool
  private let patience: Duration
  private let readSettings: Settings
  private var settings: [String: SpeechParameters] = [:]
  /// By utterance: when the last character ends that was sent. The times of a message begin there, so that
  /// a client which adds them up has the times in the sound.
  private var ends: [SpeechSession.ID: Duration] = [:]
  private var hasFailed = false

  /// Bytes of a message.
  private static let longestMessage = 128 << 10
  /// The context of messages that name none.
  private static let unnamed = "default"

  /// - Parameter patience: How long a client may send nothing.
  /// - Throws: `APIError` for settings of the address that cannot be used.
  package init(
    hasContexts: Bool, patience: Duration, settings: @escaping Settings
  ) throws(APIError) {
    self.hasContexts = hasContexts
    self.patience = patience
    readSettings = settings
    var none = Members([:])
    _ = try settings(&none)
  }

  package var idleLimit: Duration? { patience }

  package func parameters(for id: SpeechSession.ID, in context: String) -> SpeechParameters {
    settings[context] ?? SpeechParameters()
  }

  package mutating func begin(_ turn: inout SessionTurn<SocketAnswer>) {}

  package mutating func idle(_ turn: inout SessionTurn<SocketAnswer>) {
    turn.send([
      "message": "Expected a message within the time of inactivity_timeout.",
      "error": "input_timeout_exceeded", "code": 1_008,
    ])
    turn.close(1_008, "input_timeout_exceeded")
  }

  // MARK: Client messages

  package mutating func receive(_ message: SocketMessage, _ turn: inout SessionTurn<SocketAnswer>) {
    var context = Self.unnamed
    do throws(APIError) {
      var members = Members(try message.object(upTo: Self.longestMessage))
      if hasContexts, let name = try members.string("context_id", "contextId") {
        context = String(name.prefix(200))
      }
      try receive(&members, in: context, &turn)
    } catch {
      fail(error, in: context, &turn)
    }
  }

  private mutating func receive(
    _ members: inout Members, in context: String, _ turn: inout SessionTurn<SocketAnswer>
  ) throws(APIError) {
    let text = try members.string("text")
    let flush = try members.bool("flush") ?? false
    if hasContexts {
      if try members.bool("close_socket") == true {
        turn.perform { $0.finish() }
        return
      }
      if try members.bool("close_context") == true {
        if let text, !text.isEmpty { try append(text, &members, context, &turn) }
        turn.perform { $0.close(context) }
        return
      }
    }
    switch text {
    case "" where !hasContexts:
      turn.perform { $0.finish() }
      return
    case let text? where !text.isEmpty: try append(text, &members, context, &turn)
    case nil where !flush:
      throw .invalid("text", "text: expected a string, found none.", code: "invalid_message")
    default: break
    }
    if flush { turn.perform { $0.endText(of: context) } }
  }

  private mutating func append(
    _ text: String, _ members: inout Members, _ context: String,
    _ turn: inout SessionTurn<SocketAnswer>
  ) throws(APIError) {
    if !turn.session.contextNames.contains(context) {
      var parameters = try readSettings(&members)
      parameters.speakAsWritten()
      parameters.options.timestamps = true
      try turn.perform { session throws(APIError) in
        try session.open(context)
        return []
      }
      settings[context] = parameters
      // The first message opens, and has nothing to say.
      if text.allSatisfy(\.isWhitespace) { return }
    }
    try turn.perform { session throws(APIError) in try session.append(text, to: context) }
  }

  // MARK: Server messages

  package mutating func report(
    _ step: SpeechSession.Step, _ turn: inout SessionTurn<SocketAnswer>
  ) {
    switch step {
    case .sound(let utterance, let piece):
      let alignment = piece.heard.alignment(from: ends[utterance.id] ?? .zero)
      ends[utterance.id] = piece.heard.characters.last?.end ?? ends[utterance.id]
      turn.send(
        members(
          [
            "audio": .string(Base64.encode(piece.bytes)), "isFinal": .null,
            "alignment": alignment, "normalizedAlignment": alignment,
          ], utterance.context))
    case .ended(let utterance, let ending):
      ends[utterance.id] = nil
      if case .failed(let error) = ending { fail(error, in: utterance.context, &turn) }
    case .closed(let context):
      settings[context] = nil
      if hasContexts { turn.send(members(["audio": .null, "isFinal": true], context)) }
    case .finished:
      if !hasContexts, !hasFailed { turn.send(["audio": .null, "isFinal": true]) }
      turn.closeFinished()
    default: break
    }
  }

  private func members(
    _ members: [String: JSONValue], _ context: String
  ) -> [String: JSONValue] {
    guard hasContexts else { return members }
    // Pipecat reads the first of these, LiveKit either.
    return members.merging(["contextId": .string(context), "context_id": .string(context)]) { $1 }
  }

  private mutating func fail(
    _ error: APIError, in context: String, _ turn: inout SessionTurn<SocketAnswer>
  ) {
    let code = error.code ?? error.type
    guard !hasContexts else {
      return turn.send(
        members(["error": .string(error.message), "code": .string(code)], context))
    }
    hasFailed = true
    turn.send(["message": .string(error.message), "error": .string(code), "code": 1_008])
    turn.close(1_008, code)
  }
}
#endif
