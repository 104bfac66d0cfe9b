// SPDX-License-Identifier: MIT
#if Server
import Hummingbird
import NIOCore

/// How much of everything one request or one client may take.
package struct ServerLimits: Sendable {
  package var request = SpeechParameters.Limits()
  /// Bytes of a JSON body; a recording in it counts as base64.
  package var bodyBytes = 20 << 20
  /// Bytes of an uploaded recording.
  package var uploadBytes = 10 << 20
  /// Connections at once; more wait to be accepted.
  package var connections = 2_000
  /// How long a connection may do nothing.
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
}
#endif
