// SPDX-License-Identifier: MIT

import CCPUKernels

extension CPUBackend {
  package func addTrailingText(
    _ table: CPUTensor, ids: CPUIndices, idsPerSlot: Int, frame: CPUIndices, count: CPUIndices,
    slots: CPUIndices, into out: CPUTensor
  ) {
    for row in 0..<out.rows {
      let slot = Int(slots[row])
      let id = Int(ids[slot * idsPerSlot + Int(min(frame[slot], count[slot]))])
      precondition(id >= 0 && id < table.rows, "row outside the table")
      qt_add(table.base + id * table.columns, out.base + row * out.columns, out.columns)
    }
  }
}
