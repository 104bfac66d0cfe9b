// SPDX-License-Identifier: MIT
#if Server
import Audio
import Qwen3TTS

/// Wyoming's speech, as Home Assistant asks for it.
///
/// | client | server |
/// | --- | --- |
/// | `describe` | `info` |
/// | `synthesize` | `audio-start`, `audio-chunk` …, `audio-stop` |
/// | `synthesize-start`, `synthesize-chunk` …, `synthesize-stop` | the same from the first words on, `synthesize-stopped` |
/// | `ping` | `pong` |
package struct WyomingSession: SessionProtocol {
  /// What a model can say, for `describe`.
  package struct Program: Sendable {
    var name: String
    var voices: [String]
    /// As the engine names them.
    var languages: [String]

    package init(name: String, voices: [String], languages: [String]) {
      self.name = name
      self.voices = voices
      self.languages = languages
    }
  }

  private struct Request {
    var parameters: SpeechParameters
    /// Whether it began with `synthesize-start`.
    var isStream: Bool
  }

  private let programs: [Program]
  private let version: String
  private let limits: SpeechParameters.Limits
  private var model: String?
  private var requests: [SpeechSession.ID: Request] = [:]
  /// The stream whose text is being written.
  private var stream: Request?
  private var hasChunks = false
  /// The whole text, which clients send within a stream for servers that know no streams.
  private var copy: String?

  private static let format: [String: JSONValue] = ["rate": 24_000, "width": 2, "channels": 1]

  package init(programs: [Program], version: String, limits: SpeechParameters.Limits) {
    self.programs = programs
    self.version = version
    self.limits = limits
  }

  package var idleLimit: Duration? { .seconds(60) }

  package func parameters(
    for id: SpeechSession.ID, in context: String
  ) -> SpeechParameters {
    requests[id]?.parameters ?? stream?.parameters ?? SpeechParameters()
  }

  package mutating func begin(_ turn: inout SessionTurn<WyomingEvent>) {}

  package mutating func idle(_ turn: inout SessionTurn<WyomingEvent>) { turn.end() }

  // MARK: Client events

  package mutating func receive(
    _ event: WyomingEvent, _ turn: inout SessionTurn<WyomingEvent>
  ) {
    do throws(APIError) {
      var members = Members(event.data)
      switch event.type {
      case "describe": turn.send(info)
      case "ping": turn.send(WyomingEvent("pong", event.data))
      case "select-program": model = try members.string("name")
      case "synthesize": try synthesize(&members, &turn)
      case "synthesize-start":
        try endStream(&turn)
        stream = Request(parameters: try parameters(&members, isLive: true), isStream: true)
      case "synthesize-chunk":
        guard stream != nil else {
          throw .invalid("type", "synthesize-chunk: expected synthesize-start first.")
        }
        let text = try members.string("text") ?? ""
        hasChunks = hasChunks || !text.isEmpty
        try speak(text, &turn)
      case "synthesize-stop": try endStream(&turn)
      default: break
      }
    } catch {
      fail(error, &turn)
    }
  }

  private mutating func synthesize(
    _ members: inout Members, _ turn: inout SessionTurn<WyomingEvent>
  ) throws(APIError) {
    let text = try members.string("text") ?? ""
    guard stream == nil else {
      copy = text
      return
    }
    guard text.contains(where: { !$0.isWhitespace }) else {
      throw .invalid("text", "text: expected a text to speak, found none.", code: "empty-text")
    }
    let request = Request(parameters: try parameters(&members, isLive: false), isStream: false)
    try speak(text, as: request, &turn)
    turn.perform { $0.endText() }
  }

  private mutating func endStream(_ turn: inout SessionTurn<WyomingEvent>) throws(APIError) {
    guard let request = stream else { return }
    defer {
      stream = nil
      hasChunks = false
      copy = nil
    }
    if !hasChunks, let copy { try speak(copy, &turn) }
    let isOpen = turn.session.utterances(of: "").last.map { !$0.isComplete && $0.isSpeaking }
    let isWaiting = turn.session.utterances(of: "").last.map {
      !$0.isComplete && $0.text.contains { !$0.isWhitespace }
    }
    turn.perform { $0.endText() }
    // Where there was nothing to say, nothing tells of its end.
    if isOpen != true, isWaiting != true, request.isStream {
      turn.send(WyomingEvent("synthesize-stopped"))
    }
  }

  private mutating func speak(
    _ text: String, as request: Request? = nil, _ turn: inout SessionTurn<WyomingEvent>
  ) throws(APIError) {
    try turn.perform { session throws(APIError) in try session.append(text) }
    guard let utterance = turn.session.utterances(of: "").last, let request = request ?? stream
    else { return }
    requests[utterance.id] = request
  }

  private func parameters(
    _ members: inout Members, isLive: Bool
  ) throws(APIError) -> SpeechParameters {
    if let format = try members.string("text_format"), format != "text" {
      throw .invalid(
        "text_format", "text_format: expected text, found \"\(format.prefix(20))\".",
        code: "text-format-unsupported")
    }
    var parameters = SpeechParameters()
    parameters.format = .pcm
    parameters.model = model
    parameters.options.frameCeiling = limits.frames
    if isLive { parameters.speakAsWritten() }
    guard let object = try members.object("voice") else { return parameters }
    var voice = Members(object)
    if let name = try voice.string("speaker", "name") { parameters.voice = .named(name) }
    let program = programs.first { $0.name == model } ?? programs.first
    if let language = try voice.string("language").map(LanguageCodes.name),
      program?.languages.contains(language) == true
    {
      parameters.options.language = language
    }
    return parameters
  }

  // MARK: Server events

  private var info: WyomingEvent {
    let attribution: JSONValue = [
      "name": "swift-qwen3-tts", "url": "https://github.com/QwenLM/Qwen3-TTS",
    ]
    let programs = programs.map { program -> JSONValue in
      let languages = program.languages.compactMap(LanguageCodes.code(of:)).sorted()
      let voices = program.voices.map { name -> JSONValue in
        [
          "name": .string(name), "description": .string(name), "attribution": attribution,
          "installed": true, "version": .string(version), "speakers": .null,
          "languages": .array(languages.map { .string($0) }),
        ]
      }
      return [
        "name": .string(program.name), "description": .string("Qwen3-TTS, \(program.name)"),
        "attribution": attribution, "installed": true, "version": .string(version),
        "voices": .array(voices), "supports_synthesize_streaming": true,
      ]
    }
    return WyomingEvent(
      "info",
      [
        "tts": .array(programs), "asr": [], "handle": [], "intent": [], "wake": [], "mic": [],
        "snd": [],
      ])
  }

  package mutating func report(
    _ step: SpeechSession.Step, _ turn: inout SessionTurn<WyomingEvent>
  ) {
    switch step {
    case .started: turn.send(WyomingEvent("audio-start", Self.format))
    case .sound(_, let piece):
      turn.send(WyomingEvent("audio-chunk", Self.format, payload: piece.bytes))
    case .ended(let utterance, let ending):
      let request = requests.removeValue(forKey: utterance.id)
      if case .failed(let error) = ending {
        fail(error, &turn)
      } else if utterance.hasStarted {
        turn.send(WyomingEvent("audio-stop"))
      }
      if request?.isStream == true { turn.send(WyomingEvent("synthesize-stopped")) }
    case .finished: turn.end()
    default: break
    }
  }

  private func fail(_ error: APIError, _ turn: inout SessionTurn<WyomingEvent>) {
    let code = (error.code ?? error.type).replacing("_", with: "-")
    turn.send(WyomingEvent("error", ["text": .string(error.message), "code": .string(code)]))
  }
}
#endif
