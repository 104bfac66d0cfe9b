// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func feedForward(
    _ out: CUDATensor, norm: CUDATensor, epsilon: Float, gateUp: CUDAMatrix, down: CUDAMatrix,
    scale: CUDATensor?, scratch: CUDATensor, wide: CUDATensor, activated: CUDATensor
  ) throws(CUDAError) {
    precondition(gateUp.columns == out.columns && down.rows == out.columns)
    precondition(2 * activated.columns == gateUp.rows && activated.rows == out.rows)
    switch plan(LinearProduct(.normSwiGLU, rows: out.rows, gateUp)) {
    case .gemm where down.gemmLayout != nil:
      let normed = try rmsNormSplit(out, weight: norm, epsilon: epsilon, at: scratch.address)
      let inner = SplitRows(activated)
      try gemm(normed, gateUp, GEMMEpilogue(flags: .swiGLU, split: inner))
      return try gemm(inner, down, GEMMEpilogue(scale: scale, flags: .accumulate, out: out))
    case .smallBatchGEMV where down.gemmLayout != nil:
      try smallBatchSwiGLU(out, norm: norm, epsilon: epsilon, gateUp, into: activated)
    default:
      try rmsNormSwiGLU(
        out, norm: norm, epsilon: epsilon, gateUp: gateUp, scratch: scratch, wide: wide,
        into: activated)
    }
    try linearAdd(activated, down, bias: nil, scale: scale, into: out)
  }
}
