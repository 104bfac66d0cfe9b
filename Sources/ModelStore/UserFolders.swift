// SPDX-License-Identifier: MIT

/// Folders of the user, as the environment says.
///
/// As the XDG specification has it, a path in it that is not absolute is ignored.
package enum UserFolders {
  /// `$XDG_DATA_HOME/qwen3-tts`, by default `~/.local/share/qwen3-tts`.
  package static func data(_ environment: [String: String]) -> String {
    base("XDG_DATA_HOME", ".local/share", environment) + "/qwen3-tts"
  }

  /// `$XDG_CACHE_HOME`, by default `~/.cache`.
  package static func cache(_ environment: [String: String]) -> String {
    base("XDG_CACHE_HOME", ".cache", environment)
  }

  private static func base(
    _ variable: String, _ standard: String, _ environment: [String: String]
  ) -> String {
    if let stated = environment[variable], stated.hasPrefix("/") { return stated }
    return (environment["HOME"] ?? "") + "/" + standard
  }

  /// A path with `~/` at its beginning spelled out.
  static func expanded(_ path: String, _ environment: [String: String]) -> String {
    path == "~" || path.hasPrefix("~/") ? (environment["HOME"] ?? "") + path.dropFirst() : path
  }
}
