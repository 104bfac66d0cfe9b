// SPDX-License-Identifier: MIT
#if Server
import Foundation
import NIOCore
import NIOFoundationCompat

/// JSON as bytes of a body.
enum JSONText {
  /// One line, members in alphabetical order.
  static func data(_ value: JSONValue) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Only a number that is not finite cannot be encoded, and none is made here.
    return (try? encoder.encode(value)) ?? Data("null".utf8)
  }

  static func buffer(_ value: JSONValue) -> ByteBuffer { ByteBuffer(bytes: data(value)) }

  static func string(_ value: JSONValue) -> String { String(decoding: data(value), as: UTF8.self) }

  /// The object in a body.
  ///
  /// - Throws: `APIError` 400 when it is not an object.
  static func object(_ body: ByteBuffer) throws(APIError) -> [String: JSONValue] {
    do {
      return try JSONDecoder().decode(
        [String: JSONValue].self, from: Data(body.readableBytesView))
    } catch {
      throw .invalid(nil, "The body is not a JSON object.", code: nil)
    }
  }
}
#endif
