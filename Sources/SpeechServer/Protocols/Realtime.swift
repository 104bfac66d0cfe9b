// SPDX-License-Identifier: MIT
#if Server
import Audio
import Qwen3TTS

/// The part of OpenAI's Realtime socket that speaks texts, `/v1/realtime`, and DashScope's socket for
/// Qwen-TTS, `/api-ws/v1/realtime`, which is the same with other names.
///
/// | client | server |
/// | --- | --- |
/// | | `session.created` |
/// | `session.update` | `session.updated` |
/// | `conversation.item.create`, `response.create` (OpenAI's) | `response.created` … deltas … `response.done` |
/// | `input_text_buffer.append`, `.commit`, `.clear` | the same, from the first words on |
/// | `response.cancel` | `response.done`, cancelled |
/// | `session.finish` (DashScope's) | `session.finished`, closes |
///
/// Sound to the server, transcription and tools are not here: such events are answered with an `error`.
package struct Realtime: SessionProtocol {
  package enum Dialect: Sendable {
    case openAI
    case dashScope
  }

  private struct Response {
    let id: String
    let itemID: String
    var metadata = JSONValue.null
    let parameters: SpeechParameters
  }

  private let dialect: Dialect
  private let sessionID: String
  private let model: String
  private let languages: [String]
  private let limits: SpeechParameters.Limits
  private var parameters = SpeechParameters()
  /// Texts of items since the last response.
  private var items: [String] = []
  private var responses: [SpeechSession.ID: Response] = [:]
  /// What was appended and not committed, where texts are spoken only then.
  private var buffer = ""
  private var speaksAtCommit = false
  private var eventCount = 0
  private var responseCount = 0

  /// Bytes of an event.
  private static let longestEvent = 1 << 20

  /// - Parameters:
  ///   - model: The name in the address, which the session repeats.
  ///   - parameters: Model and style that the address asks for.
  ///   - languages: Those that the model can be asked for.
  package init(
    _ dialect: Dialect, sessionID: String, model: String, parameters: SpeechParameters,
    languages: [String], limits: SpeechParameters.Limits
  ) {
    self.limits = limits
    self.dialect = dialect
    self.sessionID = sessionID
    self.model = model
    self.languages = languages
    self.parameters = parameters
    self.parameters.format = .pcm
  }

  package var idleLimit: Duration? { .seconds(600) }

  package func parameters(
    for id: SpeechSession.ID, in context: String
  ) -> SpeechParameters {
    responses[id]?.parameters ?? parameters
  }

  package mutating func begin(_ turn: inout SessionTurn<SocketAnswer>) {
    send("session.created", ["session": session], &turn)
  }

  package mutating func idle(_ turn: inout SessionTurn<SocketAnswer>) { turn.close(1_000, "idle") }

  // MARK: Client events

  package mutating func receive(
    _ message: SocketMessage, _ turn: inout SessionTurn<SocketAnswer>
  ) {
    var eventID: String?
    do throws(APIError) {
      var members = Members(try message.object(upTo: Self.longestEvent))
      eventID = try members.string("event_id")
      let type = try members.string("type") ?? ""
      switch (type, dialect) {
      case ("session.update", _):
        try update(&members)
        send("session.updated", ["session": session], &turn)
      case ("conversation.item.create", .openAI): try addItem(&members, &turn)
      case ("response.create", .openAI): try respond(&members, &turn)
      case ("response.cancel", _): try cancel(&turn)
      case ("input_text_buffer.append", _):
        let text = try members.string("text") ?? ""
        guard speaksAtCommit else { return try speak(text, isLive: true, &turn) }
        guard buffer.count + text.count <= limits.inputCharacters else {
          throw .tooLong(limits.inputCharacters)
        }
        buffer += text
      case ("input_text_buffer.commit", _):
        let text = buffer
        buffer = ""
        if speaksAtCommit { try speak(text, isLive: false, &turn) }
        send("input_text_buffer.committed", ["item_id": .string(nextID("item"))], &turn)
        turn.perform { $0.endText() }
      case ("input_text_buffer.clear", _):
        buffer = ""
        send("input_text_buffer.cleared", [:], &turn)
        turn.perform { $0.discard() }
      case ("session.finish", .dashScope):
        let text = buffer
        buffer = ""
        if !text.isEmpty { try speak(text, isLive: false, &turn) }
        turn.perform { $0.finish() }
      default:
        throw .invalid(
          "type", "type: this server has no event \"\(type.prefix(60))\".",
          code: "unsupported_event")
      }
    } catch {
      fail(error, eventID, &turn)
    }
  }

  private mutating func update(_ members: inout Members) throws(APIError) {
    guard let object = try members.object("session") else {
      throw .invalid("session", "session: expected an object, found none.")
    }
    var session = Members(object)
    switch dialect {
    case .openAI: try update(openAI: &session, &parameters)
    case .dashScope: try update(dashScope: &session)
    }
  }

  private func update(
    openAI session: inout Members, _ parameters: inout SpeechParameters
  ) throws(APIError) {
    if let modalities = try session.array("output_modalities"), !modalities.contains("audio") {
      throw .invalid("output_modalities", "output_modalities: expected [\"audio\"].")
    }
    // A prompt for a model that converses; only what is marked as style is for one that reads.
    if let text = try session.string("instructions"), text.hasPrefix("style:") {
      parameters.options.instruction = String(text.dropFirst(6).drop { $0 == " " })
    }
    guard let audio = try session.object("audio") else { return }
    var inner = Members(audio)
    guard let object = try inner.object("output") else { return }
    var output = Members(object)
    try setVoice(&output, &parameters)
    parameters.speed = try output.number("speed", in: TimeStretch.speeds) ?? parameters.speed
    parameters.options.instruction =
      try output.string("instructions") ?? parameters.options.instruction
    guard let format = try output.object("format") else { return }
    var fields = Members(format)
    let type = try fields.string("type")
    guard let type, let known = Self.formats[type] else {
      throw .invalid(
        "format",
        "format.type: expected audio/pcm, audio/pcmu or audio/pcma, found "
          + "\"\((type ?? "").prefix(40))\".")
    }
    let rate = try fields.integer("rate").map { Int($0) }
    if let rate, !known.sampleRates.contains(rate) {
      throw .invalid("format", "format.rate: \(type) has no \(rate) samples a second.")
    }
    parameters.format = known
    parameters.sampleRate = rate
  }

  private static let formats: [String: AudioFormat] = [
    "audio/pcm": .pcm, "audio/pcmu": .ulaw, "audio/pcma": .alaw,
  ]

  private mutating func update(dashScope session: inout Members) throws(APIError) {
    try setVoice(&session, &parameters)
    if let mode = try session.string("mode") {
      guard ["server_commit", "commit"].contains(mode) else {
        throw .invalid("mode", "mode: expected server_commit or commit.")
      }
      speaksAtCommit = mode == "commit"
    }
    if let word = try session.string("response_format") {
      guard let format = SpeechParameters.format(named: word) else {
        throw .invalid(
          "response_format",
          "response_format: expected pcm, wav, mp3 or opus, found \"\(word.prefix(40))\".")
      }
      parameters.format = format
    }
    if let rate = try session.integer("sample_rate", in: 1...1_000_000) {
      guard parameters.format.sampleRates.contains(Int(rate)) else {
        throw .invalid(
          "sample_rate", "sample_rate: \(parameters.format.rawValue) has no \(rate) a second.")
      }
      parameters.sampleRate = Int(rate)
    }
    parameters.speed = try session.number("speech_rate", in: 0.5...2) ?? parameters.speed
    if let kilobits = try session.integer("bit_rate", in: 6...510) {
      parameters.bitRate = Int(kilobits) * 1_000
    }
    if let word = try session.string("language_type") {
      let language = LanguageCodes.name(of: word)
      if languages.contains(language) { parameters.options.language = language }
    }
    parameters.options.instruction =
      try session.string("instructions") ?? parameters.options.instruction
  }

  private func setVoice(
    _ members: inout Members, _ parameters: inout SpeechParameters
  ) throws(APIError) {
    switch members.any("voice") {
    case nil: break
    case .string(let name): parameters.voice = .named(name)
    case .object(let object):
      guard case .string(let id)? = object["id"] else {
        throw .invalid("voice", "voice: expected a name or {\"id\": …}.")
      }
      parameters.voice = .named(id)
    default: throw .invalid("voice", "voice: expected a name or {\"id\": …}.")
    }
  }

  private mutating func addItem(
    _ members: inout Members, _ turn: inout SessionTurn<SocketAnswer>
  ) throws(APIError) {
    guard let item = try members.object("item") else {
      throw .invalid("item", "item: expected an object, found none.")
    }
    let text = try Self.text(of: item)
    guard items.reduce(text.count, { $0 + $1.count }) <= limits.inputCharacters,
      items.count < 1_000
    else { throw .tooLong(limits.inputCharacters) }
    items.append(text)
    var told = item
    if told["id"] == nil { told["id"] = .string(nextID("item")) }
    told["object"] = "realtime.item"
    told["status"] = "completed"
    for type in ["conversation.item.added", "conversation.item.done"] {
      send(type, ["item": .object(told), "previous_item_id": .null], &turn)
    }
  }

  /// The text of an item: all parts of its content that are text.
  private static func text(of item: [String: JSONValue]) throws(APIError) -> String {
    guard item["type"] == "message", case .array(let parts)? = item["content"] else {
      throw .invalid("item", "item: expected a message with content.")
    }
    var text = ""
    for case .object(let part) in parts {
      if case .string(let some)? = part["text"] { text += some }
    }
    return text
  }

  private mutating func respond(
    _ members: inout Members, _ turn: inout SessionTurn<SocketAnswer>
  ) throws(APIError) {
    guard responses.isEmpty else {
      throw .invalid(
        nil, "A response is being spoken: wait for response.done, or cancel it.",
        code: "conversation_already_has_active_response")
    }
    var response = Members(try members.object("response") ?? [:])
    var parameters = parameters
    try update(openAI: &response, &parameters)
    var texts = items
    if let input = try response.array("input") {
      texts = []
      for case .object(let item) in input { texts.append(try Self.text(of: item)) }
    }
    let text = texts.joined(separator: " ")
    guard text.contains(where: { !$0.isWhitespace }) else {
      throw .invalid("input", "input: expected a text to speak, found none.")
    }
    items = []
    try speak(
      text, isLive: false, parameters: parameters, metadata: response.any("metadata") ?? .null,
      &turn)
    turn.perform { $0.endText() }
  }

  private mutating func cancel(_ turn: inout SessionTurn<SocketAnswer>) throws(APIError) {
    guard !responses.isEmpty else {
      throw .invalid(
        nil, "There is no response to cancel.", code: "response_cancel_not_active")
    }
    turn.perform { $0.cancel() }
  }

  private mutating func speak(
    _ text: String, isLive: Bool, parameters: SpeechParameters? = nil,
    metadata: JSONValue = .null, _ turn: inout SessionTurn<SocketAnswer>
  ) throws(APIError) {
    var parameters = parameters ?? self.parameters
    if isLive { parameters.speakAsWritten() }
    try turn.perform { session throws(APIError) in try session.append(text) }
    guard let utterance = turn.session.utterances(of: "").last, responses[utterance.id] == nil,
      !utterance.isComplete, utterance.text.contains(where: { !$0.isWhitespace })
    else { return }
    responseCount += 1
    let response = Response(
      id: "resp_\(sessionID)_\(responseCount)", itemID: nextID("item"), metadata: metadata,
      parameters: parameters)
    responses[utterance.id] = response
    send(
      "response.created",
      ["response": .object(members(response, status: "in_progress", output: []))], &turn)
  }

  // MARK: Server events

  package mutating func report(
    _ step: SpeechSession.Step, _ turn: inout SessionTurn<SocketAnswer>
  ) {
    switch step {
    case .started(let utterance):
      guard let response = responses[utterance.id] else { return }
      send(
        "response.output_item.added",
        [
          "response_id": .string(response.id), "output_index": 0,
          "item": item(response, status: "in_progress"),
        ], &turn)
      send("response.content_part.added", part(response).merging(Self.emptyPart) { $1 }, &turn)
    case .sound(let utterance, let piece):
      guard let response = responses[utterance.id] else { return }
      send(
        audio("delta"),
        part(response).merging(["delta": .string(Base64.encode(piece.bytes))]) { $1 }, &turn)
    case .ended(let utterance, let ending): end(utterance, ending, &turn)
    case .finished:
      if dialect == .dashScope { send("session.finished", [:], &turn) }
      turn.closeFinished()
    default: break
    }
  }

  private mutating func end(
    _ utterance: SpeechSession.Utterance, _ ending: SpeechSession.Ending,
    _ turn: inout SessionTurn<SocketAnswer>
  ) {
    guard let response = responses.removeValue(forKey: utterance.id) else { return }
    var status = "completed"
    var usage = JSONValue.null
    var details = JSONValue.null
    var said = utterance.text
    switch ending {
    case .whole(let metrics):
      usage = SpeechRoutes.usage(metrics)
      if metrics.finishReason != .stop {
        status = "incomplete"
        details = ["type": "incomplete", "reason": "max_output_tokens"]
      }
    case .cancelled:
      status = "cancelled"
      details = ["type": "cancelled", "reason": "client_cancelled"]
      said = CharacterTimes.said(of: utterance.text, in: utterance.audioSeconds)
    case .failed(let error):
      status = "failed"
      details = ["type": "failed", "error": error.members]
      fail(error, nil, &turn)
    }
    let text: JSONValue = .string(said)
    if utterance.hasStarted {
      send(audio("done"), part(response), &turn)
      if dialect == .openAI {
        let name = "response.output_audio_transcript."
        send(name + "delta", part(response).merging(["delta": text]) { $1 }, &turn)
        send(name + "done", part(response).merging(["transcript": text]) { $1 }, &turn)
      }
      send("response.content_part.done", part(response).merging(Self.emptyPart) { $1 }, &turn)
      send(
        "response.output_item.done",
        [
          "response_id": .string(response.id), "output_index": 0,
          "item": item(response, status: "completed", transcript: text),
        ], &turn)
    }
    var object = members(
      response, status: status,
      output: utterance.hasStarted ? [item(response, status: "completed", transcript: text)] : [])
    object["usage"] = usage
    object["status_details"] = details
    send("response.done", ["response": .object(object)], &turn)
  }

  private func audio(_ event: String) -> String {
    dialect == .openAI ? "response.output_audio.\(event)" : "response.audio.\(event)"
  }

  private func part(_ response: Response) -> [String: JSONValue] {
    [
      "response_id": .string(response.id), "item_id": .string(response.itemID),
      "output_index": 0, "content_index": 0,
    ]
  }

  private static let emptyPart: [String: JSONValue] = [
    "part": ["type": "audio", "transcript": ""]
  ]

  private func item(
    _ response: Response, status: String, transcript: JSONValue? = nil
  ) -> JSONValue {
    [
      "id": .string(response.itemID), "object": "realtime.item", "type": "message",
      "status": .string(status), "role": "assistant",
      "content": transcript.map { [["type": "output_audio", "transcript": $0]] } ?? [],
    ]
  }

  private func members(
    _ response: Response, status: String, output: [JSONValue]
  ) -> [String: JSONValue] {
    [
      "id": .string(response.id), "object": "realtime.response", "status": .string(status),
      "status_details": .null, "output": .array(output), "metadata": response.metadata,
      "output_modalities": ["audio"], "usage": .null,
    ]
  }

  private var session: JSONValue {
    var voice = JSONValue.null
    if case .named(let name) = parameters.voice { voice = .string(name) }
    let rate = parameters.sampleRate ?? parameters.format.standardSampleRate
    switch dialect {
    case .openAI:
      let type = Self.formats.first { $0.value == parameters.format }?.key ?? "audio/pcm"
      return [
        "id": .string(sessionID), "object": "realtime.session", "type": "realtime",
        "model": .string(model), "output_modalities": ["audio"],
        "audio": [
          "output": [
            "voice": voice, "speed": .number(parameters.speed),
            "format": ["type": .string(type), "rate": JSONValue(rate)],
          ]
        ],
      ]
    case .dashScope:
      return [
        "id": .string(sessionID), "object": "realtime.session", "model": .string(model),
        "mode": speaksAtCommit ? "commit" : "server_commit", "voice": voice,
        "response_format": .string(parameters.format.rawValue), "sample_rate": JSONValue(rate),
      ]
    }
  }

  private mutating func nextID(_ kind: String) -> String {
    eventCount += 1
    return "\(kind)_\(sessionID)_\(eventCount)"
  }

  private mutating func send(
    _ type: String, _ members: [String: JSONValue], _ turn: inout SessionTurn<SocketAnswer>
  ) {
    turn.send(
      members.merging(["type": .string(type), "event_id": .string(nextID("event"))]) { $1 })
  }

  private mutating func fail(
    _ error: APIError, _ eventID: String?, _ turn: inout SessionTurn<SocketAnswer>
  ) {
    guard case .object(var members) = error.members else { return }
    members["event_id"] = JSONValue(eventID)
    send("error", ["error": .object(members)], &turn)
  }
}
#endif
