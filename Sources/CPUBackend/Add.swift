// SPDX-License-Identifier: MIT

import CCPUKernels

extension CPUBackend {
  package func add(_ source: CPUTensor, into out: CPUTensor) {
    precondition(source.columns == out.columns && (source.rows == out.rows || source.rows == 1))
    for row in 0..<out.rows {
      let from = source.rows == 1 ? 0 : row
      qt_add(source.base + from * source.columns, out.base + row * out.columns, out.columns)
    }
  }
}
