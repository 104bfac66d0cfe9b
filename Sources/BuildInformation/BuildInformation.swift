// SPDX-License-Identifier: MIT

import CBuildInformation

/// Which release this is, and which build of it.
package enum BuildInformation {
  /// The release's number.
  package static let version = "0.1.0"

  /// Twelve digits of the commit, with `+` where the tree had changes; `nil` in builds by hand.
  package static var commit: String? {
    let number = build_commit()
    guard number != 0 else { return nil }
    let digits = String(number, radix: 16)
    let zeros = String(repeating: "0", count: max(0, 12 - digits.count))
    return zeros + digits + (build_is_modified() ? "+" : "")
  }

  /// For `--version`: `0.1.0 (commit c17c759f0a1b, Linux x86_64)`.
  package static var summary: String {
    let build = commit.map { "commit \($0)" } ?? "built by hand"
    return "\(version) (\(build), Linux \(architecture))"
  }

  private static var architecture: String {
    #if arch(x86_64)
    "x86_64"
    #elseif arch(arm64)
    "aarch64"
    #else
    "of another architecture"
    #endif
  }
}
