// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  package func depthwiseConvolution(
    _ x: CUDATensor, history: History, weight: CUDATensor, bias: CUDATensor,
    into out: CUDATensor
  ) throws(CUDAError) {
    let history = own(history)
    precondition(weight.rows == x.columns && history.rows == weight.columns - 1)
    try launch(
      "depthwise_convolution", over: x.count, x.address, history.address, weight.address,
      bias.address, out.address, Int32(x.rows), Int32(x.columns), Int32(weight.columns),
      history.map, history.frameRows(x), history.slotStride)
    try updateState(history, after: x)
  }
}
