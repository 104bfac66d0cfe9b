// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func trailingText() throws {
    let (slotCount, rowsPerSlot) = (3, 6)
    let source = try input(slotCount * rowsPerSlot, 70)
    let out = try input(slotCount, 70)
    try backend.addTrailingText(
      source, rowsPerSlot: rowsPerSlot, frame: try indices([0, 9, 2], stride: 2),
      count: try indices([5, 3, 4]), slots: try indices([2, 0, 1], stride: 3), into: out)
    try expect(out, "rows of three slots", within: .exact)
  }
}
