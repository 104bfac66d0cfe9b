// SPDX-License-Identifier: MIT
#if Server
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Qwen3TTS

/// Gives every request an id, every error OpenAI's shape, and the log a line without texts or voices.
struct RequestMiddleware: RouterMiddleware {
  typealias Context = ServerContext
  let logsAccess: Bool

  func handle(
    _ request: Request, context: ServerContext,
    next: @concurrent (Request, ServerContext) async throws -> Response
  ) async throws -> Response {
    var context = context
    context.requestID = Self.id(from: request.headers[.requestID])
    let start = ContinuousClock.now
    var response: Response
    do {
      response = try await next(request, context)
    } catch {
      response = answer(to: error, request, context)
    }
    response.headers[.requestID] = context.requestID
    if logsAccess {
      context.logger.info(
        "request",
        metadata: [
          "id": .string(context.requestID), "method": .string(request.method.rawValue),
          "route": .string(context.endpointPath ?? request.uri.path),
          "status": .stringConvertible(response.status.code),
          "ms": .stringConvertible(Int((.now - start).seconds * 1_000)),
        ])
    }
    return response
  }

  private func answer(
    to error: any Error, _ request: Request, _ context: ServerContext
  ) -> Response {
    switch error {
    case let error as APIError: return error.response
    case let error as SynthesisError:
      let answer = APIError(error, requestID: context.requestID)
      if answer.status == 500 { log(error, context) }
      return answer.response
    case let error as HTTPError where error.status == .notFound:
      return APIError.notFound("There is nothing at \(request.method) \(request.uri.path).")
        .response
    case let error as HTTPError where error.status.code < 500:
      return APIError(
        status: error.status.code, type: "invalid_request_error",
        message: error.body ?? error.status.reasonPhrase
      ).response
    case is CancellationError:
      // Nobody reads this.
      return Response(status: .init(code: 499))
    default:
      log(error, context)
      return APIError.internalFailure(requestID: context.requestID).response
    }
  }

  private func log(_ error: any Error, _ context: ServerContext) {
    context.logger.error(
      "failed", metadata: ["id": .string(context.requestID), "error": .string("\(error)")])
  }

  /// An incoming id of up to 128 letters, digits and `._-`, else a new one.
  static func id(from header: String?) -> String {
    if let header, (1...128).contains(header.utf8.count),
      header.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) })
    {
      return header
    }
    let number = UInt128.random(in: .min ... .max)
    return "req_" + String(number, radix: 36)
  }
}

/// Asks for one of the server's keys on everything below `/v1`.
struct KeyMiddleware: RouterMiddleware {
  typealias Context = ServerContext
  let keys: [String]

  func handle(
    _ request: Request, context: ServerContext,
    next: @concurrent (Request, ServerContext) async throws -> Response
  ) async throws -> Response {
    guard !keys.isEmpty, request.uri.path.hasPrefix("/v1"), request.method != .options else {
      return try await next(request, context)
    }
    let bearer = request.headers[.authorization].flatMap { header in
      header.lowercased().hasPrefix("bearer ") ? String(header.dropFirst(7)) : nil
    }
    let given = bearer ?? request.headers[.xiAPIKey] ?? ""
    // All keys are compared, each in one time, so that the time says nothing about them.
    let isKnown = keys.reduce(false) { $0 || Self.isEqual($1, given) ? true : $0 }
    guard isKnown else { throw APIError.unauthorized }
    return try await next(request, context)
  }

  /// Compares in a time that depends on the lengths alone.
  static func isEqual(_ a: String, _ b: String) -> Bool {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    var difference = UInt8(a.count == b.count ? 0 : 1)
    for index in a.indices { difference |= a[index] ^ (index < b.count ? b[index] : 0) }
    return difference == 0
  }
}

extension HTTPField.Name {
  // Safety of the names below: each is a token of RFC 9110, so none is nil.
  static let requestID = name("x-request-id")
  static let xiAPIKey = name("xi-api-key")
  static let ignoredFields = name("x-ignored-fields")
  static let seed = name("x-seed")
  static let voice = name("x-voice")
  static let sampleRate = name("x-sample-rate")
  static let channels = name("x-channels")
  static let bitDepth = name("x-bit-depth")
  static let accelBuffering = name("x-accel-buffering")
  static let finishReason = name("x-finish-reason")
  static let audioSeconds = name("x-audio-seconds")
  static let inputTokens = name("x-input-tokens")
  static let outputTokens = name("x-output-tokens")
  static let totalTokens = name("x-total-tokens")
  static let prefer = name("prefer")

  private static func name(_ text: String) -> HTTPField.Name {
    guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is a header") }
    return name
  }
}

extension APIError {
  /// The answer of a route.
  var response: Response {
    var response = Response.json(["error": members], status: .init(code: status))
    if let retryAfter { response.headers[.retryAfter] = "\(retryAfter)" }
    if code == "draining" { response.headers[.connection] = "close" }
    if status == 401 { response.headers[.wwwAuthenticate] = "Bearer" }
    return response
  }
}

extension Response {
  /// A JSON body.
  static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
    var headers = HTTPFields()
    headers[.contentType] = "application/json"
    return Response(
      status: status, headers: headers, body: ResponseBody(byteBuffer: JSONText.buffer(value)))
  }

  static func text(_ text: String, type: String) -> Response {
    var headers = HTTPFields()
    headers[.contentType] = type
    return Response(
      status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}
#endif
