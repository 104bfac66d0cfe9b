// SPDX-License-Identifier: MIT
#if Server
import Audio
import Qwen3TTS

/// `/v1/audio/speech/ws`, subprotocol `nari.speech.v1`: one text a connection, written in numbered pieces that
/// are each acknowledged.
///
/// | client | server |
/// | --- | --- |
/// | | `session.created` |
/// | `request.start` | `request.configured` |
/// | `input_text.append`, `input_text.end` | `input_text.ack`; `response.started`, bytes, `response.done`, closes |
/// | `response.cancel` | `response.done`, closes |
package struct NariStream: SessionProtocol {
  static let name = "nari.speech.v1"

  private let requestID: String
  private let limits: SpeechParameters.Limits
  private var settings: SpeechParameters?
  private var nextSequence: Int64 = 0
  private var hasText = false
  private var hasEnded = false
  private var hasStarted = false
  private var chunkCount = 0

  private static let mostEvents: Int64 = 100_000
  private static let audio: JSONValue = [
    "encoding": "pcm_s16le", "sample_rate": 24_000, "channels": 1,
  ]

  package init(requestID: String, limits: SpeechParameters.Limits) {
    self.requestID = requestID
    self.limits = limits
  }

  package var idleLimit: Duration? { .seconds(30) }

  package func parameters(for id: SpeechSession.ID, in context: String) -> SpeechParameters {
    settings ?? SpeechParameters()
  }

  package mutating func begin(_ turn: inout SessionTurn<SocketAnswer>) {
    turn.send([
      "type": "session.created", "protocol": .string(Self.name), "audio": Self.audio,
    ])
  }

  package mutating func idle(_ turn: inout SessionTurn<SocketAnswer>) {
    fail("input_timeout", "Expected an event within 30 s.", close: 1_008, &turn)
  }

  // MARK: Client messages

  package mutating func receive(_ message: SocketMessage, _ turn: inout SessionTurn<SocketAnswer>) {
    do throws(APIError) {
      var members = Members(try message.object())
      let type = try members.string("type") ?? ""
      switch (type, settings != nil) {
      case ("request.start", false): try start(&members, &turn)
      case ("input_text.append", true): try append(&members, &turn)
      case ("input_text.end", true): try endText(&members, &turn)
      case ("response.cancel", true):
        turn.perform { $0.cancel() }
        // Where nothing was being said, nothing tells of its end.
        done("cancelled", &turn)
      case ("request.start", true), ("input_text.append", false), ("input_text.end", false),
        ("response.cancel", false):
        throw .invalid("type", "type: \(type) is not expected here.", code: "invalid_request")
      default:
        throw .invalid(
          "type", "type: there is no event \"\(type.prefix(40))\".", code: "unknown_event")
      }
    } catch {
      let known = ["invalid_sequence", "unknown_event", "invalid_text", "too_many_input_events"]
      switch error.code {
      case "string_above_max_length": fail("input_too_large", error.message, close: 1_009, &turn)
      case "live_input_closed": fail("live_input_closed", error.message, close: 1_000, &turn)
      case let code? where known.contains(code): fail(code, error.message, close: 1_008, &turn)
      default: fail("invalid_request", error.message, close: 1_008, &turn)
      }
    }
  }

  private mutating func start(
    _ members: inout Members, _ turn: inout SessionTurn<SocketAnswer>
  ) throws(APIError) {
    var parameters = try SpeechParameters(settings: &members, format: .pcm, limits: limits)
    // None of its messages can say them.
    parameters.options.timestamps = false
    parameters.speakAsWritten()
    guard parameters.format == .pcm, parameters.sampleRate ?? 24_000 == 24_000 else {
      throw .invalid("response_format", "response_format: expected pcm, 24000 samples a second.")
    }
    settings = parameters
    turn.send(["type": "request.configured"])
  }

  private mutating func takeSequence(_ members: inout Members) throws(APIError) -> Int64 {
    let sequence: Int64?
    do { sequence = try members.integer("sequence") } catch {
      throw .invalid("sequence", error.message, code: "invalid_sequence")
    }
    guard sequence == nextSequence else {
      throw .invalid(
        "sequence",
        "sequence: expected \(nextSequence), found \(sequence.map { "\($0)" } ?? "none").",
        code: "invalid_sequence")
    }
    guard nextSequence < Self.mostEvents else {
      throw .invalid(
        "sequence", "Expected at most \(Self.mostEvents) events.", code: "too_many_input_events")
    }
    nextSequence += 1
    return nextSequence - 1
  }

  private mutating func append(
    _ members: inout Members, _ turn: inout SessionTurn<SocketAnswer>
  ) throws(APIError) {
    let sequence = try takeSequence(&members)
    let text: String?
    do { text = try members.string("text") } catch {
      throw .invalid("text", error.message, code: "invalid_text")
    }
    guard let text, !text.isEmpty else {
      throw .invalid("text", "text: expected some, found none.", code: "invalid_text")
    }
    guard !hasEnded else {
      throw .invalid("type", "The text has ended.", code: "live_input_closed")
    }
    hasText = hasText || text.contains { !$0.isWhitespace }
    try turn.perform { session throws(APIError) in try session.append(text) }
    acknowledge("input_text.append", sequence, &turn)
  }

  private mutating func endText(
    _ members: inout Members, _ turn: inout SessionTurn<SocketAnswer>
  ) throws(APIError) {
    let sequence = try takeSequence(&members)
    guard !hasEnded else {
      throw .invalid("type", "The text has ended already.", code: "live_input_closed")
    }
    hasEnded = true
    acknowledge("input_text.end", sequence, &turn)
    guard hasText else {
      return fail("empty_input", "Expected a text, found none.", close: 1_008, &turn)
    }
    turn.perform { $0.endText() }
  }

  private func acknowledge(
    _ event: String, _ sequence: Int64, _ turn: inout SessionTurn<SocketAnswer>
  ) {
    turn.send([
      "type": "input_text.ack", "event": .string(event), "sequence": .integer(sequence),
      "request_id": hasText ? .string(requestID) : .null,
    ])
  }

  // MARK: Server messages

  package mutating func report(
    _ step: SpeechSession.Step, _ turn: inout SessionTurn<SocketAnswer>
  ) {
    switch step {
    case .started: start(&turn)
    case .sound(_, let piece):
      chunkCount += 1
      turn.send(.binary(piece.bytes))
    case .ended(_, .whole(let metrics)):
      start(&turn)
      // A speech that was stuck has ended all the same.
      done(metrics.finishReason == .length ? "length" : "stop", &turn)
    case .ended(_, .cancelled): break
    case .ended(_, .failed(let error)):
      let isRefused = error.status < 500
      fail(
        isRefused ? "invalid_request" : "generation_failed", error.message,
        close: isRefused ? 1_008 : 1_011, &turn)
    case .finished: turn.closeFinished()
    default: break
    }
  }

  private mutating func start(_ turn: inout SessionTurn<SocketAnswer>) {
    guard !hasStarted else { return }
    hasStarted = true
    turn.send([
      "type": "response.started", "request_id": .string(requestID), "audio": Self.audio,
    ])
  }

  private mutating func done(_ reason: String, _ turn: inout SessionTurn<SocketAnswer>) {
    turn.send([
      "type": "response.done", "request_id": .string(requestID), "stop_reason": .string(reason),
      "audio_chunks": JSONValue(chunkCount),
    ])
    turn.close(1_000)
  }

  private func fail(
    _ code: String, _ message: String, close: UInt16, _ turn: inout SessionTurn<SocketAnswer>
  ) {
    let type = close == 1_011 ? "generation_error" : "invalid_request_error"
    turn.send([
      "type": "error", "request_id": .string(requestID),
      "error": ["type": .string(type), "code": .string(code), "message": .string(message)],
    ])
    turn.close(close, code)
  }
}
#endif
