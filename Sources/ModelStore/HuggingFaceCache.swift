// SPDX-License-Identifier: MIT

import Foundation

/// The cache that Hugging Face's own tools keep. It is read and never written.
///
///     HUB/models--OWNER--NAME/refs/main          the commit that main was, as text
///     HUB/models--OWNER--NAME/snapshots/COMMIT/  the files, links into blobs/
package struct HuggingFaceCache: Sendable {
  /// The folder `hub`.
  package let folder: String

  package init(folder: String) {
    self.folder = folder
  }

  /// The cache of an environment: `HF_HUB_CACHE`, its former name `HUGGINGFACE_HUB_CACHE`,
  /// `HF_HOME/hub`, or `huggingface/hub` in the user's cache.
  package init(environment: [String: String]) {
    func value(_ variable: String) -> String? {
      environment[variable].flatMap { $0.isEmpty ? nil : UserFolders.expanded($0, environment) }
    }
    folder =
      value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE")
      ?? Self.home(environment) + "/hub"
  }

  /// `HF_HOME`, by default `huggingface` in the user's cache.
  package static func home(_ environment: [String: String]) -> String {
    if let home = environment["HF_HOME"], !home.isEmpty {
      return UserFolders.expanded(home, environment)
    }
    return UserFolders.cache(environment) + "/huggingface"
  }

  /// The folder of a model at a revision, when all its files are there.
  ///
  /// - Parameters:
  ///   - name: The model.
  ///   - revision: A branch, tag or commit; `nil` for what main was when it was last fetched, or
  ///     where that is not known or not whole any snapshot that is.
  package func snapshot(of name: ModelName, revision: String? = nil) -> String? {
    let entry = "\(folder)/models--\(name.owner)--\(name.name)"
    return Self.snapshots(in: entry, revision: revision).first(where: ModelLayout.isComplete)
  }

  /// The folder of a model when `path` is its entry in a cache, `models--…`: the snapshot that would be
  /// found by name, or where none is whole the one that lacks something. `nil` for other folders.
  package static func snapshot(inEntry path: String) -> String? {
    guard ModelLayout.isFolder(path + "/snapshots") else { return nil }
    let snapshots = snapshots(in: path, revision: nil)
    return snapshots.first(where: ModelLayout.isComplete) ?? snapshots.first
  }

  private static func snapshots(in model: String, revision: String?) -> [String] {
    let all = ((try? FileManager.default.contentsOfDirectory(atPath: model + "/snapshots")) ?? [])
      .sorted()
    let reference = revision ?? "main"
    let commit = isPlain(reference) ? self.commit(at: "\(model)/refs/\(reference)") : nil
    let commits = [commit].compactMap(\.self) + all.filter { revision ?? $0 == $0 }
    return commits.map { "\(model)/snapshots/\($0)" }
  }

  /// The commit that a file of `refs` names.
  private static func commit(at path: String) -> String? {
    guard let data = FileManager.default.contents(atPath: path), data.count <= 200 else {
      return nil
    }
    let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    return !text.contains("/") && isPlain(text) ? text : nil
  }

  /// Whether a revision names something inside the folder it is looked up in.
  private static func isPlain(_ text: String) -> Bool {
    !text.isEmpty && !text.hasPrefix("/") && !text.split(separator: "/").contains { $0 == ".." }
  }
}
