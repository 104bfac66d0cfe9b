// SPDX-License-Identifier: MIT
#if Server
import Audio
import HTTPTypes
import Hummingbird
import NIOCore
import Qwen3TTS

/// `/v1/audio/speech`: OpenAI's route, the batch, and what became of a speech.
struct SpeechRoutes: Sendable {
  let speeches: SpeechStarter
  let limits: ServerLimits

  var service: SpeechService { speeches.service }

  private static let route = "/v1/audio/speech"

  func add(to router: Router<ServerContext>) {
    router.post("/v1/audio/speech") { request, context in
      try await speak(request, context)
    }
    router.post("/v1/audio/speech/batch") { request, context in
      try await batch(request, context)
    }
    router.get("/v1/audio/speech/:id") { _, context in
      Response.json(try state(of: context.id()))
    }
    router.delete("/v1/audio/speech/:id") { _, context in
      let id = try context.id()
      guard let record = service.record(id) else { throw unknown(id) }
      record.cancel()
      return Response.json(["request_id": .string(id), "cancelled": .bool(record.state.end == nil)])
    }
  }

  // MARK: One speech

  private func speak(_ request: Request, _ context: ServerContext) async throws -> Response {
    try service.checkIsAvailable()
    let parameters = try SpeechParameters(try await object(of: request), limits: limits.request)
    let (job, model) = try await speeches.start(
      parameters, .whole(parameters.input),
      for: .init(id: context.requestID, route: Self.route, key: context.key), context.logger)
    let connection = await context.connection
    connection?.onGone { job.record.cancel() }
    if request.headers[.prefer]?.lowercased().contains("wait") == true {
      defer { connection?.forget() }
      let whole = try await SpeechBytes.whole(job, parameters, figures: service.metrics)
      var headers = headers(parameters, job, model)
      headers.append(contentsOf: Self.endHeaders(whole.metrics))
      if parameters.options.timestamps {
        headers.append(contentsOf: Self.timeHeaders(whole.heard))
      }
      return Response(
        status: .ok, headers: headers,
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: whole.bytes)))
    }
    let bytes = try SpeechBytes(job, parameters, figures: service.metrics)
    // Headers leave with the first sound, so that what fails before is a plain error.
    let first = try await bytes.nextPiece() ?? SpeechPiece()
    var headers = headers(parameters, job, model)
    let format = parameters.format
    let wantsEvents = request.headers[.accept]?.lowercased().contains("text/event-stream") == true
    guard parameters.streamFormat ?? (wantsEvents ? .sse : .audio) == .sse else {
      let isTimed = parameters.options.timestamps
      headers[.trailer] = (Self.endNames + (isTimed ? Self.timeNames : [])).map(\.rawName)
        .joined(separator: ", ")
      return Response(
        status: .ok, headers: headers,
        body: ResponseBody { writer in
          defer { connection?.forget() }
          // What is thrown here cuts the connection: a short file must not look whole.
          try await writer.write(ByteBuffer(bytes: first.bytes))
          var heard = first.heard
          while let more = try await bytes.nextPiece() {
            heard.append(more.heard)
            if !more.bytes.isEmpty { try await writer.write(ByteBuffer(bytes: more.bytes)) }
          }
          var trailers = await Self.endHeaders(bytes.metrics)
          if isTimed { trailers.append(contentsOf: Self.timeHeaders(heard)) }
          try await writer.finish(trailers)
        })
    }
    headers[.contentType] = "text/event-stream"
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        defer { connection?.forget() }
        do {
          try await writer.write(Self.delta(first, format))
          while let more = try await bytes.nextPiece() {
            try await writer.write(Self.delta(more, format))
          }
        } catch {
          // A client that has gone does not get this either.
          try await writer.write(failed(error, job))
          return try await writer.finish(nil)
        }
        try await writer.write(Self.done(bytes.metrics))
        try await writer.finish(nil)
      })
  }

  /// The JSON object of a request.
  ///
  /// - Throws: `APIError`: 415 for another type, 413 above the limit, 400 for anything else.
  func object(of request: Request) async throws -> [String: JSONValue] {
    let type = request.headers[.contentType]?.lowercased() ?? "none"
    guard type.hasPrefix("application/json") else {
      throw APIError.refused(
        415, "Content-Type: expected application/json, found \(type.prefix(80)).")
    }
    // Only a Base model has a use for recordings.
    let takesRecordings = service.models.contains { $0.engine.kind == .base }
    return try await limits.object(
      of: request.body, upTo: takesRecordings ? limits.recordingBodyBytes : limits.bodyBytes)
  }

  // MARK: Headers

  private func headers(
    _ parameters: SpeechParameters, _ job: SpeechJob, _ model: ServedModel
  ) -> HTTPFields {
    var headers: HTTPFields = [
      .contentType: parameters.format.contentType, .cacheControl: "no-store",
      .accelBuffering: "no", .channels: "1", .bitDepth: "16",
      .sampleRate: "\(parameters.sampleRate ?? parameters.format.standardSampleRate)",
    ]
    if let seed = job.seed { headers[.seed] = "\(Int64(bitPattern: seed))" }
    if case .named(let name) = parameters.voice { headers[.voice] = Self.ascii(name) }
    var ignored = parameters.ignored
    if parameters.options.instruction != nil, !model.engine.takesInstructions {
      ignored.append("instructions")
    }
    if !ignored.isEmpty { headers[.ignoredFields] = Self.ascii(ignored.joined(separator: ", ")) }
    return headers
  }

  /// A text that a header can have: what is no ASCII becomes "?", and long ones are cut.
  private static func ascii(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.prefix(1_000).map { (0x20...0x7E).contains($0.value) ? $0 : "?" }))
  }

  private static let endNames: [HTTPField.Name] = [
    .finishReason, .audioSeconds, .inputTokens, .outputTokens, .totalTokens,
  ]

  private static func endHeaders(_ metrics: SpeechMetrics?) -> HTTPFields {
    guard let metrics else { return [:] }
    return [
      .finishReason: metrics.finishReason.rawValue,
      .audioSeconds: "\(metrics.audioDuration.seconds)",
      .inputTokens: "\(metrics.textTokens)", .outputTokens: "\(metrics.frames)",
      .totalTokens: "\(metrics.textTokens + metrics.frames)",
    ]
  }

  private static let timeNames: [HTTPField.Name] = [.wordTimestamps, .wordTimestampsOmitted]
  /// Bytes of a header with times: what proxies and clients take beside the others.
  private static let longestTimes = 4_096

  /// When the words are heard, or that they are too many for a header.
  private static func timeHeaders(_ heard: HeardText) -> HTTPFields {
    // A header is ASCII, and so JSON can be.
    let times = heard.timestamps.text.utf16.map { unit in
      unit < 0x80
        ? String(Unicode.Scalar(UInt8(unit)))
        : "\\u" + String(repeating: "0", count: unit < 0x1000 ? unit < 0x100 ? 2 : 1 : 0)
          + String(unit, radix: 16)
    }.joined()
    return times.utf8.count <= longestTimes
      ? [.wordTimestamps: times]
      : [.wordTimestampsOmitted: "\(times.utf8.count) bytes, at most \(longestTimes)"]
  }

  // MARK: Events

  private static func event(_ type: String, _ members: [String: JSONValue]) -> ByteBuffer {
    var members = members
    members["type"] = .string(type)
    return ByteBuffer(string: "event: \(type)\ndata: \(JSONValue.object(members).text)\n\n")
  }

  private static func delta(_ piece: SpeechPiece, _ format: AudioFormat) -> ByteBuffer {
    var members: [String: JSONValue] = [
      "audio": .string(Base64.encode(piece.bytes)), "response_format": .string(format.rawValue),
    ]
    if !piece.heard.isEmpty {
      members["timestamps"] = piece.heard.timestamps
      members["alignment"] = piece.heard.alignment
    }
    return event("speech.audio.delta", members)
  }

  private static func done(_ metrics: SpeechMetrics?) -> ByteBuffer {
    let metrics = metrics ?? SpeechMetrics()
    return event(
      "speech.audio.done",
      [
        "usage": usage(metrics), "finish_reason": .string(metrics.finishReason.rawValue),
        "audio_seconds": .number(metrics.audioDuration.seconds),
        "seed": .integer(Int64(bitPattern: metrics.seed)),
      ])
  }

  private func failed(_ error: any Error, _ job: SpeechJob) -> ByteBuffer {
    let answer = speeches.answer(to: error, id: job.record.id)
    guard case .object(var members) = answer.members else { return ByteBuffer() }
    members["partial_audio"] = true
    members["action"] = "discard"
    return Self.event("speech.audio.error", ["error": .object(members)])
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
    func seconds(_ time: Duration?) -> JSONValue { time.map { .number($0.seconds) } ?? .null }
    return [
      "request_id": .string(id), "finish_reason": JSONValue(state.finishReason),
      "usage": state.metrics.map(Self.usage) ?? .null,
      "audio_seconds": seconds(state.metrics?.audioDuration),
      "first_audio_seconds": seconds(state.timeToFirstAudio),
    ]
  }

  private func unknown(_ id: String) -> APIError {
    .notFound("No speech of the last ten minutes has the request id \(id.prefix(128)).")
  }
}
#endif
