// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Rows added to rows.
@Suite struct AddTests {
  @Test func `rows are added each to its own, and a single one to all`() {
    let check = CPUCheck()
    let out = check.tensor([[1, 2, 3], [4, 5, 6]])
    check.backend.add(check.tensor([[10, 20, 30], [40, 50, 60]]), into: out)
    #expect(check.rows(out) == [[11, 22, 33], [44, 55, 66]])
    check.backend.add(check.tensor([[100, 0, -1]]), into: out)
    #expect(check.rows(out) == [[111, 22, 32], [144, 55, 65]])
  }

  @Test func `scaled rows are added per column`() {
    let check = CPUCheck()
    let out = check.tensor([[1, 2], [3, 4]])
    check.backend.addScaled(
      check.tensor([[10, 20], [30, 40]]), scale: check.tensor([[0.5, -1]]), into: out)
    #expect(check.backend.read(out) == [6, -18, 18, -36])
  }
}
