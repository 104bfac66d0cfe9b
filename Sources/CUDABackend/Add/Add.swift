// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func add(_ source: CUDATensor, into out: CUDATensor) throws(CUDAError) {
    precondition(source.columns == out.columns && (source.rows == out.rows || source.rows == 1))
    try launch("add", over: out.count, source.address, out.address, out.count, source.count)
  }

  package func addScaled(
    _ x: CUDATensor, scale: CUDATensor, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(x.rows == out.rows && x.columns == out.columns && scale.count == x.columns)
    try launch(
      "add_scaled", over: x.count, x.address, scale.address, out.address, x.count,
      Int32(x.columns))
  }
}
