// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func argmax(_ x: CUDATensor, into out: CUDAIndices) throws(CUDAError) {
    precondition(out.count == x.rows, "a column for each row")
    try launch(
      "argmax", grid: CUDAGrid(x.rows), block: 256, x.address, out.address, Int32(out.stride),
      Int32(x.columns))
  }
}
