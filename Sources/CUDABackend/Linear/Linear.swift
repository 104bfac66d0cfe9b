// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func linear(
    _ x: CUDATensor, _ weight: CUDAMatrix, bias: CUDATensor?, into out: CUDATensor
  ) throws(CUDAError) {
    try multiply(x, weight, bias: bias, scale: nil, accumulate: false, into: out)
  }

  package func linearAdd(
    _ x: CUDATensor, _ weight: CUDAMatrix, bias: CUDATensor?, scale: CUDATensor?,
    into out: CUDATensor
  ) throws(CUDAError) {
    try multiply(x, weight, bias: bias, scale: scale, accumulate: true, into: out)
  }

  private func multiply(
    _ x: CUDATensor, _ weight: CUDAMatrix, bias: CUDATensor?, scale: CUDATensor?,
    accumulate: Bool, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(x.columns == weight.columns && out.columns == weight.rows && x.rows == out.rows)
    if scale == nil, !(accumulate && bias != nil),
      try stream(
        accumulate ? .add : .store, x, norm: nil, epsilon: 0, weight, bias: bias, into: out)
    {
      return
    }
    if try multiplyParts(
      x, weight, bias: bias, scale: scale, accumulate: accumulate, into: out)
    {
      return
    }
    let few = x.rows <= 8
    if weight.exactTaps != nil, !few {
      return try exactProduct(
        x, weight, bias: bias, scale: scale, accumulate: accumulate, into: out)
    }
    let name =
      !few ? "gemm_fallback" : "gemv_fallback_\(x.rows == 1 ? 1 : x.rows == 2 ? 2 : 8)"
    let grid =
      few
      ? CUDAGrid((weight.rows + 3) / 4)
      : CUDAGrid((weight.rows + 63) / 64, (x.rows + 63) / 64)
    try launch(
      "\(name)_\(weight.suffix)", grid: grid, block: few ? 128 : 256, x.address, weight.address,
      bias?.address ?? 0, scale?.address ?? 0, Int32(accumulate ? 1 : 0), out.address,
      Int32(x.rows), Int32(weight.rows), Int32(weight.columns))
  }
}
