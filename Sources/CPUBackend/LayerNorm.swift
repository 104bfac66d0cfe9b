// SPDX-License-Identifier: MIT

import CCPUKernels

extension CPUBackend {
  package func layerNorm(
    _ x: CPUTensor, weight: CPUTensor, bias: CPUTensor, epsilon: Float, into out: CPUTensor
  ) {
    qt_layer_norm(
      x.base, Int32(x.rows), Int32(x.columns), weight.base, bias.base, epsilon, out.base)
  }
}
