// SPDX-License-Identifier: MIT
#if Server
import Audio
import HTTPTypes
import Hummingbird
import NIOCore
import Qwen3TTS

/// ElevenLabs' routes: speech with and without times, its sockets, and its lists.
struct ElevenLabsRoutes: Sendable {
  let speeches: SpeechStarter
  let voices: VoiceRoutes
  let sockets: SocketRoutes
  let limits: ServerLimits

  private static let route = "/v1/text-to-speech/{voice}"

  func add(to router: Router<ServerContext>) {
    for (ending, isTimed) in [
      ("", false), ("/stream", false), ("/with-timestamps", true),
      ("/stream/with-timestamps", true),
    ] {
      router.post(RouterPath("/v1/text-to-speech/:id\(ending)")) { request, context in
        try await speak(
          request, context, route: Self.route + ending, isTimed: isTimed,
          isStreamed: ending.hasPrefix("/stream"))
      }
    }
    for (ending, hasContexts) in [("stream-input", false), ("multi-stream-input", true)] {
      router.get(RouterPath("/v1/text-to-speech/:id/\(ending)")) { request, context in
        let query = request.uri.queryParameters
        let seconds = query["inactivity_timeout"].flatMap { Int($0) } ?? 20
        let voice = try context.id()
        let stream = try ElevenLabsStream(
          hasContexts: hasContexts, patience: .seconds(min(max(seconds, 1), 180)),
          settings: { members throws(APIError) in try parameters(voice, query, &members) })
        return try await sockets.answer(request, context, "\(Self.route)/\(ending)", stream)
      }
    }
    router.get("/v1/voices") { _, _ in Response.json(["voices": .array(list)]) }
    router.get("/v2/voices") { _, _ in
      Response.json([
        "voices": .array(list), "has_more": false, "total_count": JSONValue(list.count),
        "next_page_token": .null,
      ])
    }
    router.get("/v1/voices/:id") { _, context in
      Response.json(Self.members(try voices.voice(context.id())))
    }
    router.post("/v1/voices/add") { request, _ in
      let members = try await voices.upload(request)
      return Response.json(["voice_id": members["id"] ?? .null, "requires_verification": false])
    }
    // Some clients ask for these before they speak.
    router.get("/v1/user") { _, _ in
      Response.json(["user_id": "local", "subscription": Self.subscription])
    }
    router.get("/v1/user/subscription") { _, _ in Response.json(Self.subscription) }
  }

  private func parameters(
    _ voice: String, _ query: Parameters, _ members: inout Members
  ) throws(APIError) -> SpeechParameters {
    let models = speeches.service.models
    return try ElevenLabs.parameters(
      voice: voice, query: query, members: &members,
      languages: models.flatMap(\.engine.languages), models: models.map(\.name),
      limits: limits.request)
  }

  // MARK: Speech

  private func speak(
    _ request: Request, _ context: ServerContext, route: String, isTimed: Bool, isStreamed: Bool
  ) async throws -> Response {
    try speeches.service.checkIsAvailable()
    var members = Members(try await limits.object(of: request.body, upTo: limits.bodyBytes))
    let text = try members.string("text") ?? ""
    guard text.contains(where: { !$0.isWhitespace }) else {
      throw APIError.refused(
        422, "text: expected some, found none.", code: "missing", parameter: "text")
    }
    guard text.count <= limits.request.inputCharacters else {
      throw APIError.tooLong(limits.request.inputCharacters)
    }
    var parameters = try parameters(context.id(), request.uri.queryParameters, &members)
    parameters.options.timestamps = isTimed
    let (job, _) = try await speeches.start(
      parameters, .whole(text),
      for: .init(id: context.requestID, route: route, key: context.key), context.logger)
    let connection = await context.connection
    connection?.onGone { job.record.cancel() }
    let headers: HTTPFields = [
      .contentType: isTimed ? "application/json" : parameters.format.contentType,
      .cacheControl: "no-store", .accelBuffering: "no", .elevenLabsRequestID: context.requestID,
    ]
    guard isStreamed || !isTimed else {
      defer { connection?.forget() }
      let whole = try await SpeechBytes.whole(job, parameters, figures: speeches.service.metrics)
      return Response(
        status: .ok, headers: headers,
        body: ResponseBody(
          byteBuffer: ByteBuffer(string: Self.timed(whole.bytes, whole.heard).text)))
    }
    let bytes = try SpeechBytes(job, parameters, figures: speeches.service.metrics)
    // Headers leave with the first sound, so that what fails before is a plain error.
    let first = try await bytes.nextPiece() ?? SpeechPiece()
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        defer { connection?.forget() }
        var piece: SpeechPiece? = first
        while let current = piece {
          try await writer.write(
            isTimed
              // A line for each piece.
              ? ByteBuffer(string: Self.timed(current.bytes, current.heard).text + "\n")
              : ByteBuffer(bytes: current.bytes))
          piece = try await bytes.nextPiece()
        }
        try await writer.finish(nil)
      })
  }

  private static func timed(_ bytes: [UInt8], _ heard: HeardText) -> JSONValue {
    let alignment = heard.alignment
    return [
      "audio_base64": .string(Base64.encode(bytes)), "alignment": alignment,
      "normalized_alignment": alignment,
    ]
  }

  // MARK: Lists

  private var list: [JSONValue] { voices.all.map(Self.members) }

  /// ElevenLabs' object of a voice.
  private static func members(_ voice: [String: JSONValue]) -> JSONValue {
    let category: JSONValue =
      switch voice["type"] {
      case "preset": "premade"
      case "prompt": "generated"
      default: "cloned"
      }
    return [
      "voice_id": voice["id"] ?? .null, "name": voice["name"] ?? .null, "category": category,
      "labels": [:], "description": voice["description"] ?? .null, "preview_url": .null,
    ]
  }

  private static let subscription: JSONValue = [
    "tier": "local", "character_count": 0, "character_limit": 1_000_000_000, "status": "active",
  ]
}

extension HTTPField.Name {
  static let elevenLabsRequestID = name("request-id")
}
#endif
