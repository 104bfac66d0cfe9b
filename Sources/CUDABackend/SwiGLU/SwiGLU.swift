// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func swiGLU(_ x: CUDATensor, into out: CUDATensor) throws(CUDAError) {
    precondition(x.columns == 2 * out.columns && x.rows == out.rows)
    try launch(
      "swiglu", over: out.count, x.address, out.address, Int32(out.rows), Int32(out.columns))
  }

  package func rmsNormSwiGLU(
    _ x: CUDATensor, norm: CUDATensor, epsilon: Float, gateUp: CUDAMatrix, scratch: CUDATensor,
    wide: CUDATensor, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(
      x.columns == gateUp.columns && 2 * out.columns == gateUp.rows && x.rows == out.rows)
    if case .gemv(let tile) = plan(LinearProduct(.normSwiGLU, rows: x.rows, gateUp)) {
      return try gemv(tile, x, norm: norm, epsilon: epsilon, gateUp, into: out)
    }
    try rmsNorm(x, weight: norm, epsilon: epsilon, into: scratch)
    try linear(scratch, gateUp, bias: nil, into: wide)
    try swiGLU(wide, into: out)
  }
}
