// SPDX-License-Identifier: MIT

package import SpeechModel

import CCPUKernels

extension CPUBackend {
  package func depthwiseConvolution(
    _ x: CPUTensor, history: History, weight: CPUTensor, bias: CPUTensor, into out: CPUTensor
  ) {
    precondition(weight.rows == x.columns && history.rows == weight.columns - 1)
    for (rows, past) in history.parts(of: x.rows) {
      qt_depthwise(
        weight.base, Int32(x.columns), Int32(weight.columns), join(past, x.rows(rows)),
        Int32(rows.count), bias.base, out.rows(rows).base)
    }
  }
}
