// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func trailingText() throws {
    let (slotCount, idsPerSlot) = (4, 6)
    let table = try input(40, 70)
    let ids = try indices(random.ids(slotCount * idsPerSlot, below: 40))
    let out = try input(5, 70)
    try backend.addTrailingText(
      table, ids: ids, idsPerSlot: idsPerSlot, frame: try indices([0, 9, 2, 5], stride: 2),
      count: try indices([5, 3, 4, 0]), slots: try indices([2, 0, 3, 1, 1], stride: 3), into: out)
    try expect(out, "rows of four slots", within: .exact)
  }
}
