// SPDX-License-Identifier: MIT
internal import Foundation

/// Bytes as text.
enum Base64 {
  static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

  /// `nil` when the text is not base64; spaces and line ends are left out.
  static func decode(_ text: some StringProtocol) -> [UInt8]? {
    let characters = text.filter { !$0.isWhitespace }
    return Data(base64Encoded: String(characters)).map { [UInt8]($0) }
  }
}
