// SPDX-License-Identifier: MIT

import Qwen3TTS

/// What a request is refused with, in the shape that OpenAI's clients read.
///
///     {"error": {"message": …, "type": …, "param": …, "code": …}}
package struct APIError: Error, Sendable, Equatable {
  /// The HTTP status.
  package let status: Int
  package let type: String
  /// A name for programs; `null` where there is none.
  package let code: String?
  /// The member of the request that is wrong.
  package let parameter: String?
  /// What was expected, what was found, what to do.
  package let message: String
  /// Seconds after which to try again.
  package var retryAfter: Int?

  package init(
    status: Int, type: String, code: String? = nil, parameter: String? = nil, message: String,
    retryAfter: Int? = nil
  ) {
    self.status = status
    self.type = type
    self.code = code
    self.parameter = parameter
    self.message = message
    self.retryAfter = retryAfter
  }

  /// The object inside `error`.
  package var members: JSONValue {
    [
      "message": .string(message), "type": .string(type),
      "param": parameter.map { .string($0) } ?? nil, "code": code.map { .string($0) } ?? nil,
    ]
  }
}

extension APIError {
  static func invalid(
    _ parameter: String?, _ message: String, code: String? = "invalid_value"
  ) -> APIError {
    APIError(
      status: 400, type: "invalid_request_error", code: code, parameter: parameter,
      message: message)
  }

  static func notFound(_ message: String, code: String = "not_found", parameter: String? = nil)
    -> APIError
  {
    APIError(
      status: 404, type: "invalid_request_error", code: code, parameter: parameter,
      message: message)
  }

  static let unauthorized = APIError(
    status: 401, type: "authentication_error", code: "invalid_api_key",
    message: "This server expects an API key: send it as Authorization: Bearer KEY.")

  static func tooLarge(limit: Int) -> APIError {
    APIError(
      status: 413, type: "invalid_request_error", code: "request_too_large",
      message: "The body has more than \(limit) bytes, which is this server's limit.")
  }

  static func conflict(_ message: String) -> APIError {
    APIError(
      status: 409, type: "invalid_request_error", code: "voice_exists", parameter: "name",
      message: message)
  }

  static func unavailable(_ code: String, _ message: String, retryAfter: Int) -> APIError {
    APIError(
      status: 503, type: "server_error", code: code, message: message, retryAfter: retryAfter)
  }

  /// A failure of ours: what it was stays in the log, under the request's id.
  static func internalFailure(requestID: String) -> APIError {
    APIError(
      status: 500, type: "server_error",
      message: "The server failed; its log has the reason under request \(requestID).")
  }

  /// What an engine refused or failed with.
  ///
  /// - Parameter requestID: Where the log has the reason of what is not the caller's fault.
  init(_ error: SynthesisError, requestID: String) {
    switch error.code {
    case .invalidInput:
      // Messages of the engine begin with the option they are about.
      let option = error.message.prefix { $0 != ":" }
      self = .invalid(Self.parameters[String(option)], error.message)
    default: self = .internalFailure(requestID: requestID)
    }
  }

  private static let parameters = [
    "text": "input", "voice": "voice", "language": "language", "temperature": "temperature",
    "top-p": "top_p", "top-k": "top_k", "repetition penalty": "repetition_penalty",
    "maximum frames": "max_new_tokens", "embedding": "speaker_embedding",
  ]
}
