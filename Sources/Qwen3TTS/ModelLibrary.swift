// SPDX-License-Identifier: MIT

public import Foundation
import ModelStore

/// The models on this machine, by their names.
///
///     let model = try ModelLibrary.standard.model(named: "0.6B-CustomVoice")
///     let synthesizer = try await SpeechSynthesizer(model: model)
///
/// It looks and does not fetch: nothing in this library touches the network. Models come with
/// `qwen3-tts download`, or from the cache of Hugging Face's own tools.
public struct ModelLibrary: Sendable {
  private let store: ModelStore

  /// The user's models: `$XDG_DATA_HOME/qwen3-tts/models`, by default under `~/.local/share`, and
  /// the Hugging Face cache (`HF_HUB_CACHE`, `HF_HOME`, by default `~/.cache/huggingface/hub`).
  public static var standard: ModelLibrary {
    ModelLibrary(environment: ProcessInfo.processInfo.environment)
  }

  /// The user's models in an environment.
  package init(environment: [String: String]) {
    store = ModelStore(environment: environment)
  }

  /// The released models' names, `0.6B-Base` for example, whether or not they are here.
  public static var releasedNames: [String] { PublishedModel.all.map(\.name.short) }

  /// The folder of a model.
  ///
  /// - Parameter name: A folder; a released model's name, with or without the `Qwen3-TTS-12Hz-` it
  ///   begins with; or `owner/name`.
  /// - Throws: `SynthesisError` `invalidModel` with the command that fetches it.
  public func model(named name: String) throws -> URL {
    do {
      return URL(filePath: try store.resolve(name), directoryHint: .isDirectory)
    } catch {
      throw SynthesisError(.invalidModel, error.description, underlying: error)
    }
  }
}
