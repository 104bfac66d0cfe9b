// SPDX-License-Identifier: MIT

// The definitions of the fused operations. A backend that overrides one is tested against these.

extension ComposedBackend {
  package func frameEmbedding(
    _ tables: [Matrix], codes: Indices, into out: Tensor
  ) throws(Failure) {
    for (index, table) in tables.enumerated() {
      try gather(
        table, ids: codes.strided(from: index, count: out.rows, by: tables.count), scale: nil,
        accumulate: index > 0, into: out)
    }
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

  package func feedForward(
    _ out: Tensor, norm: Tensor, epsilon: Float, gateUp: Matrix, down: Matrix, scale: Tensor?,
    scratch: Tensor, wide: Tensor, activated: Tensor
  ) throws(Failure) {
    try rmsNormSwiGLU(
      out, norm: norm, epsilon: epsilon, gateUp: gateUp, scratch: scratch, wide: wide,
      into: activated)
    try linearAdd(activated, down, bias: nil, scale: scale, into: out)
  }

  package func attentionStep(
    _ qkv: Tensor, _ layer: AttentionLayer<Tensor>, rows: RowMap<Indices>,
    cache: CacheLayer<Cache>, into out: Tensor
  ) throws(Failure) {
    try qkNormRopeAppend(qkv, layer, rows: rows, to: cache)
    try attention(qkv, layer, rows: rows, cache: cache, into: out)
  }

  package func attentionLinearAdd(
    _ qkv: Tensor, _ layer: AttentionLayer<Tensor>, rows: RowMap<Indices>,
    cache: CacheLayer<Cache>, attended: Tensor, weight: Matrix, scale: Tensor?, into out: Tensor
  ) throws(Failure) {
    try attentionStep(qkv, layer, rows: rows, cache: cache, into: attended)
    try linearAdd(attended, weight, bias: nil, scale: scale, into: out)
  }

  package func transformerLayers(
    _ layers: [TransformerLayer<Self>], epsilon: Float, _ work: TransformerWorkspace<Self>,
    rows: RowMap<Indices>, cache: Cache, then head: NormedHead<Tensor, Matrix>?
  ) throws(Failure) {
    try composedTransformerLayers(
      layers, epsilon: epsilon, work, rows: rows, cache: cache, then: head)
  }

  /// The definition of `transformerLayers`, for backends that have a body of their own for some weights only.
  package func composedTransformerLayers(
    _ layers: [TransformerLayer<Self>], epsilon: Float, _ work: TransformerWorkspace<Self>,
    rows: RowMap<Indices>, cache: Cache, then head: NormedHead<Tensor, Matrix>?
  ) throws(Failure) {
    for (index, layer) in layers.enumerated() {
      try rmsNormLinear(
        work.hidden, norm: layer.inputNorm, epsilon: epsilon, weight: layer.qkv,
        scratch: work.normed, into: work.qkv)
      try attentionLinearAdd(
        work.qkv, layer.attention, rows: rows, cache: CacheLayer(cache, layer: index),
        attended: work.attended, weight: layer.output, scale: layer.attentionScale,
        into: work.hidden)
      try feedForward(
        work.hidden, norm: layer.postNorm, epsilon: epsilon, gateUp: layer.gateUp,
        down: layer.down, scale: layer.feedForwardScale, scratch: work.normed, wide: work.wide,
        activated: work.activated)
    }
    guard let head else { return }
    try rmsNormLinear(
      work.hidden.rows(head.rows), norm: head.norm, epsilon: epsilon, weight: head.weight,
      scratch: head.scratch, into: head.scores)
  }

  package func promptRows(for count: Int) -> Int { count }

  package func stepRows(for count: Int) -> Int { count }

  package var prefersRowsOfDifferentSlots: Bool { false }

  package func codecFrames(for count: Int) -> Int { count }
}

extension ComposedBackend where FrameProgram == Never {
  package func makeFrameProgram(_ step: FrameParameters<Self>) throws(Failure) -> Never? { nil }

  package func makeFrame(_ program: Never, advancing: Bool) throws(Failure) {}
}
