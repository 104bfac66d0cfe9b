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
  package var code: String?
  /// The member of the request that is wrong.
  package var parameter: String?
  /// What was expected, what was found, what to do.
  package let message: String
  /// Seconds after which to try again.
  package var retryAfter: Int?

  /// The object inside `error`.
  package var members: JSONValue {
    [
      "message": .string(message), "type": .string(type),
      "param": parameter.map { .string($0) } ?? nil, "code": code.map { .string($0) } ?? nil,
    ]
  }
}

extension APIError {
  /// A request that cannot be answered as it is.
  static func refused(
    _ status: Int, _ message: String, code: String? = nil, parameter: String? = nil
  ) -> APIError {
    APIError(
      status: status, type: "invalid_request_error", code: code, parameter: parameter,
      message: message)
  }

  static func invalid(
    _ parameter: String?, _ message: String, code: String? = "invalid_value"
  ) -> APIError {
    .refused(400, message, code: code, parameter: parameter)
  }

  static func notFound(
    _ message: String, code: String = "not_found", parameter: String? = nil
  ) -> APIError {
    .refused(404, message, code: code, parameter: parameter)
  }

  static let unauthorized = APIError(
    status: 401, type: "authentication_error", code: "invalid_api_key",
    message: "This server expects an API key: send it as Authorization: Bearer KEY.")

  static func tooLarge(limit: Int) -> APIError {
    .refused(
      413, "The body has more than \(limit) bytes, which is this server's limit.",
      code: "request_too_large")
  }

  /// A text of more characters than may be.
  static func tooLong(_ limit: Int) -> APIError {
    .invalid(
      "input", "input: expected at most \(limit) characters, found more.",
      code: "string_above_max_length")
  }

  static func conflict(_ message: String) -> APIError {
    .refused(409, message, code: "voice_exists", parameter: "name")
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
    case .overloaded: self = .unavailable("overloaded", error.message, retryAfter: 1)
    case .stopped: self = .unavailable("draining", error.message, retryAfter: 5)
    default: self = .internalFailure(requestID: requestID)
    }
  }

  private static let parameters = [
    "text": "input", "voice": "voice", "language": "language", "temperature": "temperature",
    "top-p": "top_p", "top-k": "top_k", "repetition penalty": "repetition_penalty",
    "maximum frames": "max_new_tokens", "embedding": "speaker_embedding",
    "instruction": "instructions", "transcript": "ref_text",
  ]
}

#if Server
extension APIError {
  /// Why the queue does not take a speech. A full queue is 503, which proxies retry elsewhere.
  init(_ refusal: SpeechQueue.Refusal) {
    switch refusal {
    case .full(let limit):
      self = .unavailable(
        "overloaded", "\(limit) requests are waiting, which is this server's limit.",
        retryAfter: 1)
    case .keyIsBusy(let limit):
      self = APIError(
        status: 429, type: "rate_limit_error", code: "rate_limit_exceeded",
        message: "\(limit) speeches of this key are running, which is this server's limit.",
        retryAfter: 1)
    }
  }
}
#endif
