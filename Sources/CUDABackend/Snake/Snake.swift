// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  package func snake(
    _ x: CUDATensor, _ weights: SnakeWeights<CUDATensor>, into out: CUDATensor
  ) throws(CUDAError) {
    let (alpha, inverseBeta) = (weights.alpha, weights.inverseBeta)
    precondition(alpha.count == x.columns && inverseBeta.count == x.columns)
    try launch(
      "snake", over: x.count, x.address, alpha.address, inverseBeta.address, out.address, x.count,
      Int32(x.columns))
  }
}
