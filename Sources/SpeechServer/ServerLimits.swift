// SPDX-License-Identifier: MIT
#if Server
import Hummingbird
import NIOCore

/// How much of everything one request or one client may take.
package struct ServerLimits: Sendable {
  package var request = SpeechParameters.Limits()
  /// Bytes of a JSON body.
  package var bodyBytes = 1 << 20
  /// Bytes of a JSON body that may hold a recording in base64, or of a form with one.
  package var recordingBodyBytes = 20 << 20
  /// Bytes of a recording.
  package var recordingBytes = 10 << 20
  /// What a WebSocket or a Wyoming connection may have at a time.
  var session = SpeechSession.Limits()
  /// Connections at once; more wait to be accepted.
  package var connections = 2_000
  /// How long a connection may do nothing, or take none of the sound that is sent.
  package var idleTimeout = Duration.seconds(60)

  package init() {}

  /// The bytes of a body.
  ///
  /// - Throws: `APIError` 413 as soon as there are more than `limit`.
  func collect(_ body: RequestBody, upTo limit: Int) async throws -> ByteBuffer {
    do { return try await body.collect(upTo: limit) } catch is NIOTooManyBytesError {
      throw APIError.tooLarge(limit: limit)
    }
  }

  /// The JSON object of a body.
  ///
  /// - Throws: `APIError` 413 above the limit, 400 for anything but an object.
  func object(of body: RequestBody, upTo limit: Int) async throws -> [String: JSONValue] {
    let buffer = try await collect(body, upTo: limit)
    let value: JSONValue
    do { value = try JSONParser.parse(Array(buffer.readableBytesView)) } catch {
      throw APIError.invalid(nil, "body: expected a JSON object; \(error).", code: nil)
    }
    guard case .object(let members) = value else {
      throw APIError.invalid(nil, "body: expected a JSON object, found \(value.kind).", code: nil)
    }
    return members
  }
}
#endif
