// SPDX-License-Identifier: MIT
#if Server
import Audio
import Qwen3TTS

/// `/v1/audio/speech/stream`, as vLLM-Omni and SGLang-Omni have it: settings once, then texts, each an
/// *utterance* of one or more *units* that are spoken one after the other.
///
/// | client | server |
/// | --- | --- |
/// | `session.config` | `session.configured` |
/// | `input.text`, `input.commit`, `input.done`, `input.cancel` | for each unit `audio.start`, bytes, `audio.done`; `session.done` for each utterance |
/// | `session.close` | closes, 1000 |
///
/// With `word_timestamps` bytes come in `audio.chunk`, as base64, and the last one of a unit has when its words are heard.
package struct SpeechStream: SessionProtocol {
  /// What becomes a unit.
  enum Granularity: String, CaseIterable {
    /// The whole text, which is spoken while it is written.
    case none
    case sentence
    case clause
  }

  private struct Settings {
    var parameters: SpeechParameters
    /// Whether bytes are sent as they are made, or all of a unit in one message.
    var streams = false
    var granularity = Granularity.none
  }

  private struct Unit {
    let utterance: Int
    let index: Int
    let settings: Settings
    var bytes: [UInt8] = []
    var byteCount = 0
    var hasStarted = false
    /// Where times were asked for: messages with sound, the end of that in seconds, and the words so far.
    var chunks = 0
    var seconds = 0.0
    var heard = HeardText()

    var isTimed: Bool { settings.parameters.options.timestamps }
  }

  /// A text of the client.
  private struct Text {
    let index: Int
    /// Units that were opened, and those that have ended.
    var opened = 0
    var ended = 0
    var isDone = false
    var isCancelled = false
    /// Units there were at the last `input.commit`, and how many of those there were.
    var committedUnits = 0
    var commits = 0
  }

  private let sessionID: String
  private let limits: SpeechParameters.Limits
  private var settings: Settings?
  private var units: [SpeechSession.ID: Unit] = [:]
  /// Texts whose `session.done` has not been sent.
  private var texts: [Text] = []
  private var nextText = 0
  /// What was written after the last unit.
  private var rest = ""

  /// Bytes of a message that is not `session.config`.
  private static let longestMessage = 128 << 10
  /// Bytes of a text that is a unit although no sentence has ended in it.
  private static let longestUnit = 4_000

  package init(sessionID: String, limits: SpeechParameters.Limits) {
    self.sessionID = sessionID
    self.limits = limits
  }

  package var idleLimit: Duration? { settings == nil ? .seconds(10) : .seconds(30) }

  package func parameters(for id: SpeechSession.ID, in context: String) -> SpeechParameters {
    units[id]?.settings.parameters ?? settings?.parameters ?? SpeechParameters()
  }

  package mutating func begin(_ turn: inout SessionTurn<SocketAnswer>) {}

  package mutating func idle(_ turn: inout SessionTurn<SocketAnswer>) {
    let what = settings == nil ? "session.config within 10 s" : "a message within 30 s"
    turn.send(Self.error(.refused(408, "Expected \(what).", code: "input_timeout")))
    turn.close(1_008, "timeout")
  }

  // MARK: Client messages

  package mutating func receive(_ message: SocketMessage, _ turn: inout SessionTurn<SocketAnswer>) {
    do throws(APIError) {
      var members = Members(try message.object())
      let type = try members.string("type") ?? ""
      if type == "session.config" { return try configure(&members, &turn) }
      guard settings != nil else {
        throw .invalid("type", "type: expected session.config first, found \"\(type.prefix(40))\".")
      }
      _ = try message.object(upTo: Self.longestMessage)
      switch type {
      case "input.text":
        guard let text = try members.string("text") else {
          throw .invalid("text", "text: expected a string, found none.")
        }
        try append(text, &turn)
      case "input.commit": try commit(&turn)
      case "input.done": try done(&turn)
      case "input.cancel":
        rest = ""
        for index in texts.indices {
          texts[index].isDone = true
          texts[index].isCancelled = true
        }
        turn.perform { $0.cancel() }
        endTexts(&turn)
      case "session.close": turn.close(1_000)
      default:
        throw .invalid(
          "type",
          "type: expected session.config, input.text, input.commit, input.done, input.cancel or "
            + "session.close, found \"\(type.prefix(40))\".")
      }
    } catch {
      turn.send(Self.error(error))
      if settings == nil { turn.close(1_008, "no session.config") }
    }
  }

  private mutating func configure(
    _ members: inout Members, _ turn: inout SessionTurn<SocketAnswer>
  ) throws(APIError) {
    guard texts.last?.isDone != false else {
      throw .invalid(
        "type", "session.config: expected it between two texts; send input.done first.")
    }
    if let inner = try members.object("session") { members = Members(inner) }
    let streams = try members.bool("stream_audio") ?? false
    let granularity = try members.word("split_granularity", as: Granularity.self) ?? .none
    var parameters = try SpeechParameters(settings: &members, format: .wav, limits: limits)
    parameters.speakAsWritten()
    settings = Settings(parameters: parameters, streams: streams, granularity: granularity)
    turn.send([
      "type": "session.configured", "session_id": .string(sessionID),
      "response_format": .string(parameters.format.rawValue), "stream_audio": .bool(streams),
      "split_granularity": .string(granularity.rawValue),
      "ignored_fields": .array(parameters.ignored.map { .string($0) }),
    ])
  }

  private mutating func append(
    _ text: String, _ turn: inout SessionTurn<SocketAnswer>
  ) throws(APIError) {
    guard !text.isEmpty else { return }
    if texts.last?.isDone != false {
      texts.append(Text(index: nextText))
      nextText += 1
    }
    guard let granularity = settings?.granularity, granularity != .none else {
      return try speak(text, &turn)
    }
    rest += text
    while let end = TextUnits.end(of: rest, atClauses: granularity == .clause)
      ?? (rest.utf8.count > Self.longestUnit ? rest.endIndex : nil)
    {
      let unit = String(rest[..<end])
      rest = String(rest[end...])
      try speak(unit, &turn)
      turn.perform { $0.endText() }
    }
  }

  /// Has text spoken: of the unit that is open, or of a new one.
  private mutating func speak(
    _ text: String, _ turn: inout SessionTurn<SocketAnswer>
  ) throws(APIError) {
    try turn.perform { session throws(APIError) in try session.append(text) }
    guard let unit = turn.session.utterances(of: "").last, units[unit.id] == nil, let settings
    else { return }
    let text = texts.count - 1
    units[unit.id] = Unit(
      utterance: texts[text].index, index: texts[text].opened, settings: settings)
    texts[text].opened += 1
  }

  /// Has everything spoken that was written.
  private mutating func flush(_ turn: inout SessionTurn<SocketAnswer>) throws(APIError) {
    let text = rest
    rest = ""
    if text.contains(where: { !$0.isWhitespace }) { try speak(text, &turn) }
    let last = turn.session.utterances(of: "").last?.id
    turn.perform { $0.endText() }
    // A unit of nothing but spaces was left out.
    if let last, turn.session.utterances(of: "").last?.id != last, units[last] != nil {
      units[last] = nil
      texts[texts.count - 1].opened -= 1
    }
  }

  private mutating func commit(_ turn: inout SessionTurn<SocketAnswer>) throws(APIError) {
    try flush(&turn)
    guard let last = texts.indices.last, !texts[last].isDone else {
      return turn.send([
        "type": "input.committed", "segment_index": 0, "segment_sentences": 0,
        "total_sentences": 0,
      ])
    }
    turn.send([
      "type": "input.committed", "segment_index": JSONValue(texts[last].commits),
      "segment_sentences": JSONValue(texts[last].opened - texts[last].committedUnits),
      "total_sentences": JSONValue(texts[last].opened),
    ])
    texts[last].commits += 1
    texts[last].committedUnits = texts[last].opened
  }

  private mutating func done(_ turn: inout SessionTurn<SocketAnswer>) throws(APIError) {
    if texts.last?.isDone != false {
      texts.append(Text(index: nextText))
      nextText += 1
    }
    let last = texts.count - 1
    texts[last].isDone = true
    try flush(&turn)
    endTexts(&turn)
  }

  // MARK: Server messages

  package mutating func report(
    _ step: SpeechSession.Step, _ turn: inout SessionTurn<SocketAnswer>
  ) {
    switch step {
    case .started(let utterance): start(utterance, &turn)
    case .sound(let utterance, let piece):
      guard var unit = units[utterance.id] else { return }
      unit.byteCount += piece.bytes.count
      unit.heard.append(piece.heard)
      if !unit.settings.streams {
        unit.bytes += piece.bytes
      } else if !piece.bytes.isEmpty {
        send(piece.bytes, of: &unit, utterance, &turn)
      }
      units[utterance.id] = unit
    case .ended(let utterance, let ending): end(utterance, ending, &turn)
    case .finished: turn.closeFinished()
    default: break
    }
  }

  private mutating func start(
    _ utterance: SpeechSession.Utterance, _ turn: inout SessionTurn<SocketAnswer>
  ) {
    guard let unit = units[utterance.id], !unit.hasStarted else { return }
    units[utterance.id]?.hasStarted = true
    let parameters = unit.settings.parameters
    var members = Self.members("audio.start", unit)
    members["id"] = .string("\(sessionID)-\(utterance.id)")
    members["sentence_text"] = .string(utterance.text)
    members["format"] = .string(parameters.format.rawValue)
    members["sample_rate"] = JSONValue(
      parameters.sampleRate ?? parameters.format.standardSampleRate)
    if unit.isTimed { members["word_timestamps"] = true }
    turn.send(members)
  }

  /// Sends sound: as it is, or with its place where times were asked for.
  private func send(
    _ bytes: [UInt8], of unit: inout Unit, _ utterance: SpeechSession.Utterance,
    _ turn: inout SessionTurn<SocketAnswer>
  ) {
    guard unit.isTimed else { return turn.send(.binary(bytes)) }
    let end = utterance.audioSeconds / unit.settings.parameters.speed
    sendChunk(bytes, of: unit, upTo: end, timestamps: .null, &turn)
    unit.chunks += 1
    unit.seconds = end
  }

  private func sendChunk(
    _ bytes: [UInt8], of unit: Unit, upTo end: Double, timestamps: JSONValue,
    _ turn: inout SessionTurn<SocketAnswer>
  ) {
    let parameters = unit.settings.parameters
    var members = Self.members("audio.chunk", unit)
    members["chunk_id"] = JSONValue(unit.chunks)
    members["chunk_start_ms"] = JSONValue(Int((unit.seconds * 1_000).rounded()))
    members["chunk_end_ms"] = JSONValue(Int((end * 1_000).rounded()))
    members["sample_rate"] = JSONValue(
      parameters.sampleRate ?? parameters.format.standardSampleRate)
    members["audio_b64"] = .string(Base64.encode(bytes))
    members["timestamps"] = timestamps
    turn.send(members)
  }

  private mutating func end(
    _ utterance: SpeechSession.Utterance, _ ending: SpeechSession.Ending,
    _ turn: inout SessionTurn<SocketAnswer>
  ) {
    start(utterance, &turn)
    guard var unit = units.removeValue(forKey: utterance.id) else { return }
    var members = Self.members("audio.done", unit)
    members["total_bytes"] = JSONValue(unit.byteCount)
    members["error"] = false
    switch ending {
    case .whole(let metrics):
      if !unit.settings.streams { send(unit.bytes, of: &unit, utterance, &turn) }
      if unit.isTimed {
        sendChunk([], of: unit, upTo: unit.seconds, timestamps: unit.heard.timestamps, &turn)
      }
      members["finish_reason"] = .string(metrics.finishReason.rawValue)
    case .cancelled:
      members["cancelled"] = true
      members["audio_seconds"] = .number(utterance.audioSeconds)
      members["spoken_text"] = .string(
        CharacterTimes.said(of: utterance.text, in: utterance.audioSeconds))
    case .failed(let error):
      var error = Self.error(error)
      error["partial_audio"] = .bool(unit.byteCount > 0)
      error["action"] = "discard"
      turn.send(error)
      members["error"] = true
    }
    turn.send(members)
    if let text = texts.firstIndex(where: { $0.index == unit.utterance }) { texts[text].ended += 1 }
    endTexts(&turn)
  }

  /// Tells of the texts that have been said.
  private mutating func endTexts(_ turn: inout SessionTurn<SocketAnswer>) {
    while let first = texts.first, first.isDone, first.ended == first.opened {
      texts.removeFirst()
      var members: [String: JSONValue] = [
        "type": "session.done", "utterance_index": JSONValue(first.index),
        "total_sentences": JSONValue(first.opened),
      ]
      if first.isCancelled { members["cancelled"] = true }
      turn.send(members)
    }
  }

  private static func members(_ type: String, _ unit: Unit) -> [String: JSONValue] {
    [
      "type": .string(type), "utterance_index": JSONValue(unit.utterance),
      "sentence_index": JSONValue(unit.index),
    ]
  }

  private static func error(_ error: APIError) -> [String: JSONValue] {
    [
      "type": "error", "message": .string(error.message), "error_type": .string(error.type),
      "param": JSONValue(error.parameter), "code": JSONValue(error.code),
    ]
  }
}

/// Where a text that is being written can be cut.
enum TextUnits {
  private static let sentenceEnds: Set<Character> = [".", "!", "?", "…", "。", "！", "？"]
  private static let clauseEnds: Set<Character> = [",", ";", ":", "，", "；", "：", "、"]
  /// Those after which no space comes.
  private static let wideEnds: Set<Character> = ["。", "！", "？", "，", "；", "：", "、"]

  /// The end of the first sentence, or clause; `nil` while it may continue.
  static func end(of text: String, atClauses: Bool) -> String.Index? {
    var index = text.startIndex
    var isSpeakable = false
    while index < text.endIndex {
      let character = text[index]
      let next = text.index(after: index)
      let isEnd =
        character.isNewline || sentenceEnds.contains(character)
        || atClauses && clauseEnds.contains(character)
      if isEnd, isSpeakable, next < text.endIndex {
        let following = text[next]
        if following.isWhitespace || character.isNewline { return text.index(after: next) }
        if wideEnds.contains(character), !sentenceEnds.contains(following) { return next }
      }
      if character.isLetter || character.isNumber { isSpeakable = true }
      index = next
    }
    return nil
  }
}
#endif
