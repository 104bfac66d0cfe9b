// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func statisticsPooling(
    _ x: CUDATensor, scores: CUDATensor?, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(out.count == 2 * x.columns, "a mean and a deviation for each column")
    precondition(scores.map { $0.rows == x.rows && $0.columns == x.columns } ?? true)
    try launch(
      "statistics_pooling", grid: CUDAGrid((x.columns + 31) / 32), block: 1024, x.address,
      scores?.address ?? 0, out.address, Int32(x.rows), Int32(x.columns))
  }
}
