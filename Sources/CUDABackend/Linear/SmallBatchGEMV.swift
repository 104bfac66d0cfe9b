// SPDX-License-Identifier: MIT

import CUDA

extension CUDABackend {
  /// A product for one to four rows with a split weight; `x` is RMS-normalised first when there is a
  /// norm.
  func smallBatchGEMV(
    _ x: CUDATensor, norm: CUDATensor? = nil, epsilon: Float = 0, _ weight: CUDAMatrix,
    bias: CUDATensor? = nil, scale: CUDATensor? = nil, accumulate: Bool = false,
    into out: CUDATensor
  ) throws(CUDAError) {
    guard let layout = weight.gemmLayout else { preconditionFailure("a split weight") }
    let outputs = layout.k == 1024 ? 8 : 16
    try launch(
      "small_batch_gemv_\(layout.k / 256)_\(x.rows == 3 ? 4 : x.rows)",
      grid: CUDAGrid((layout.outputs + outputs - 1) / outputs), block: 128, x.address,
      norm?.address ?? 0, epsilon, weight.address, bias?.address ?? 0, scale?.address ?? 0,
      Int32(accumulate ? 1 : 0), out.address, Int32(x.rows), Int32(layout.outputs))
  }

  /// `out = swiGLU(rmsNorm(x) Wᵀ)` for one to four rows of 512 and a split weight.
  func smallBatchSwiGLU(
    _ x: CUDATensor, norm: CUDATensor, epsilon: Float, _ gateUp: CUDAMatrix, into out: CUDATensor
  ) throws(CUDAError) {
    try launch(
      "small_batch_swiglu_2_\(x.rows == 3 ? 4 : x.rows)", grid: CUDAGrid((out.columns + 7) / 8),
      block: 128, x.address, norm.address, epsilon, gateUp.address, UInt64(0), UInt64(0), Int32(0),
      out.address, Int32(x.rows), Int32(out.columns))
  }
}
