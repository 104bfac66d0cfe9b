// SPDX-License-Identifier: MIT

public import Foundation
import ModelStore

/// A folder of saved voices, one `NAME.voice` each.
public struct VoiceLibrary: Sendable {
  /// The folder; it need not exist.
  public let folder: URL

  /// The voices in a folder.
  public init(folder: URL) { self.folder = folder }

  /// The user's voices: `$XDG_DATA_HOME/qwen3-tts/voices`, by default under `~/.local/share`.
  public static var standard: VoiceLibrary {
    VoiceLibrary(environment: ProcessInfo.processInfo.environment)
  }

  /// The user's voices in an environment.
  package init(environment: [String: String]) {
    folder = URL(
      filePath: UserFolders.data(environment) + "/voices", directoryHint: .isDirectory)
  }

  /// A saved voice, or why its file cannot be used.
  public struct Entry: Sendable {
    /// What `--voice` takes.
    public let name: String
    /// The voice, or the error of reading it.
    public let voice: Result<ClonedVoice, SynthesisError>
  }

  /// Names of the saved voices, in alphabetical order.
  public var names: [String] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    let ending = ".\(ClonedVoice.fileExtension)"
    return files.filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }
      .filter(Self.isName).sorted()
  }

  /// All saved voices, in alphabetical order. Damaged files are listed with what is wrong.
  public var entries: [Entry] {
    names.map { name in
      do {
        return Entry(name: name, voice: .success(try voice(named: name)))
      } catch {
        let known = error as? SynthesisError ?? SynthesisError(.invalidInput, "\(error)")
        return Entry(name: name, voice: .failure(known))
      }
    }
  }

  /// Whether a name can be a file's: letters, digits, `-`, `_`, `.` and spaces, not first a `.` and
  /// neither first nor last a space.
  public static func isName(_ name: String) -> Bool {
    let allowed = name.allSatisfy { $0.isLetter || $0.isNumber || "-_. ".contains($0) }
    return allowed && !name.isEmpty && name.utf8.count <= 200 && !name.hasPrefix(".")
      && !name.hasPrefix(" ") && !name.hasSuffix(" ")
  }

  /// The file of a saved voice, whether or not it exists.
  ///
  /// - Throws: `SynthesisError` `invalidInput` for what cannot be a name.
  public func file(for name: String) throws -> URL {
    guard Self.isName(name) else {
      throw SynthesisError(
        .invalidInput,
        "voice: expected a name of letters, digits, -, _, . and spaces, or a file ending in "
          + ".\(ClonedVoice.fileExtension), found \"\(name.prefix(80))\"")
    }
    return folder.appending(path: "\(name).\(ClonedVoice.fileExtension)")
  }

  /// Reads a saved voice.
  ///
  /// - Throws: `SynthesisError` `invalidInput`.
  public func voice(named name: String) throws -> ClonedVoice {
    try ClonedVoice(contentsOf: file(for: name))
  }

  /// Saves a voice under a name; one of the same name is replaced.
  ///
  /// - Returns: Its file.
  /// - Throws: `SynthesisError` `invalidInput` when it cannot be written.
  @discardableResult
  public func save(_ voice: ClonedVoice, as name: String) throws -> URL {
    let file = try file(for: name)
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw SynthesisError(
        .invalidInput,
        "\(folder.path): expected a folder for voices, which cannot be made: "
          + error.localizedDescription, underlying: error)
    }
    try voice.write(to: file)
    return file
  }
}
