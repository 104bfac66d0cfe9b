// SPDX-License-Identifier: MIT
#if Server
import HTTPTypes
import Hummingbird
import NIOCore

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
    .text(value.text, type: "application/json", status: status)
  }

  static func text(
    _ text: String, type: String, status: HTTPResponse.Status = .ok
  ) -> Response {
    Response(
      status: status, headers: [.contentType: type],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}

extension HTTPField.Name {
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
  static let wordTimestamps = name("x-word-timestamps")
  static let wordTimestampsOmitted = name("x-word-timestamps-omitted")
  static let prefer = name("prefer")
  static let fetchSite = name("sec-fetch-site")
  static let forwardedHost = name("x-forwarded-host")

  /// A header of this server by its name.
  static func name(_ text: String) -> HTTPField.Name {
    guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is a header") }
    return name
  }
}
#endif
