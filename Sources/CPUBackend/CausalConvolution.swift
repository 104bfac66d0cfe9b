// SPDX-License-Identifier: MIT

package import SpeechModel

import CCPUKernels

extension CPUBackend {
  package func causalConvolution(
    _ x: CPUTensor, history: History, weight: CPUMatrix, bias: CPUTensor, kernel: Int,
    dilation: Int, into out: CPUTensor
  ) {
    precondition(history.rows == (kernel - 1) * dilation && out.rows == x.rows)
    for (rows, past) in history.parts(of: x.rows) {
      convolve(
        join(past, x.rows(rows)), inputs: x.columns, weight, bias: bias, kernel: kernel,
        dilation: dilation, into: out.rows(rows))
    }
  }

  package func snakeConvolution(
    _ x: CPUTensor, _ snake: SnakeWeights<CPUTensor>, history: History, weight: CPUMatrix,
    bias: CPUTensor, kernel: Int, dilation: Int, scratch: CPUTensor,
    into out: CPUTensor
  ) {
    precondition(history.rows == (kernel - 1) * dilation && out.rows == x.rows)
    for (rows, past) in history.parts(of: x.rows) {
      convolve(
        joinSnake(past, x.rows(rows), snake), inputs: x.columns, weight, bias: bias,
        kernel: kernel, dilation: dilation, into: out.rows(rows))
    }
  }

  /// `out (+)=` the convolution of `rows`, history included; then Snake.
  func convolve(
    _ rows: UnsafePointer<Float>, inputs: Int, _ weight: CPUMatrix, bias: CPUTensor, kernel: Int,
    dilation: Int, then snake: SnakeWeights<CPUTensor>? = nil, accumulate: Bool = false,
    into out: CPUTensor
  ) {
    precondition(weight.columns == inputs * kernel && weight.rows == out.columns)
    qt_convolution(
      weight.parts[0].base, weight.parts[0].elementType, Int32(out.columns), Int32(inputs),
      Int32(kernel), Int32(dilation), rows, Int32(out.rows), bias.base,
      snake.map { UnsafePointer($0.alpha.base) }, snake.map { UnsafePointer($0.inverseBeta.base) },
      accumulate, out.base)
  }

  /// As `join`, with the Snake of `x`.
  func joinSnake(
    _ history: CPUTensor, _ x: CPUTensor, _ snake: SnakeWeights<CPUTensor>
  ) -> UnsafeMutablePointer<Float> {
    precondition(history.columns == x.columns)
    return join(history, x.count) {
      qt_snake(
        x.base, Int32(x.rows), Int32(x.columns), snake.alpha.base, snake.inverseBeta.base, $0)
    }
  }
}
