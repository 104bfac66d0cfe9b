// SPDX-License-Identifier: MIT

import CCPUKernels

extension CPUBackend {
  package func depthwiseConvolution(
    _ x: CPUTensor, history: CPUTensor, weight: CPUTensor, bias: CPUTensor, into out: CPUTensor
  ) {
    precondition(weight.rows == x.columns && history.rows == weight.columns - 1)
    qt_depthwise(
      weight.base, Int32(x.columns), Int32(weight.columns), join(history, x), Int32(x.rows),
      bias.base, out.base)
  }
}
