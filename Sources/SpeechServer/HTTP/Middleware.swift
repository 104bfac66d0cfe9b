// SPDX-License-Identifier: MIT
#if Server
import HTTPTypes
import Hummingbird
import Logging
import NIOHTTP1
import Qwen3TTS

/// Gives every request an id, every error OpenAI's shape, and the log a line without texts or voices.
struct RequestMiddleware: RouterMiddleware {
  typealias Context = ServerContext
  let logsAccess: Bool
  let metrics: ServerMetrics

  @concurrent
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
    } catch let error as HTTPParserError {
      // The connection answers this itself, and closes.
      throw error
    } catch {
      response = answer(to: error, request, context)
    }
    response.headers[.requestID] = context.requestID
    let (route, time) = (context.endpointPath ?? "none", ContinuousClock.now - start)
    metrics.answered(request.method.rawValue, route, response.status.code, time)
    if logsAccess {
      context.logger.info(
        "request",
        metadata: [
          "id": .string(context.requestID), "method": .string(request.method.rawValue),
          "route": .string(route), "status": .stringConvertible(response.status.code),
          "ms": .stringConvertible(Int(time.seconds * 1_000)),
        ])
    }
    return response
  }

  private func answer(
    to error: any Error, _ request: Request, _ context: ServerContext
  ) -> Response {
    // Every interface has its own shape of errors.
    let shape = ElevenLabs.owns(request.uri.path) ? \APIError.elevenLabsResponse : \.response
    switch error {
    case let error as APIError: return error[keyPath: shape]
    case let error as SynthesisError:
      let answer = APIError(error, requestID: context.requestID)
      if answer.status == 500 { log(error, context) }
      return answer[keyPath: shape]
    case let error as HTTPError where error.status == .notFound:
      let methods = OpenAPIDocument.methods(at: request.uri.path)
      guard methods.isEmpty else {
        var response = APIError.refused(
          405, "\(request.uri.path) takes \(methods.joined(separator: ", ")).",
          code: "method_not_allowed"
        )[keyPath: shape]
        response.headers[.allow] = methods.joined(separator: ", ")
        return response
      }
      return APIError.notFound("There is nothing at \(request.method) \(request.uri.path).")[
        keyPath: shape]
    case let error as HTTPError where error.status.code < 500:
      return APIError.refused(error.status.code, error.body ?? error.status.reasonPhrase)[
        keyPath: shape]
    case is CancellationError:
      // Nobody reads this; the status is for the log.
      return Response(status: .init(code: 499))
    default:
      log(error, context)
      return APIError.internalFailure(requestID: context.requestID)[keyPath: shape]
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

/// Lets pages of allowed origins use the server, and refuses changes that other pages ask for: a browser
/// would deliver those without asking.
struct OriginMiddleware: RouterMiddleware {
  typealias Context = ServerContext
  /// Origins such as "https://example.org"; "*": all.
  let allowed: [String]

  @concurrent
  func handle(
    _ request: Request, context: ServerContext,
    next: @concurrent (Request, ServerContext) async throws -> Response
  ) async throws -> Response {
    guard let origin = request.headers[.origin] else { return try await next(request, context) }
    let isAllowed = allowed.contains(origin) || allowed.contains("*")
    // A browser lets every page open a socket, and reads its messages to it.
    let isRead = request.method == .get && !request.headers.asksForUpgrade
    guard isAllowed || isOwn(origin, request) || isRead else {
      return APIError(
        status: 403, type: "permission_error", code: "origin_not_allowed",
        message: "Pages of \(origin.prefix(80)) may not use this server; --cors-origin allows it."
      ).response
    }
    guard isAllowed else { return try await next(request, context) }
    var response: Response
    if request.method == .options, request.headers[.accessControlRequestMethod] != nil {
      response = Response(status: .noContent)
      response.headers[.accessControlAllowMethods] = "GET, POST, DELETE"
      response.headers[.accessControlAllowHeaders] =
        request.headers[.accessControlRequestHeaders] ?? ""
      response.headers[.accessControlMaxAge] = "600"
    } else {
      response = try await next(request, context)
    }
    response.headers[.accessControlAllowOrigin] = origin
    response.headers[.accessControlExposeHeaders] = "*"
    response.headers[.vary] = "Origin"
    return response
  }

  /// Whether the page is the server's own: the browser says so, or its address is the request's, before
  /// or behind a proxy. A page cannot set these headers without asking first.
  private func isOwn(_ origin: String, _ request: Request) -> Bool {
    if request.headers[.fetchSite] == "same-origin" { return true }
    let host = origin.split(separator: "/").last.map(String.init)
    return host == request.head.authority || host == request.headers[.forwardedHost]
  }
}

/// Asks for one of the server's keys on every interface for speech: all but health, metrics and the page.
struct KeyMiddleware: RouterMiddleware {
  typealias Context = ServerContext
  let keys: [String]

  @concurrent
  func handle(
    _ request: Request, context: ServerContext,
    next: @concurrent (Request, ServerContext) async throws -> Response
  ) async throws -> Response {
    let isForSpeech = ["/v1", "/v2", "/api-ws"].contains { request.uri.path.hasPrefix($0) }
    guard !keys.isEmpty, isForSpeech else {
      return try await next(request, context)
    }
    let bearer = request.headers[.authorization].flatMap { header in
      header.lowercased().hasPrefix("bearer ") ? String(header.dropFirst(7)) : nil
    }
    // A page cannot set headers of a socket, only subprotocols.
    let offered = request.subprotocols.first { $0.hasPrefix(Self.subprotocol) }
      .map { String($0.dropFirst(Self.subprotocol.count)) }
    let given = bearer ?? request.headers[.xiAPIKey] ?? offered ?? ""
    var context = context
    // Every key is compared, so that the time says nothing about where one was found.
    for (index, key) in keys.enumerated() where Self.isEqual(key, given) { context.key = index }
    guard context.key != nil else { throw APIError.unauthorized }
    return try await next(request, context)
  }

  /// What a subprotocol begins with that is a key.
  private static let subprotocol = "openai-insecure-api-key."

  /// Compares in a time that depends on the lengths alone.
  static func isEqual(_ a: String, _ b: String) -> Bool {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    var difference = UInt8(a.count == b.count ? 0 : 1)
    for index in a.indices { difference |= a[index] ^ (index < b.count ? b[index] : 0) }
    return difference == 0
  }
}
#endif
