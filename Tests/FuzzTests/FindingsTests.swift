// SPDX-License-Identifier: MIT

import Foundation
import FuzzTargets
import Testing

/// Inputs that once did harm, and the seeds of the fuzzing harness.
@Suite struct FindingsTests {
  /// `Fuzzing/Findings/TARGET-anything`.
  static let findings: [URL] = {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fuzzing/Findings")
    return
      ((try? FileManager.default.contentsOfDirectory(
        at: folder, includingPropertiesForKeys: nil)) ?? [])
      .sorted { $0.path < $1.path }
  }()

  @Test(arguments: findings) func `does no harm again`(_ file: URL) throws {
    let name = try #require(file.lastPathComponent.split(separator: "-").first)
    let target = try #require(FuzzTarget(rawValue: String(name)))
    try target.read(Array(Data(contentsOf: file)))
  }

  @Test(arguments: FuzzTarget.allCases) func `reads the seeds`(_ target: FuzzTarget) throws {
    for seed in try target.seeds() { try target.read(seed) }
    try target.read([])
  }

  @Test func `no single setting does harm`() throws {
    for edit in ChangedSettings.singleEdits { try FuzzTarget.settings.read(edit) }
  }
}
