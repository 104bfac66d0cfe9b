// SPDX-License-Identifier: MIT

package import SpeechModel

import CCPUKernels

extension CPUBackend {
  package func transposedConvolution(
    _ x: CPUTensor, history: History?, weight: CPUMatrix, bias: CPUTensor, stride: Int,
    into out: CPUTensor
  ) {
    let kernel = weight.columns / out.columns
    precondition(weight.rows == x.columns && out.rows == x.rows * stride)
    precondition(kernel == (history == nil ? stride : 2 * stride))
    func convolve(_ rows: UnsafePointer<Float>, _ range: Range<Int>) {
      qt_transposed_convolution(
        weight.parts[0].base, weight.parts[0].elementType, Int32(out.columns), Int32(x.columns),
        Int32(kernel), Int32(stride), rows, Int32(range.count), bias.base,
        out.rows(stride * range.lowerBound..<stride * range.upperBound).base)
    }
    guard let history else { return convolve(x.base, 0..<x.rows) }
    for (rows, past) in history.parts(of: x.rows) { convolve(join(past, x.rows(rows)), rows) }
  }
}
