// SPDX-License-Identifier: MIT

import Foundation

/// The models on this machine. Nothing here touches the network.
package struct ModelStore: Sendable {
  /// Where downloaded models are, as `OWNER/NAME`.
  package let folder: String
  package let cache: HuggingFaceCache

  package init(folder: String, cache: HuggingFaceCache) {
    self.folder = folder
    self.cache = cache
  }

  /// The user's models: `models` in the user's data folder, and the Hugging Face cache.
  package init(environment: [String: String]) {
    self.init(
      folder: UserFolders.data(environment) + "/models",
      cache: HuggingFaceCache(environment: environment))
  }

  /// Where a downloaded model is or would be.
  package func folder(of name: ModelName) -> String {
    "\(folder)/\(name.owner)/\(name.name)"
  }

  /// A model of that name: a downloaded one, or one in the Hugging Face cache.
  package func model(named name: ModelName) -> String? {
    let downloaded = folder(of: name)
    if ModelLayout.isComplete(downloaded) { return downloaded }
    return cache.snapshot(of: name)
  }

  /// The downloaded models, and released ones in the Hugging Face cache.
  package var present: [ModelName] {
    func entries(_ folder: String) -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }
    let downloaded = entries(folder).flatMap { owner in
      entries(folder + "/" + owner).compactMap { ModelName("\(owner)/\($0)") }
    }
    let released = PublishedModel.all.map(\.name).filter { !downloaded.contains($0) }
    return (downloaded + released).filter { model(named: $0) != nil }
  }

  /// The folder of the model at a path: the path, or in an entry of a Hugging Face cache its snapshot.
  package static func modelFolder(at path: String) -> String {
    HuggingFaceCache.snapshot(inEntry: path) ?? path
  }

  /// The folder that a user means by a text: a folder, or the name of a model on this machine.
  ///
  /// - Throws: `ModelNotFound`, which says the command that fetches it.
  package func resolve(_ text: String) throws(ModelNotFound) -> String {
    // A path comes first, so that what stands here is used and no name shadows it.
    if FileManager.default.fileExists(atPath: text) { return Self.modelFolder(at: text) }
    guard let name = ModelName(text) else {
      throw ModelNotFound(text: text, name: nil, store: self)
    }
    guard let folder = model(named: name) else {
      throw ModelNotFound(text: text, name: name, store: self)
    }
    return folder
  }
}

/// No folder and no model on this machine is what a text says.
package struct ModelNotFound: Error, CustomStringConvertible, Sendable {
  package let text: String
  /// The model it names, if it names one.
  package let name: ModelName?
  let store: ModelStore

  package var description: String {
    guard let name else {
      let names = PublishedModel.all.map(\.name.short).joined(separator: ", ")
      return "\(text): expected a folder with config.json and model.safetensors, or the name of a "
        + "model (\(names), or owner/name), found neither"
    }
    return "\(text): expected a folder or a model on this machine, found none in "
      + "\(store.folder(of: name)) and none in \(store.cache.folder). "
      + "Run: qwen3-tts download \(name.short)"
  }
}
