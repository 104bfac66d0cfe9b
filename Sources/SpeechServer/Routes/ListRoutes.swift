// SPDX-License-Identifier: MIT
#if Server
import Foundation
import HTTPTypes
import Hummingbird
import Qwen3TTS

/// Models and voices.
struct ListRoutes: Sendable {
  let service: SpeechService
  let voices: VoiceDirectory
  let limits: ServerLimits
  let fetch: ReferenceFetcher

  func add(to router: Router<ServerContext>) {
    router.get("/v1/models") { request, _ in models(for: request) }
    router.get("/v1/models/:id") { _, context in
      Response.json(Self.members(try service.model(named: context.parameters.require("id"))))
    }
    router.get("/v1/audio/models") { _, _ in
      Response.json([
        "models": .array(
          service.models.map { ["id": .string($0.name), "name": .string($0.name)] })
      ])
    }
    router.get("/v1/audio/voices") { request, _ in voices(for: request) }
    router.get("/v1/audio/voices/:id") { _, context in
      try voice(context.parameters.require("id"))
    }
    router.post("/v1/audio/voices") { request, context in
      try await upload(request, context)
    }
    router.delete("/v1/audio/voices/:id") { _, context in
      let name = try context.parameters.require("id")
      guard try voices.delete(name) else { throw missing(name) }
      return Response.json([
        "id": .string(name), "object": "audio.voice.deleted", "deleted": true, "success": true,
        "message": .string("The voice \(name) was deleted."),
      ])
    }
    router.get("/v1/audio/voice_consents") { _, _ in Response.json(["object": "list", "data": []]) }
    router.post("/v1/audio/voice_consents") { request, context in
      // Whose voice may be cloned is the owner's to judge: the label is stored with the voice.
      _ = try await limits.collect(request.body, upTo: limits.uploadBytes)
      return Response.json(["id": .string("consent_" + context.requestID), "object": "audio.voice_consent"])
    }
  }

  // MARK: Models

  private static func members(_ model: ServedModel) -> JSONValue {
    [
      "id": .string(model.name), "object": "model", "created": .integer(Int64(model.created)),
      "owned_by": "qwen",
    ]
  }

  private func models(for request: Request) -> Response {
    // ElevenLabs' clients ask for the same path and read a bare array.
    if request.headers[.xiAPIKey] != nil, request.headers[.authorization] == nil {
      return Response.json(
        .array(
          service.models.map { model in
            [
              "model_id": .string(model.name), "name": .string(model.name),
              "can_do_text_to_speech": true,
              "languages": .array(
                model.engine.languages.map { ["language_id": .string($0), "name": .string($0)] }),
            ]
          }))
    }
    return Response.json(["object": "list", "data": .array(service.models.map(Self.members))])
  }

  // MARK: Voices

  private func presets() -> [JSONValue] {
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

  private static func members(_ card: VoiceDirectory.Card, id: String) -> JSONValue {
    [
      "id": .string(id), "name": .string(id), "object": "audio.voice", "type": .string(card.type),
      "created_at": .integer(Int64(card.createdAt)),
      "languages": .array(card.language.map { [.string($0)] } ?? []),
      "description": .string(card.description ?? ""),
    ]
  }

  /// What vLLM-Omni says of an uploaded voice.
  private static func details(_ card: VoiceDirectory.Card, id: String) -> JSONValue {
    [
      "name": .string(id), "consent": card.consent.map { .string($0) } ?? nil,
      "created_at": .integer(Int64(card.createdAt)),
      "file_size": card.fileSize.map { .integer(Int64($0)) } ?? nil,
      "mime_type": card.mimeType.map { .string($0) } ?? nil,
      "embedding_source": .string(card.type == "embedding" ? "direct" : "audio"),
      "ref_text": card.transcript.map { .string($0) } ?? nil,
      "speaker_description": card.description.map { .string($0) } ?? nil,
    ]
  }

  private func voices(for request: Request) -> Response {
    let names = voices.uploadedNames
    if request.uri.queryParameters["names_only"] == "true" {
      return Response.json(["uploaded_voice_names": .array(names.map { .string($0) })])
    }
    let cards = names.map { (id: $0, card: voices.card($0)) }
    let all = presets() + cards.map { Self.members($0.card, id: $0.id) }
    let plain: [JSONValue] = all.compactMap {
      guard case .object(let members) = $0 else { return nil }
      return members["name"]
    }
    return Response.json([
      "object": "list", "data": .array(all),
      "voices": .array(request.uri.queryParameters["format"] == "names" ? plain : all),
      "uploaded_voices": .array(cards.map { Self.details($0.card, id: $0.id) }),
    ])
  }

  private func voice(_ id: String) throws -> Response {
    if let name = voices.uploadedNames.first(where: { $0.lowercased() == id.lowercased() }) {
      return Response.json(Self.members(voices.card(name), id: name))
    }
    let preset = presets().first { member in
      guard case .object(let members) = member else { return false }
      return members["id"] == .string(id.lowercased())
    }
    guard let preset else { throw missing(id) }
    return Response.json(preset)
  }

  private func missing(_ name: String) -> APIError {
    .notFound("There is no voice \"\(name.prefix(64))\".", code: "voice_not_found")
  }

  // MARK: Upload

  private func upload(_ request: Request, _ context: ServerContext) async throws -> Response {
    if let unavailable = service.unavailable { throw unavailable }
    let type = request.headers[.contentType] ?? ""
    let body = try await limits.collect(request.body, upTo: limits.bodyBytes)
    let form: VoiceForm
    if type.lowercased().hasPrefix("application/json") {
      form = try VoiceForm(json: JSONText.object(body))
    } else {
      form = try VoiceForm(
        MultipartForm(Array(body.readableBytesView), contentType: type), limit: limits.uploadBytes)
    }
    try voices.check(name: form.name, models: service.models)
    guard let model = service.models.first(where: { $0.engine.voices.isEmpty }) else {
      throw APIError.invalid(
        "model",
        "A voice needs a Base model, and none is served: start the server with --model 0.6B-Base "
          + "or 1.7B-Base.")
    }
    var card = VoiceDirectory.Card(
      type: form.embedding == nil ? "audio_sample" : "embedding", name: form.name,
      createdAt: Int(Date.now.timeIntervalSince1970))
    card.consent = form.consent
    card.description = form.description
    card.language = form.language
    card.transcript = form.transcript
    card.mimeType = form.audioType
    card.fileSize = form.audio?.count
    let voice: ClonedVoice
    if let embedding = form.embedding {
      voice = try ClonedVoice(
        embedding: embedding, codes: [], transcript: nil, origin: "an embedding that was uploaded")
    } else if let audio = form.audio {
      voice = try await fetch.withTemporaryFile(audio) { path in
        try await model.engine.makeVoice(
          from: path, options: VoiceOptions(transcript: form.transcript))
      }.voice
    } else {
      throw APIError.invalid(
        "audio_sample", "audio_sample: expected a recording or a speaker_embedding, found neither.")
    }
    if let problem = model.engine.problem(with: voice) {
      throw APIError.invalid("speaker_embedding", "speaker_embedding: \(problem)")
    }
    try voices.store(voice, card, overwrite: form.overwrites)
    guard case .object(var members) = Self.members(card, id: form.name) else { return Response.json([]) }
    members["success"] = true
    members["voice"] = Self.details(card, id: form.name)
    return Response.json(.object(members))
  }
}

/// The members of an upload, as a form or as JSON.
struct VoiceForm {
  var name: String
  var audio: [UInt8]?
  var audioType: String?
  var embedding: [Float]?
  var transcript: String?
  var description: String?
  var consent: String?
  var language: String?
  var overwrites = false

  init(_ form: MultipartForm, limit: Int) throws(APIError) {
    guard let name = form.text("name") else {
      throw .invalid("name", "name: expected the name of the voice, found none.")
    }
    self.name = name
    if let part = form["audio_sample"] ?? form["audio"] {
      guard part.bytes.count <= limit else { throw .tooLarge(limit: limit) }
      audio = part.bytes
      audioType = part.contentType
    }
    if let text = form.text("speaker_embedding") {
      guard case .object(let object) = Self.wrapped(text) else {
        throw .invalid("speaker_embedding", "speaker_embedding: expected an array of numbers.")
      }
      var members = Members(object)
      embedding = try members.numbers("speaker_embedding")
    }
    transcript = form.text("ref_text").flatMap { $0.isEmpty ? nil : $0 }
    description = form.text("speaker_description") ?? form.text("description")
    consent = form.text("consent")
    language = form.text("language")
    overwrites = form.text("overwrite")?.lowercased() == "true"
  }

  init(json object: [String: JSONValue]) throws(APIError) {
    var members = Members(object)
    guard let name = try members.string("name") else {
      throw .invalid("name", "name: expected the name of the voice, found none.")
    }
    self.name = name
    if let text = try members.string("audio_base64", "wav_b64", "audio_sample") {
      guard let bytes = Base64.decode(text), !bytes.isEmpty else {
        throw .invalid("audio_base64", "audio_base64: expected base64, found something else.")
      }
      audio = bytes
    }
    embedding = try members.numbers("speaker_embedding")
    transcript = try members.string("ref_text")
    description = try members.string("speaker_description", "description")
    consent = try members.string("consent")
    language = try members.string("language")
    overwrites = try members.bool("overwrite") ?? false
  }

  /// JSON text as a member of an object.
  private static func wrapped(_ text: String) -> JSONValue {
    let data = Data("{\"speaker_embedding\":\(text)}".utf8)
    return (try? JSONDecoder().decode(JSONValue.self, from: data)) ?? nil
  }
}
#endif
