// SPDX-License-Identifier: MIT

import CCPUKernels

extension CPUBackend {
  package func swiGLU(_ x: CPUTensor, into out: CPUTensor) {
    precondition(x.columns == 2 * out.columns && x.rows == out.rows)
    qt_swiglu(x.base, Int32(out.rows), Int32(out.columns), out.base)
  }
}
