// SPDX-License-Identifier: MIT

import CCPUKernels

extension CPUBackend {
  package func transposedConvolution(
    _ x: CPUTensor, history: CPUTensor?, weight: CPUMatrix, bias: CPUTensor, stride: Int,
    into out: CPUTensor
  ) {
    let kernel = weight.columns / out.columns
    precondition(weight.rows == x.columns && out.rows == x.rows * stride)
    precondition(kernel == (history == nil ? stride : 2 * stride))
    qt_transposed_convolution(
      weight.parts[0].base, weight.parts[0].elementType, Int32(out.columns), Int32(x.columns),
      Int32(kernel), Int32(stride), history.map { join($0, x) } ?? x.base, Int32(x.rows),
      bias.base, out.base)
  }
}
