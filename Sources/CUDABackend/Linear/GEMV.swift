// SPDX-License-Identifier: MIT

import CUDA

extension CUDABackend {
  /// A product for one or two rows with a bf16 weight; `x` is RMS-normalised first when there is a
  /// norm.
  func gemv(
    _ tile: GEMVTile, _ x: CUDATensor, norm: CUDATensor? = nil, epsilon: Float = 0,
    _ weight: CUDAMatrix, bias: CUDATensor? = nil, into out: CUDATensor
  ) throws(CUDAError) {
    try launch(
      tile.name, grid: CUDAGrid((out.columns + tile.outputs - 1) / tile.outputs), block: 128,
      x.address, norm?.address ?? 0, epsilon, weight.address, bias?.address ?? 0, out.address,
      Int32(out.columns))
  }
}
