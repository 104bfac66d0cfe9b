// SPDX-License-Identifier: MIT

// The definitions of the fused operations. A backend that overrides one is tested against these.

extension ComposedBackend {
  package func snakeConvolution(
    _ x: Tensor, _ snake: SnakeWeights<Tensor>, history: History, weight: Matrix, bias: Tensor,
    kernel: Int, dilation: Int, scratch: Tensor, into out: Tensor
  ) throws(Failure) {
    try self.snake(x, snake, into: scratch)
    try causalConvolution(
      scratch, history: history, weight: weight, bias: bias, kernel: kernel, dilation: dilation,
      into: out)
  }

  package func latentUpsampling(
    _ x: Tensor, _ stage: LatentUpsampling<Tensor, Matrix>, history: History, inner: Tensor,
    wide: Tensor, into out: Tensor
  ) throws(Failure) {
    try transposedConvolution(
      x, history: nil, weight: stage.transposed.weight, bias: stage.transposed.bias,
      stride: stage.stride, into: out)
    try depthwiseConvolution(
      out, history: history, weight: stage.depthwise, bias: stage.depthwiseBias, into: inner)
    try layerNorm(inner, weight: stage.norm, bias: stage.normBias, epsilon: 1e-6, into: inner)
    try linear(inner, stage.expand.weight, bias: stage.expand.bias, into: wide)
    try gelu(wide)
    try linearAdd(
      wide, stage.contract.weight, bias: stage.contract.bias, scale: stage.gamma, into: out)
  }

  package func decoderBlock(
    _ x: Tensor, _ block: DecoderBlock<Tensor, Matrix>, history: History, unitHistories: [History],
    inner: Tensor, scratch: (Tensor, Tensor), into out: Tensor
  ) throws(Failure) {
    try composedDecoderBlock(
      x, block, history: history, unitHistories: unitHistories, inner: inner, scratch: scratch.0,
      into: out)
  }

  /// The definition of `decoderBlock`, for backends that have a body of their own for some weights only.
  package func composedDecoderBlock(
    _ x: Tensor, _ block: DecoderBlock<Tensor, Matrix>, history: History, unitHistories: [History],
    inner: Tensor, scratch: Tensor, into out: Tensor
  ) throws(Failure) {
    try snake(x, block.snake, into: x)
    try transposedConvolution(
      x, history: history, weight: block.transposed.weight, bias: block.transposed.bias,
      stride: block.stride, into: out)
    for (unit, history) in zip(block.units, unitHistories) {
      try snakeConvolution(
        out, unit.first, history: history, weight: unit.dilated.weight, bias: unit.dilated.bias,
        kernel: 7, dilation: unit.dilation, scratch: scratch, into: inner)
      try snake(inner, unit.second, into: inner)
      try linearAdd(
        inner, unit.pointwise.weight, bias: unit.pointwise.bias, scale: nil, into: out)
    }
  }
}
