// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func rmsNorm(
    _ x: CUDATensor, weight: CUDATensor, epsilon: Float, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(weight.count == x.columns && out.count == x.count)
    try launch(
      "rms_norm", grid: CUDAGrid(x.rows), block: 256, x.address, weight.address, epsilon,
      out.address, Int32(x.columns))
  }

  /// `rmsNorm(x)` as split rows.
  func rmsNormSplit(
    _ x: CUDATensor, weight: CUDATensor, epsilon: Float, at address: UInt64
  ) throws(CUDAError) -> SplitRows {
    precondition(weight.count == x.columns)
    try launch(
      "rms_norm_split", grid: CUDAGrid(x.rows), block: rowThreads(x.columns), x.address,
      weight.address, epsilon, address, Int32(x.columns))
    return SplitRows(address: address, rows: x.rows, columns: x.columns)
  }

  /// `x · weight` as split rows, and the squares by which `rmsNorm` divides.
  func rmsGainSplit(
    _ x: CUDATensor, weight: CUDATensor, into out: SplitRows, squares: CUDATensor
  ) throws(CUDAError) {
    precondition(weight.count == x.columns && x.columns % GEMMNorm.columns == 0)
    try launch(
      "rms_gain_split", grid: CUDAGrid(x.rows), block: rowThreads(x.columns), x.address,
      weight.address, out.address, squares.address, Int32(x.columns))
  }
}
