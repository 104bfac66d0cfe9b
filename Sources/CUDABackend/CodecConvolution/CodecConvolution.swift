// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func causalConvolution(
    _ x: CUDATensor, history: CUDATensor, weight: CUDAMatrix, bias: CUDATensor, kernel: Int,
    dilation: Int, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(history.rows == (kernel - 1) * dilation && out.rows == x.rows)
    precondition(weight.columns == x.columns * kernel && weight.rows == out.columns)
    if let taps = weight.exactTaps {
      precondition(taps == kernel, "a weight laid out for another kernel")
      try exactProduct(
        x, history: history, dilation: dilation, weight, bias: bias, into: out)
      return try keepRows(x, history)
    }
    if weight.packed != nil {
      try convolveParts(x, history: history, weight, dilation: dilation, bias: bias, into: out)
      return try keepRows(x, history)
    }
    let grid = sharedGrid(rows: x.rows, columns: out.columns, k: weight.columns)
    try launch(
      "causal_convolution_\(weight.suffix)", grid: grid, block: 256, x.address, history.address,
      weight.address, bias.address, out.address, shares.address, Int32(x.rows), Int32(x.columns),
      Int32(out.columns), Int32(kernel), Int32(dilation))
    try addShares(grid, bias: bias, out, rows: x.rows, columns: out.columns, stride: 1)
    try shiftHistory(x, history)
  }

  package func transposedConvolution(
    _ x: CUDATensor, history: CUDATensor?, weight: CUDAMatrix, bias: CUDATensor, stride: Int,
    into out: CUDATensor
  ) throws(CUDAError) {
    let kernel = weight.columns / out.columns
    precondition(weight.rows == x.columns && out.rows == x.rows * stride)
    precondition(kernel == (history == nil ? stride : 2 * stride))
    if weight.packed != nil {
      try convolveParts(x, history: history, weight, dilation: 1, bias: bias, into: out)
      if let history { try keepRows(x, history) }
      return
    }
    let columns = out.columns * stride
    let grid = sharedGrid(rows: x.rows, columns: columns, k: x.columns * kernel / stride)
    try launch(
      "transposed_convolution_\(weight.suffix)", grid: grid, block: 256, x.address,
      history?.address ?? 0, weight.address, bias.address, out.address, shares.address,
      Int32(x.rows), Int32(x.columns), Int32(out.columns), Int32(kernel), Int32(stride))
    try addShares(grid, bias: bias, out, rows: x.rows, columns: columns, stride: stride)
    if let history { try shiftHistory(x, history) }
  }

  package func depthwiseConvolution(
    _ x: CUDATensor, history: CUDATensor, weight: CUDATensor, bias: CUDATensor,
    into out: CUDATensor
  ) throws(CUDAError) {
    precondition(weight.rows == x.columns && history.rows == weight.columns - 1)
    try launch(
      "depthwise_convolution", over: x.count, x.address, history.address, weight.address,
      bias.address, out.address, Int32(x.rows), Int32(x.columns), Int32(weight.columns))
    try shiftHistory(x, history)
  }

  /// Blocks for a product in tiles of 64 × 64: where those are few, each takes a share of `k`.
  private func sharedGrid(rows: Int, columns: Int, k: Int) -> CUDAGrid {
    let (x, y) = ((columns + 63) / 64, (rows + 63) / 64)
    let wanted = 2 * context.multiprocessorCount / (x * y)
    let most = min(k / 128, shares.count / (rows * columns))
    return CUDAGrid(x, y, max(1, min(wanted, most)))
  }

  /// Sums the shares of a product, if there are several.
  private func addShares(
    _ grid: CUDAGrid, bias: CUDATensor, _ out: CUDATensor, rows: Int, columns: Int, stride: Int
  ) throws(CUDAError) {
    guard grid.z > 1 else { return }
    try launch(
      "convolution_reduce", over: rows * columns, shares.address, bias.address, out.address, Int32(rows),
      Int32(columns), Int32(out.columns), Int32(stride), Int32(grid.z))
  }

  /// A convolution with a packed weight. Rows that the room for parts cannot take at once go in turns,
  /// each with the rows before it.
  private func convolveParts(
    _ x: CUDATensor, history: CUDATensor?, _ weight: CUDAMatrix, dilation: Int, bias: CUDATensor,
    into out: CUDATensor
  ) throws(CUDAError) {
    let past = history?.rows ?? 0
    let longer = out.rows / x.rows
    let most = parts.count / x.columns - past
    precondition(most >= past, "there is room for the rows a convolution sees")
    for start in Swift.stride(from: 0, to: x.rows, by: most) {
      let end = min(start + most, x.rows)
      let before = start == 0 ? history : x.rows(start - past..<start)
      let joined = try rowParts(x.rows(start..<end), history: before, at: parts.address)
      let rows = PartRows(
        address: joined.address + UInt64(4 * past * x.columns), rows: end - start,
        columns: x.columns)
      let seen = CUDATensor(address: joined.address, rows: past, columns: x.columns)
      try product(
        rows, history: past > 0 ? seen : nil, dilation: dilation, weight,
        ProductEnd(bias: bias, out: out.rows(start * longer..<end * longer)))
    }
  }

  /// Keeps the last rows of the history and what followed it.
  private func keepRows(_ x: CUDATensor, _ history: CUDATensor) throws(CUDAError) {
    guard history.rows > 0 else { return }
    try launch(
      "update_state", over: x.columns, x.address, history.address, Int32(x.rows),
      Int32(history.rows), Int32(x.columns))
  }

  /// Keeps the last rows of the history and what followed it.
  private func shiftHistory(_ x: CUDATensor, _ history: CUDATensor) throws(CUDAError) {
    guard history.rows > 0 else { return }
    try launch(
      "update_state", over: x.columns, x.address, history.address, Int32(x.rows),
      Int32(history.rows), Int32(x.columns))
  }
}
