// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  package func transposedConvolution(
    _ x: CUDATensor, history: History?, weight: CUDAMatrix, bias: CUDATensor, stride: Int,
    into out: CUDATensor
  ) throws(CUDAError) {
    let history = history.map { own($0) }
    let kernel = weight.columns / out.columns
    precondition(weight.rows == x.columns && out.rows == x.rows * stride)
    precondition(kernel == (history == nil ? stride : 2 * stride))
    if weight.isSplit {
      if let history, history.frames != nil {
        return try convolveStreams(x, history: history, weight, dilation: 1, bias: bias, into: out)
      }
      try convolveSplit(x, history: history?.states, weight, dilation: 1, bias: bias, into: out)
    } else {
      let columns = out.columns * stride
      let grid = splitKGrid(rows: x.rows, columns: columns, k: x.columns * kernel / stride)
      try launch(
        "transposed_convolution_\(weight.element)", grid: grid, block: 256, x.address,
        history?.address ?? 0, weight.address, bias.address, out.address, partials.address,
        Int32(x.rows), Int32(x.columns), Int32(out.columns), Int32(kernel), Int32(stride),
        history?.map ?? 0, history?.frameRows(x) ?? 0, history?.slotStride ?? 0)
      try reducePartials(grid, bias: bias, out, rows: x.rows, columns: columns, stride: stride)
    }
    if let history { try updateState(history, after: x) }
  }
}
