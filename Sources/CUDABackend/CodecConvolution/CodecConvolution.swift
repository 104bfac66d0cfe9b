// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func causalConvolution(
    _ x: CUDATensor, history: CUDATensor, weight: CUDAMatrix, bias: CUDATensor, kernel: Int,
    dilation: Int, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(history.rows == (kernel - 1) * dilation && out.rows == x.rows)
    precondition(weight.columns == x.columns * kernel && weight.rows == out.columns)
    try launch(
      "causal_convolution_\(weight.suffix)",
      grid: CUDAGrid((out.columns + 63) / 64, (x.rows + 63) / 64), block: 256, x.address,
      history.address, weight.address, bias.address, out.address, Int32(x.rows), Int32(x.columns),
      Int32(out.columns), Int32(kernel), Int32(dilation))
    try shiftHistory(x, history)
  }

  package func transposedConvolution(
    _ x: CUDATensor, history: CUDATensor?, weight: CUDAMatrix, bias: CUDATensor, stride: Int,
    into out: CUDATensor
  ) throws(CUDAError) {
    let kernel = weight.columns / out.columns
    precondition(weight.rows == x.columns && out.rows == x.rows * stride)
    precondition(kernel == (history == nil ? stride : 2 * stride))
    try launch(
      "transposed_convolution_\(weight.suffix)",
      grid: CUDAGrid((out.columns * stride + 63) / 64, (x.rows + 63) / 64), block: 256, x.address,
      history?.address ?? 0, weight.address, bias.address, out.address, Int32(x.rows),
      Int32(x.columns), Int32(out.columns), Int32(kernel), Int32(stride))
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

  /// Keeps the last rows of the history and what followed it.
  private func shiftHistory(_ x: CUDATensor, _ history: CUDATensor) throws(CUDAError) {
    guard history.rows > 0 else { return }
    try launch(
      "shift_history", over: x.columns, x.address, history.address, Int32(x.rows),
      Int32(history.rows), Int32(x.columns))
  }
}
