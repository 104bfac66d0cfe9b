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

  /// The files of a model among those that are there, in the order of the lists above, and the needed
  /// ones that are missing.
  ///
  /// Weights may be in several files, and `tokenizer.json` may stand for the tokenizer's other two.
  package static func files(among paths: Set<String>) -> (present: [String], missing: [String]) {
    var present: [String] = []
    var missing: [String] = []
    for path in needed {
      let found = paths.contains(path) ? [path] : substitutes(for: path, among: paths)
      if found.isEmpty { missing.append(path) }
      present += found.filter { !present.contains($0) }
    }
    return (present + optional.filter(paths.contains), missing)
  }

  /// What another tool writes instead of a file; nothing where it is not there, or not all of it.
  private static func substitutes(for path: String, among paths: Set<String>) -> [String] {
    if ["vocab.json", "merges.txt"].contains(path) {
      return paths.contains("tokenizer.json") ? ["tokenizer.json"] : []
    }
    let (ending, index) = (".safetensors", path + ".index.json")
    guard path.hasSuffix(ending), paths.contains(index) else { return [] }
    // `model-00001-of-00002.safetensors`
    let stem = path.dropLast(ending.count) + "-"
    let parts = paths.filter { $0.hasPrefix(stem) && $0.hasSuffix(ending) }.sorted()
    let count = parts.first.flatMap {
      Int($0.dropLast(ending.count).split(separator: "-").last ?? "")
    }
    return parts.count == count ? [index] + parts : []
  }

  /// The files with bytes in them that stand in a model's folder.
  package static func paths(in folder: String) -> Set<String> {
    var paths: Set<String> = []
    for prefix in ["", "speech_tokenizer/"] {
      let names = try? FileManager.default.contentsOfDirectory(atPath: folder + "/" + prefix)
      for name in names ?? [] where (byteCount(of: folder + "/" + prefix + name) ?? 0) > 0 {
        paths.insert(prefix + name)
      }
    }
    return paths
  }

  /// Whether all that a model needs stands in a folder.
  package static func isComplete(_ folder: String) -> Bool {
    files(among: paths(in: folder)).missing.isEmpty
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
