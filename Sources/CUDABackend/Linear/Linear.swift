// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func linear(
    _ x: CUDATensor, _ weight: CUDAMatrix, bias: CUDATensor?, into out: CUDATensor
  ) throws(CUDAError) {
    try multiply(.store, x, weight, bias: bias, scale: nil, into: out)
  }

  package func linearAdd(
    _ x: CUDATensor, _ weight: CUDAMatrix, bias: CUDATensor?, scale: CUDATensor?,
    into out: CUDATensor
  ) throws(CUDAError) {
    try multiply(.add, x, weight, bias: bias, scale: scale, into: out)
  }

  package func rmsNormLinear(
    _ x: CUDATensor, norm: CUDATensor, epsilon: Float, weight: CUDAMatrix, scratch: CUDATensor,
    into out: CUDATensor
  ) throws(CUDAError) {
    precondition(x.columns == weight.columns && out.columns == weight.rows && x.rows == out.rows)
    switch plan(LinearProduct(.normStore, rows: x.rows, weight)) {
    case .gemv(let tile): try gemv(tile, x, norm: norm, epsilon: epsilon, weight, into: out)
    case .smallBatchGEMV:
      try smallBatchGEMV(x, norm: norm, epsilon: epsilon, weight, into: out)
    case .gemm:
      let normed = try rmsNormSplit(x, weight: norm, epsilon: epsilon, at: scratch.address)
      try gemm(normed, weight, GEMMEpilogue(out: out))
    case .exactGEMM, .gemvFallback, .gemmFallback, nil:
      try rmsNorm(x, weight: norm, epsilon: epsilon, into: scratch)
      try linear(scratch, weight, bias: nil, into: out)
    }
  }

  /// The kernel for a product on this device.
  func plan(_ product: LinearProduct) -> LinearPlan? {
    LinearPlan(
      product, streamsWeights: streamsWeights, independentRows: independentRows)
  }

  private func multiply(
    _ form: LinearProduct.Form, _ x: CUDATensor, _ weight: CUDAMatrix, bias: CUDATensor?,
    scale: CUDATensor?, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(x.columns == weight.columns && out.columns == weight.rows && x.rows == out.rows)
    let accumulate = form == .add
    let product = LinearProduct(
      form, rows: x.rows, weight, hasBias: bias != nil, hasScale: scale != nil)
    switch plan(product) {
    case .gemv(let tile): try gemv(tile, x, weight, bias: bias, into: out)
    case .smallBatchGEMV:
      try smallBatchGEMV(
        x, weight, bias: bias, scale: scale, accumulate: accumulate, into: out)
    case .gemm:
      // Rows that do not fit into the scratch memory at once go in turns.
      let most = splitScratch.count / x.columns
      for start in stride(from: 0, to: x.rows, by: most) {
        let rows = start..<min(start + most, x.rows)
        try gemm(
          try splitRows(x.rows(rows), at: splitScratch.address), weight,
          GEMMEpilogue(
            bias: bias, scale: scale, flags: accumulate ? .accumulate : [], out: out.rows(rows)))
      }
    case .exactGEMM:
      try exactGEMM(x, weight, bias: bias, scale: scale, accumulate: accumulate, into: out)
    case .gemvFallback(let rows):
      try gemmFallback(
        mostRows: rows, x, weight, bias: bias, scale: scale, accumulate: accumulate, into: out)
    case .gemmFallback:
      try gemmFallback(
        mostRows: nil, x, weight, bias: bias, scale: scale, accumulate: accumulate, into: out)
    case nil: preconditionFailure("a kernel for every product")
    }
  }
}
