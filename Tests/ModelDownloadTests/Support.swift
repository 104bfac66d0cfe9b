// SPDX-License-Identifier: MIT
import Foundation
import ModelStore

/// A folder that goes away with the test that made it.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "download-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and the folders above it.
  func write(_ text: String, to file: String) throws {
    let url = URL(filePath: "\(path)/\(file)")
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  /// Makes a folder that has the files of a model, not what is in them.
  func makeModel(_ folder: String, except missing: String? = nil) throws {
    for file in ModelLayout.needed where file != missing { try write("x", to: "\(folder)/\(file)") }
  }
}
