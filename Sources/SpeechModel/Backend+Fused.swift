// SPDX-License-Identifier: MIT

// The definitions of the fused operations. A backend that overrides one is tested against these.

extension Backend {
  package func replay(_ key: ReplayKey, _ body: () throws(Failure) -> Void) throws(Failure) {
    try body()
  }

  package var framesInFlight: Int { 1 }

  package func makeFrame(_ step: FrameStep<Self>, advancing: Bool) throws(Failure) {
    if advancing { try step.advance() }
    try step.makeCodes()
  }

  package func prepare(_ step: FrameStep<Self>) throws(Failure) {}

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
