// SPDX-License-Identifier: MIT

import CCPUKernels

extension CPUBackend {
  package func gather(
    _ table: CPUMatrix, ids: CPUIndices, scale: CPUTensor?, accumulate: Bool, into out: CPUTensor
  ) {
    precondition(table.columns == out.columns && ids.count == out.rows)
    for row in 0..<out.rows {
      let id = Int(ids[row])
      let target = out.base + row * out.columns
      guard id >= 0 else {
        if !accumulate { target.update(repeating: 0, count: out.columns) }
        continue
      }
      let (address, type) = table.row(id)
      qt_add_row(address, type, out.columns, scale?.base[id] ?? 1, accumulate, target)
    }
  }

  package func gatherRows(
    _ source: CPUTensor, ids: CPUIndices, accumulate: Bool, into out: CPUTensor
  ) {
    precondition(source.columns == out.columns && ids.count == out.rows)
    for row in 0..<out.rows {
      let id = Int(ids[row])
      precondition(id < source.rows, "row outside the tensor")
      let target = out.base + row * out.columns
      guard id >= 0 else {
        if !accumulate { target.update(repeating: 0, count: out.columns) }
        continue
      }
      qt_add_row(source.base + id * source.columns, QT_F32, out.columns, 1, accumulate, target)
    }
  }

  package func gatherSum(
    _ table: CPUMatrix, entries: Int, scale: CPUTensor, codes: CPUIndices, width: Int,
    range: Range<Int>, into out: CPUTensor
  ) {
    precondition(table.columns == out.columns && codes.count >= out.rows * width)
    for row in 0..<out.rows {
      for book in range {
        let id = book * entries + Int(codes[row * width + book])
        let (address, type) = table.row(id)
        qt_add_row(
          address, type, out.columns, scale.base[id], book > range.lowerBound,
          out.base + row * out.columns)
      }
    }
  }
}
