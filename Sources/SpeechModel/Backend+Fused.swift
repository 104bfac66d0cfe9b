// SPDX-License-Identifier: MIT

// The definitions of the fused operations. A backend that overrides one is tested against these.

extension Backend {
  package func replay(_ key: ReplayKey, _ body: () throws(Failure) -> Void) throws(Failure) {
    try body()
  }

  package func time(_ body: () throws(Failure) -> Void) throws(Failure) -> Duration {
    let clock = ContinuousClock()
    let start = clock.now
    try body()
    return clock.now - start
  }

  package var framesInFlight: Int { 1 }

  package func makeFrame(_ step: FrameStep<Self>, advancing: Bool) throws(Failure) {
    if advancing { try step.advance() }
    try step.makeCodes()
  }

  package func prepare(_ step: FrameStep<Self>) throws(Failure) {}

  package func framesFillDevice(_ step: FrameStep<Self>) -> Bool { false }

  package func follow(_ other: Self) throws(Failure) {}

  package func promptRows(for count: Int) -> Int { count }

  package func writeRows(
    of table: HostTensor, ids: [Int32], to tensor: Tensor
  ) throws(Failure) {
    let width = table.count / table.shape[0]
    try write(ids.flatMap { table.floats(Int($0) * width..<(Int($0) + 1) * width) }, to: tensor)
  }

  package func rmsNormLinear(
    _ x: Tensor, norm: Tensor, epsilon: Float, weight: Matrix, scratch: Tensor, into out: Tensor
  ) throws(Failure) {
    try rmsNorm(x, weight: norm, epsilon: epsilon, into: scratch)
    try linear(scratch, weight, bias: nil, into: out)
  }

  package func rmsNormSwiGLU(
    _ x: Tensor, norm: Tensor, epsilon: Float, gateUp: Matrix, scratch: Tensor, wide: Tensor,
    into out: Tensor
  ) throws(Failure) {
    try rmsNorm(x, weight: norm, epsilon: epsilon, into: scratch)
    try linear(scratch, gateUp, bias: nil, into: wide)
    try swiGLU(wide, into: out)
  }

  package func attentionStep(
    _ qkv: Tensor, shape: AttentionShape, queryNorm: Tensor?, keyNorm: Tensor?, epsilon: Float,
    inverseFrequencies: Tensor, window: Int?, positions: Indices, slots: Indices, layer: Int,
    cache: Cache, into out: Tensor
  ) throws(Failure) {
    try normRotateAppend(
      qkv, shape: shape, queryNorm: queryNorm, keyNorm: keyNorm, epsilon: epsilon,
      inverseFrequencies: inverseFrequencies, positions: positions, slots: slots, layer: layer,
      cache: cache)
    try attention(
      qkv, shape: shape, window: window, positions: positions, slots: slots, layer: layer,
      cache: cache, into: out)
  }

  package func attentionLinearAdd(
    _ qkv: Tensor, shape: AttentionShape, queryNorm: Tensor?, keyNorm: Tensor?, epsilon: Float,
    inverseFrequencies: Tensor, window: Int?, positions: Indices, slots: Indices, layer: Int,
    cache: Cache, attended: Tensor, weight: Matrix, scale: Tensor?, into out: Tensor
  ) throws(Failure) {
    try attentionStep(
      qkv, shape: shape, queryNorm: queryNorm, keyNorm: keyNorm, epsilon: epsilon,
      inverseFrequencies: inverseFrequencies, window: window, positions: positions, slots: slots,
      layer: layer, cache: cache, into: attended)
    try linearAdd(attended, weight, bias: nil, scale: scale, into: out)
  }

  package func loadWeight(
    _ parts: [HostTensor], as layout: WeightLayout
  ) throws(Failure) -> Matrix {
    try loadMatrix(parts)
  }

  package func feedForward(
    _ out: Tensor, norm: Tensor, epsilon: Float, gateUp: Matrix, down: Matrix, scale: Tensor?,
    scratch: Tensor, wide: Tensor, activated: Tensor
  ) throws(Failure) {
    try rmsNormSwiGLU(
      out, norm: norm, epsilon: epsilon, gateUp: gateUp, scratch: scratch, wide: wide,
      into: activated)
    try linearAdd(activated, down, bias: nil, scale: scale, into: out)
  }

  package func latentUpsampling(
    _ x: Tensor, _ stage: LatentUpsampling<Self>, history: Tensor, inner: Tensor, wide: Tensor,
    into out: Tensor
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
    _ x: Tensor, _ block: DecoderBlock<Self>, history: Tensor, unitHistories: [Tensor],
    inner: Tensor, scratch: (Tensor, Tensor), into out: Tensor
  ) throws(Failure) {
    try snake(x, alpha: block.snake.alpha, inverseBeta: block.snake.inverseBeta, into: x)
    try transposedConvolution(
      x, history: history, weight: block.transposed.weight, bias: block.transposed.bias,
      stride: block.stride, into: out)
    for (unit, history) in zip(block.units, unitHistories) {
      try snakeConvolution(
        out, alpha: unit.first.alpha, inverseBeta: unit.first.inverseBeta, history: history,
        weight: unit.dilated.weight, bias: unit.dilated.bias, kernel: 7, dilation: unit.dilation,
        scratch: scratch.0, into: inner)
      try snake(
        inner, alpha: unit.second.alpha, inverseBeta: unit.second.inverseBeta, into: inner)
      try linearAdd(
        inner, unit.pointwise.weight, bias: unit.pointwise.bias, scale: nil, into: out)
    }
  }

  package func frameEmbedding(
    _ tables: [Matrix], codes: Indices, into out: Tensor
  ) throws(Failure) {
    for (index, table) in tables.enumerated() {
      try gather(
        table, ids: codes.strided(from: index, count: out.rows, by: tables.count), scale: nil,
        accumulate: index > 0, into: out)
    }
  }

  package func snakeConvolution(
    _ x: Tensor, alpha: Tensor, inverseBeta: Tensor, history: Tensor, weight: Matrix, bias: Tensor,
    kernel: Int, dilation: Int, scratch: Tensor, into out: Tensor
  ) throws(Failure) {
    try snake(x, alpha: alpha, inverseBeta: inverseBeta, into: scratch)
    try causalConvolution(
      scratch, history: history, weight: weight, bias: bias, kernel: kernel, dilation: dilation,
      into: out)
  }
}
