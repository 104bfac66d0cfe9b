// SPDX-License-Identifier: MIT

import CCPUKernels

extension CPUBackend {
  package func addTrailingText(
    _ source: CPUTensor, rowsPerSlot: Int, frame: CPUIndices, count: CPUIndices, slots: CPUIndices,
    into out: CPUTensor
  ) {
    for row in 0..<out.rows {
      let slot = Int(slots[row])
      let index = slot * rowsPerSlot + Int(min(frame[slot], count[slot]))
      qt_add(source.base + index * source.columns, out.base + row * out.columns, out.columns)
    }
  }
}
