// SPDX-License-Identifier: MIT
#if Server
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Qwen3TTS

/// Voices: lists, uploads, designs, and what was said of whose they are.
struct VoiceRoutes: Sendable {
  let service: SpeechService
  let voices: VoiceDirectory
  let limits: ServerLimits

  func add(to router: Router<ServerContext>) {
    router.get("/v1/audio/voices") { request, _ in list(for: request) }
    router.get("/v1/audio/voices/:id") { _, context in
      Response.json(.object(try voice(context.id())))
    }
    router.post("/v1/audio/voices") { request, _ in
      Response.json(.object(try await upload(request)))
    }
    router.delete("/v1/audio/voices/:id") { _, context in
      try delete(context.id())
    }
    router.get("/v1/audio/voice_consents") { _, _ in
      Response.json(["object": "list", "data": .array(voices.consents.map(Self.members))])
    }
    router.post("/v1/audio/voice_consents") { request, _ in try await addConsent(request) }
  }

  // MARK: Lists

  private func presets() -> [[String: JSONValue]] {
    var seen: Set<String> = []
    return service.models.flatMap { model in
      model.engine.voices.filter { seen.insert($0).inserted }.map { name in
        [
          "id": .string(name), "name": .string(name), "object": "audio.voice", "type": "preset",
          "languages": .array(model.engine.languages.map { .string($0) }),
          "description": .string("A voice of \(model.name)."),
        ]
      }
    }
  }

  /// OpenAI's object.
  private static func members(_ card: VoiceDirectory.Card, id: String) -> [String: JSONValue] {
    var members: [String: JSONValue] = [
      "id": .string(id), "name": .string(id), "object": "audio.voice", "type": .string(card.type),
      "created_at": .integer(Int64(card.createdAt)),
      "languages": .array(card.language.map { [.string($0)] } ?? []),
      "description": .string(card.description ?? ""),
    ]
    if let prompt = card.prompt { members["prompt"] = .string(prompt) }
    return members
  }

  /// What vLLM-Omni says of an uploaded voice.
  private static func details(_ card: VoiceDirectory.Card, id: String) -> JSONValue {
    [
      "name": .string(id), "consent": JSONValue(card.consent),
      "created_at": .integer(Int64(card.createdAt)), "file_size": JSONValue(card.fileSize),
      "mime_type": JSONValue(card.mimeType),
      "embedding_source": .string(card.type == "embedding" ? "direct" : "audio"),
      "embedding_dim": JSONValue(card.width), "ref_text": JSONValue(card.transcript),
      "speaker_description": JSONValue(card.description),
    ]
  }

  /// All voices, as OpenAI's objects.
  var all: [[String: JSONValue]] {
    presets() + voices.uploadedNames.map { Self.members(voices.card($0), id: $0) }
  }

  private func list(for request: Request) -> Response {
    let names = voices.uploadedNames
    if request.uri.queryParameters["names_only"] == "true" {
      return Response.json(["uploaded_voice_names": .array(names.map { .string($0) })])
    }
    let cards = names.map { (id: $0, card: voices.card($0)) }
    let all = all
    let objects = all.map { JSONValue.object($0) }
    return Response.json([
      "object": "list", "data": .array(objects),
      "voices": .array(
        request.uri.queryParameters["format"] == "names" ? all.compactMap { $0["name"] } : objects),
      "uploaded_voices": .array(cards.map { Self.details($0.card, id: $0.id) }),
    ])
  }

  /// One voice, as OpenAI's object.
  ///
  /// - Throws: `APIError` 404 where there is none of this id.
  func voice(_ id: String) throws -> [String: JSONValue] {
    let name = voices.uploadedName(id) ?? id.lowercased()
    guard let voice = all.first(where: { $0["id"] == .string(name) }) else { throw missing(id) }
    return voice
  }

  private func delete(_ id: String) throws -> Response {
    guard let name = try voices.delete(id) else { throw missing(id) }
    return Response.json([
      "id": .string(name), "object": "audio.voice.deleted", "deleted": true, "success": true,
      "message": .string("The voice \(name) was deleted."),
    ])
  }

  private func missing(_ name: String) -> APIError {
    .notFound("There is no voice \"\(name.prefix(64))\".", code: "voice_not_found")
  }

  // MARK: Upload

  /// Takes the voice of a request, and returns OpenAI's object of it with vLLM-Omni's in it.
  func upload(_ request: Request) async throws -> [String: JSONValue] {
    if let unavailable = service.unavailable { throw unavailable }
    let form = try await VoiceForm(request, limits)
    try voices.check(name: form.name, models: service.models, overwrite: form.overwrites)
    let base = try service.model(named: nil, kind: .base)
    var card = VoiceDirectory.Card(
      type: form.content.type, name: form.name, createdAt: Int(Date.now.timeIntervalSince1970))
    card.consent = form.consent
    card.description = form.description
    card.language = form.language
    card.transcript = form.transcript
    let made = try await make(form, with: base, &card)
    card.width = made.voice.width
    if let problem = base.engine.problem(with: made.voice) {
      throw APIError.invalid("speaker_embedding", problem)
    }
    try voices.store(made.voice, card)
    var members = Self.members(card, id: form.name)
    members["success"] = true
    members["voice"] = Self.details(card, id: form.name)
    members["notices"] = .array(made.notices.map { .string($0) })
    return members
  }

  private func make(
    _ form: VoiceForm, with base: ServedModel, _ card: inout VoiceDirectory.Card
  ) async throws -> VoiceCreation {
    switch form.content {
    case .embedding(let values, let codes):
      return VoiceCreation(
        voice: try ClonedVoice(
          embedding: values, codes: codes, transcript: codes.isEmpty ? nil : form.transcript,
          origin: "an embedding that was uploaded"))
    case .recording(let bytes, let type):
      card.mimeType = type
      card.fileSize = bytes.count
      return try await voices.make(from: bytes, transcript: form.transcript, with: base)
    case .prompt(let prompt, let script):
      card.prompt = prompt
      card.transcript = script
      let designer = try service.model(named: form.model, kind: .voiceDesign)
      return try await designer.engine.designVoice(
        prompt, saying: script, language: form.language ?? "auto", for: base.engine)
    }
  }

  // MARK: Consents

  private static func members(_ consent: VoiceDirectory.Consent) -> JSONValue {
    [
      "id": .string(consent.id), "object": "audio.voice_consent", "name": .string(consent.name),
      "language": JSONValue(consent.language), "created_at": .integer(Int64(consent.createdAt)),
    ]
  }

  /// Stores the label of a consent. Whose voice may be cloned is the owner's to judge: the recording that
  /// may come with it is not kept.
  private func addConsent(_ request: Request) async throws -> Response {
    let form = try await MultipartForm(request, limits)
    guard let name = form.text("name"), !name.isEmpty, name.count <= 200 else {
      throw APIError.invalid("name", "name: expected 1 to 200 characters.")
    }
    let number = UInt128.random(in: .min ... .max)
    let consent = VoiceDirectory.Consent(
      id: "consent_" + String(number, radix: 36), name: name, language: form.text("language"),
      createdAt: Int(Date.now.timeIntervalSince1970))
    try voices.store(consent)
    return Response.json(Self.members(consent))
  }
}

extension MultipartForm {
  /// The form in a request's body.
  ///
  /// - Throws: `APIError`: 415 for another type, 413 above the limit, 400 for a form that cannot be read.
  init(_ request: Request, _ limits: ServerLimits) async throws {
    let body = try await limits.collect(request.body, upTo: limits.recordingBodyBytes)
    try self.init(
      Array(body.readableBytesView), contentType: request.headers[.contentType] ?? "")
  }
}
#endif
