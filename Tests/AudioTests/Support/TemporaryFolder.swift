// SPDX-License-Identifier: MIT
import Foundation
import SystemIO

/// A folder that goes away with the test that made it.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "audio-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in the folder.
  func file(_ name: String) -> String { path + "/" + name }

  /// The bytes of a file in the folder.
  func bytes(_ name: String) throws -> [UInt8] {
    try FileDescriptor(opening: file(name), for: .read).readAll()
  }

  /// Makes a file and gives its path.
  @discardableResult
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    let descriptor = try FileDescriptor(opening: file(name), for: .replace)
    try descriptor.write(bytes.span)
    return file(name)
  }
}
