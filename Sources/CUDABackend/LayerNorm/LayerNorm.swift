// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func layerNorm(
    _ x: CUDATensor, weight: CUDATensor, bias: CUDATensor, epsilon: Float, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(weight.count == x.columns && bias.count == x.columns && out.count == x.count)
    try launch(
      "layer_norm", grid: CUDAGrid(x.rows), block: 256, x.address, weight.address, bias.address,
      epsilon, out.address, Int32(x.columns))
  }
}
