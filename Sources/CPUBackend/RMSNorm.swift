// SPDX-License-Identifier: MIT

import CCPUKernels

extension CPUBackend {
  package func rmsNorm(
    _ x: CPUTensor, weight: CPUTensor, epsilon: Float, into out: CPUTensor
  ) {
    qt_rms_norm(x.base, Int32(x.rows), Int32(x.columns), weight.base, epsilon, out.base)
  }
}
