// SPDX-License-Identifier: MIT

package import Foundation

/// Finds the files of the voice that comes with the package, wherever the program was put.
///
/// The accessor that SwiftPM generates is not used: where it finds nothing it ends the process, and it
/// looks in the folder of the build, which a copied program has left behind.
package struct BundledModel {
  /// The variable that names a folder with `DefaultVoice` in it, before all other places.
  static let variable = "QWEN3_TTS_RESOURCES"

  let environment: [String: String]
  /// The folder of the running program.
  let programFolder: String

  package init(environment: [String: String], programFolder: String) {
    self.environment = environment
    self.programFolder = programFolder
  }

  /// Of this process.
  init() {
    environment = ProcessInfo.processInfo.environment
    let program =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? Bundle.main.executablePath ?? CommandLine.arguments.first ?? ""
    programFolder = URL(filePath: program).deletingLastPathComponent().path
  }

  /// Folders in which it is looked for: the one that is named, or beside the program, where an
  /// installation puts it, and where SwiftPM does.
  var places: [String] {
    if let named = environment[Self.variable], !named.isEmpty { return [named] }
    return [
      programFolder, programFolder + "/../share/qwen3-tts",
      programFolder + "/swift-qwen3-tts_Qwen3TTS.resources",
    ]
  }

  /// The folder of the model.
  ///
  /// - Throws: `SynthesisError` `resourcesMissing`.
  package var folder: URL {
    get throws(SynthesisError) {
      let folders = places.map { "\($0)/DefaultVoice" }
      if let found = folders.first(where: {
        FileManager.default.fileExists(atPath: $0 + "/config.json")
      }) {
        return URL(filePath: found, directoryHint: .isDirectory).standardizedFileURL
      }
      throw SynthesisError(
        .resourcesMissing,
        "the bundled voice: expected its folder DefaultVoice in "
          + "\(places.joined(separator: ", ")), found none; copy it there, name a folder that holds it "
          + "with \(Self.variable), or name another model.")
    }
  }
}
