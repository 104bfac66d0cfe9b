// SPDX-License-Identifier: MIT

package import SpeechModel

import CCPUKernels

extension CPUBackend {
  package func snake(
    _ x: CPUTensor, _ weights: SnakeWeights<CPUTensor>, into out: CPUTensor
  ) {
    qt_snake(
      x.base, Int32(x.rows), Int32(x.columns), weights.alpha.base,
      weights.inverseBeta.base, out.base)
  }
}
