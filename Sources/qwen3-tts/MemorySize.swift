// SPDX-License-Identifier: MIT

import ArgumentParser

/// A number of bytes as people write it: `4GB`, `512MiB`, `1.5G`, `800000000`.
struct MemorySize: ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    let text = argument.lowercased()
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let units: [Substring: Double] = [
      "": 1, "b": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12,
      "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
      "kib": 0x1p10, "mib": 0x1p20, "gib": 0x1p30, "tib": 0x1p40,
    ]
    guard let number = Double(digits), let unit = units[text[digits.endIndex...]],
      let bytes = Int(exactly: (number * unit).rounded()), bytes > 0
    else { return nil }
    self.bytes = bytes
  }

  /// What `--memory` says in every command.
  static let help: ArgumentHelp = """
    Bytes for the keys and values of all speeches, such as 4GB or 512MiB: a second of speech is 12.5 positions, \
    and `inspect` says what a position takes.
    """
}
