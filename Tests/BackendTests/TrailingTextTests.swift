// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Text that is spoken as frames are made.
@Suite struct TrailingTextTests {
  @Test func `a slot's frame adds its row of text, and past the last the padding`() {
    let check = CPUCheck()
    // Two slots of three ids; slot 0 has two tokens and the padding, slot 1 one.
    let table = check.tensor([[0], [30], [20], [10], [3], [2], [1]])
    let ids = check.indices([6, 5, 4, 3, 2, 99])
    let out = check.tensor([[100], [200], [300]])
    func add(_ frames: [Int32]) {
      check.backend.addTrailingText(
        table, ids: ids, idsPerSlot: 3, frame: check.indices(frames), count: check.indices([2, 1]),
        slots: check.indices([1, 0, 1]), into: out)
    }
    add([1, 0])
    #expect(check.rows(out) == [[110], [202], [310]])
    add([9, 9])
    #expect(check.rows(out) == [[130], [205], [330]])
  }
}
