// SPDX-License-Identifier: MIT

package import SpeechModel

extension CPUBackend {
  /// The second Snake of a unit comes as its first convolution ends, and its last is added to the
  /// rows as it ends: no pass over them is for either alone.
  package func decoderBlock(
    _ x: CPUTensor, _ block: DecoderBlock<CPUTensor, CPUMatrix>, history: History,
    unitHistories: [History], inner: CPUTensor, scratch: (CPUTensor, CPUTensor),
    into out: CPUTensor
  ) {
    snake(x, block.snake, into: x)
    transposedConvolution(
      x, history: history, weight: block.transposed.weight, bias: block.transposed.bias,
      stride: block.stride, into: out)
    for (unit, history) in zip(block.units, unitHistories) {
      precondition(history.rows == 6 * unit.dilation && inner.rows == out.rows)
      for (rows, past) in history.parts(of: out.rows) {
        convolve(
          joinSnake(past, out.rows(rows), unit.first), inputs: out.columns, unit.dilated.weight,
          bias: unit.dilated.bias, kernel: 7, dilation: unit.dilation, then: unit.second,
          into: inner.rows(rows))
      }
      convolve(
        inner.base, inputs: out.columns, unit.pointwise.weight, bias: unit.pointwise.bias,
        kernel: 1, dilation: 1, accumulate: true, into: out)
    }
  }
}
