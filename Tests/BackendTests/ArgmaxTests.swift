// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// The column of the largest entry.
@Suite struct ArgmaxTests {
  @Test func `the largest of equal entries is the first`() {
    let check = CPUCheck()
    let scores = check.tensor([
      [1, 3, 3, 2], [0, 0, 0, 0], [-5, -4, -3, -3], [-.infinity, -1, 0, 7],
    ])
    let picks = check.indices([Int32](repeating: -1, count: 8))
    check.backend.argmax(scores, into: picks.strided(from: 1, count: 4, by: 2))
    #expect(check.backend.read(picks) == [-1, 1, -1, 0, -1, 2, -1, 3])
  }
}
