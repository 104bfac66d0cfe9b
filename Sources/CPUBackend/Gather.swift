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

  package func scatterRows(_ source: CPUTensor, ids: CPUIndices, into out: CPUTensor) {
    precondition(source.columns == out.columns && ids.count == source.rows)
    for row in 0..<source.rows where ids[row] >= 0 {
      precondition(Int(ids[row]) < out.rows, "row outside the tensor")
      (out.base + Int(ids[row]) * out.columns).update(
        from: source.base + row * source.columns, count: source.columns)
    }
  }

  package func gatherIndices(
    _ source: CPUIndices, width: Int, ids: CPUIndices, into out: CPUIndices
  ) {
    precondition(out.count == ids.count * width)
    for row in 0..<ids.count {
      for column in 0..<width {
        out[row * width + column] = source[Int(ids[row]) * width + column]
      }
    }
  }

  package func scatterIndices(
    _ source: CPUIndices, width: Int, ids: CPUIndices, into out: CPUIndices
  ) {
    precondition(source.count == ids.count * width)
    for row in 0..<ids.count where ids[row] >= 0 {
      for column in 0..<width {
        out[Int(ids[row]) * width + column] = source[row * width + column]
      }
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
