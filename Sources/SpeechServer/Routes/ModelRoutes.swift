// SPDX-License-Identifier: MIT
#if Server
import HTTPTypes
import Hummingbird
import Qwen3TTS

/// The models, in each of the shapes that clients read.
struct ModelRoutes: Sendable {
  let service: SpeechService

  func add(to router: Router<ServerContext>) {
    router.get("/v1/models") { request, _ in models(for: request) }
    router.get("/v1/models/:id") { _, context in
      Response.json(Self.members(try service.model(named: context.id())))
    }
    // Open WebUI asks for these.
    router.get("/v1/audio/models") { _, _ in
      Response.json([
        "models": .array(
          service.models.map { ["id": .string($0.name), "name": .string($0.name)] })
      ])
    }
  }

  private static func members(_ model: ServedModel) -> JSONValue {
    [
      "id": .string(model.name), "object": "model", "created": .integer(Int64(model.created)),
      "owned_by": "qwen", "kind": .string(model.engine.kind.rawValue),
    ]
  }

  private func models(for request: Request) -> Response {
    // ElevenLabs' clients ask for the same path and read a bare array.
    guard request.headers[.xiAPIKey] != nil, request.headers[.authorization] == nil else {
      return Response.json(["object": "list", "data": .array(service.models.map(Self.members))])
    }
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
}
#endif
