// SPDX-License-Identifier: MIT

import Foundation

/// Which files make a model.
package enum ModelLayout {
  /// Files without which a model cannot be opened.
  package static let needed = [
    "config.json", "generation_config.json", "vocab.json", "merges.txt", "tokenizer_config.json",
    "speech_tokenizer/config.json", "speech_tokenizer/model.safetensors", "model.safetensors",
  ]

  /// Files that belong to a model although nothing here reads them.
  package static let optional = [
    "preprocessor_config.json", "speech_tokenizer/configuration.json",
    "speech_tokenizer/preprocessor_config.json",
  ]

  /// Whether every needed file is in a folder and not empty.
  package static func isComplete(_ folder: String) -> Bool {
    needed.allSatisfy { (byteCount(of: folder + "/" + $0) ?? 0) > 0 }
  }

  /// The size of an ordinary file, or of the one that a link points to; `nil` where there is none.
  package static func byteCount(of path: String) -> Int? {
    let real = URL(filePath: path).resolvingSymlinksInPath().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: real),
      attributes[.type] as? FileAttributeType == .typeRegular
    else { return nil }
    return (attributes[.size] as? NSNumber)?.intValue
  }

  /// Whether a folder, not a file, is at a path.
  package static func isFolder(_ path: String) -> Bool {
    let values = try? URL(filePath: path).resolvingSymlinksInPath().resourceValues(
      forKeys: [.isDirectoryKey])
    return values?.isDirectory ?? false
  }
}
