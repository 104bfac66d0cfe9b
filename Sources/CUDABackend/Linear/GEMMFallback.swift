// SPDX-License-Identifier: MIT

import CUDA

extension CUDABackend {
  /// A product of any shape with a weight that is not split.
  ///
  /// - Parameter mostRows: Rows that the kernel with a warp per output takes, 1, 2 or 8; `nil`: the
  ///   kernel with tiles.
  func gemmFallback(
    mostRows: Int?, _ x: CUDATensor, _ weight: CUDAMatrix, bias: CUDATensor?, scale: CUDATensor?,
    accumulate: Bool, into out: CUDATensor
  ) throws(CUDAError) {
    let name = mostRows.map { "gemv_fallback_\($0)" } ?? "gemm_fallback"
    let grid =
      mostRows == nil
      ? CUDAGrid((weight.rows + 63) / 64, (x.rows + 63) / 64) : CUDAGrid((weight.rows + 3) / 4)
    try launch(
      "\(name)_\(weight.element)", grid: grid, block: mostRows == nil ? 256 : 128, x.address,
      weight.address, bias?.address ?? 0, scale?.address ?? 0, Int32(accumulate ? 1 : 0),
      out.address, Int32(x.rows), Int32(weight.rows), Int32(weight.columns))
  }
}
