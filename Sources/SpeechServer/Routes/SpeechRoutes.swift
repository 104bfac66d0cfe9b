// SPDX-License-Identifier: MIT
#if Server
import Audio
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Qwen3TTS

/// `/v1/audio/speech`: OpenAI's route, the batch, and what became of a speech.
struct SpeechRoutes: Sendable {
  let service: SpeechService
  let voices: VoiceDirectory
  let limits: ServerLimits

  func add(to router: Router<ServerContext>) {
    router.post("/v1/audio/speech") { request, context in
      try await speak(request, context)
    }
    router.post("/v1/audio/speech/batch") { request, context in
      try await batch(request, context)
    }
    router.get("/v1/audio/speech/:id") { _, context in
      Response.json(try state(of: context.parameters.require("id")))
    }
    router.delete("/v1/audio/speech/:id") { _, context in
      let id = try context.parameters.require("id")
      guard let record = service.record(id) else { throw unknown(id) }
      record.cancel()
      return Response.json(["request_id": .string(id), "cancelled": .bool(record.state.end == nil)])
    }
  }

  // MARK: One speech

  private func speak(_ request: Request, _ context: ServerContext) async throws -> Response {
    if let unavailable = service.unavailable { throw unavailable }
    let parameters = try SpeechParameters(
      try await object(of: request), limits: limits.request)
    let isWhole = request.headers[.prefer]?.lowercased().contains("wait") == true
    let job = try await start(parameters, id: context.requestID, route: "/v1/audio/speech")
    let presence = await context.presence
    presence?.onGone { job.record.cancel() }
    let bytes = try SpeechBytes(job, parameters, metrics: service.metrics)
    // Headers leave with the first sound, so that what fails before is a plain error.
    let first = try await bytes.next() ?? []
    var headers = headers(parameters, job: job)
    if isWhole {
      var body = first
      while let more = try await bytes.next() { body += more }
      presence?.forget()
      headers.append(contentsOf: await endHeaders(bytes))
      return Response(
        status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
    let format = parameters.format
    guard parameters.streamFormat == .sse else {
      headers[.trailer] = Self.endNames.map(\.rawName).joined(separator: ", ")
      return Response(
        status: .ok, headers: headers,
        body: ResponseBody { writer in
          defer { presence?.forget() }
          // What is thrown here cuts the connection: a short file must not look whole.
          try await writer.write(ByteBuffer(bytes: first))
          while let more = try await bytes.next() {
            try await writer.write(ByteBuffer(bytes: more))
          }
          try await writer.finish(endHeaders(bytes))
        })
    }
    headers[.contentType] = "text/event-stream"
    let requestID = context.requestID
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        defer { presence?.forget() }
        do {
          try await writer.write(Self.delta(first, format))
          while let more = try await bytes.next() {
            try await writer.write(Self.delta(more, format))
          }
          try await writer.write(Self.done(bytes.metrics))
        } catch {
          guard job.record.state.finishReason == "error" else { throw error }
          context.logger.error(
            "failed", metadata: ["id": .string(requestID), "error": .string("\(error)")])
          try await writer.write(Self.failed(requestID))
        }
        try await writer.finish(nil)
      })
  }

  /// Resolves model and voice and takes the speech into the queue.
  func start(
    _ parameters: SpeechParameters, id: String, route: String
  ) async throws -> SpeechJob {
    let model = try service.model(named: parameters.model)
    var options = parameters.options
    options.voice = try await voices.voice(parameters.voice, for: model)
    if options.seed == nil { options.seed = UInt64.random(in: .min...UInt64(Int64.max)) }
    return try service.speak(
      parameters.input, options: options, model: model, id: id, route: route)
  }

  /// The JSON object of a request.
  ///
  /// - Throws: `APIError`: 415 for another type, 413 above the limit, 400 for anything else.
  func object(of request: Request) async throws -> [String: JSONValue] {
    let type = request.headers[.contentType]?.lowercased() ?? "application/json"
    guard type.hasPrefix("application/json") else {
      throw APIError(
        status: 415, type: "invalid_request_error",
        message: "Content-Type: expected application/json, found \(type.prefix(80)).")
    }
    return try JSONText.object(try await limits.collect(request.body, upTo: limits.bodyBytes))
  }

  // MARK: Headers and events

  private func headers(_ parameters: SpeechParameters, job: SpeechJob) -> HTTPFields {
    var headers = HTTPFields()
    headers[.contentType] = parameters.format.contentType
    headers[.cacheControl] = "no-store"
    headers[.accelBuffering] = "no"
    headers[.sampleRate] = "\(parameters.sampleRate ?? parameters.format.standardSampleRate)"
    headers[.channels] = "1"
    headers[.bitDepth] = "16"
    if let seed = job.seed { headers[.seed] = "\(Int64(bitPattern: seed))" }
    if case .named(let name) = parameters.voice,
      name.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
    {
      headers[.voice] = name
    }
    if !parameters.ignored.isEmpty {
      let names = parameters.ignored.joined(separator: ", ").unicodeScalars
      headers[.ignoredFields] = String(
        String.UnicodeScalarView(names.map { (0x20...0x7E).contains($0.value) ? $0 : "?" }))
    }
    return headers
  }

  private static let endNames: [HTTPField.Name] = [
    .finishReason, .audioSeconds, .inputTokens, .outputTokens, .totalTokens,
  ]

  private func endHeaders(_ bytes: SpeechBytes) async -> HTTPFields {
    var headers = HTTPFields()
    guard let metrics = await bytes.metrics else { return headers }
    headers[.finishReason] = metrics.finishReason.rawValue
    headers[.audioSeconds] = "\(metrics.audioDuration.seconds)"
    headers[.inputTokens] = "\(metrics.textTokens)"
    headers[.outputTokens] = "\(metrics.frames)"
    headers[.totalTokens] = "\(metrics.textTokens + metrics.frames)"
    return headers
  }

  private static func event(_ type: String, _ members: [String: JSONValue]) -> ByteBuffer {
    var members = members
    members["type"] = .string(type)
    return ByteBuffer(string: "event: \(type)\ndata: \(JSONText.string(.object(members)))\n\n")
  }

  private static func delta(_ bytes: [UInt8], _ format: AudioFormat) -> ByteBuffer {
    event(
      "speech.audio.delta",
      ["audio": .string(Base64.encode(bytes)), "response_format": .string(format.rawValue)])
  }

  private static func done(_ metrics: SpeechMetrics?) -> ByteBuffer {
    guard let metrics else { return event("speech.audio.done", [:]) }
    return event(
      "speech.audio.done",
      [
        "usage": usage(metrics), "finish_reason": .string(metrics.finishReason.rawValue),
        "audio_seconds": .number(metrics.audioDuration.seconds),
        "seed": .integer(Int64(bitPattern: metrics.seed)),
      ])
  }

  private static func failed(_ requestID: String) -> ByteBuffer {
    var members = APIError.internalFailure(requestID: requestID).members
    if case .object(var object) = members {
      object["partial_audio"] = true
      object["action"] = "discard"
      members = .object(object)
    }
    return event("speech.audio.error", ["error": members])
  }

  static func usage(_ metrics: SpeechMetrics) -> JSONValue {
    [
      "input_tokens": .integer(Int64(metrics.textTokens)),
      "output_tokens": .integer(Int64(metrics.frames)),
      "total_tokens": .integer(Int64(metrics.textTokens + metrics.frames)),
      "input_token_details": [
        "text_tokens": .integer(Int64(metrics.textTokens)), "audio_tokens": 0,
      ],
    ]
  }

  // MARK: What became of a speech

  private func state(of id: String) throws(APIError) -> JSONValue {
    guard let state = service.record(id)?.state else { throw unknown(id) }
    return [
      "request_id": .string(id),
      "finish_reason": state.finishReason.map { .string($0) } ?? nil,
      "usage": state.metrics.map(Self.usage) ?? nil,
      "audio_seconds": state.metrics.map { .number($0.audioDuration.seconds) } ?? nil,
    ]
  }

  private func unknown(_ id: String) -> APIError {
    .notFound("No speech of the last ten minutes has the request id \(id.prefix(128)).")
  }
}
#endif
