// SPDX-License-Identifier: MIT

// A pre-norm transformer with grouped-query attention and a gated feed-forward layer
// (docs/model.md, section 7). The talker, the code predictor and the codec decoder are this stack
// with three configurations: the codec has no q/k norm, a window, and a scale on each branch.

/// Which optional weights the layers of a stack have.
package struct TransformerTraits: Sendable {
  /// RMSNorm over each head of queries and keys.
  package var normalizesHeads: Bool
  /// A per-channel scale on each branch before it is added.
  package var scalesBranches: Bool
  /// Weights stay as they are stored: the stack mostly runs a row at a time.
  package var keepsStoredLayout: Bool

  package static let language = TransformerTraits(
    normalizesHeads: true, scalesBranches: false, keepsStoredLayout: true)
  package static let codec = TransformerTraits(
    normalizesHeads: false, scalesBranches: true, keepsStoredLayout: false)
}

/// One layer: attention, then a gated feed-forward layer, each added to the residual stream.
package struct TransformerLayer<B: MemoryBackend> {
  package let inputNorm: B.Tensor
  /// Queries, keys and values stacked, `[packedWidth, hiddenSize]`.
  package let qkv: B.Matrix
  package let attention: AttentionLayer<B.Tensor>
  package let output: B.Matrix
  package let attentionScale: B.Tensor?
  package let postNorm: B.Tensor
  /// Gate and up-projection stacked, `[2 · intermediateSize, hiddenSize]`.
  package let gateUp: B.Matrix
  package let down: B.Matrix
  package let feedForwardScale: B.Tensor?

  /// A layer without scales.
  package init(
    inputNorm: B.Tensor, qkv: B.Matrix, attention: AttentionLayer<B.Tensor>, output: B.Matrix,
    postNorm: B.Tensor, gateUp: B.Matrix, down: B.Matrix
  ) {
    self.inputNorm = inputNorm
    self.qkv = qkv
    self.attention = attention
    self.output = output
    attentionScale = nil
    self.postNorm = postNorm
    self.gateUp = gateUp
    self.down = down
    feedForwardScale = nil
  }

  init(
    reading weights: some WeightSource, _ shape: TransformerConfiguration,
    traits: TransformerTraits, inverseFrequencies: B.Tensor, on backend: B
  ) throws {
    let hidden = shape.hiddenSize
    let inner = shape.intermediateSize
    func matrix(_ parts: [HostTensor]) throws -> B.Matrix {
      try backend.loadWeight(parts, as: traits.keepsStoredLayout ? .stored : .product)
    }
    inputNorm = try backend.vector(weights.tensor("input_layernorm.weight", [hidden]))
    qkv = try matrix([
      weights.tensor("self_attn.q_proj.weight", [shape.queryWidth, hidden]),
      weights.tensor("self_attn.k_proj.weight", [shape.kvWidth, hidden]),
      weights.tensor("self_attn.v_proj.weight", [shape.kvWidth, hidden]),
    ])
    func headNorm(_ name: String) throws -> B.Tensor? {
      try traits.normalizesHeads ? backend.vector(weights.tensor(name, [shape.headDim])) : nil
    }
    attention = AttentionLayer(
      shape: shape.attention, queryNorm: try headNorm("self_attn.q_norm.weight"),
      keyNorm: try headNorm("self_attn.k_norm.weight"), epsilon: shape.normEpsilon,
      inverseFrequencies: inverseFrequencies, window: shape.window)
    output = try matrix([
      weights.tensor("self_attn.o_proj.weight", [hidden, shape.queryWidth])
    ])
    postNorm = try backend.vector(weights.tensor("post_attention_layernorm.weight", [hidden]))
    gateUp = try matrix([
      weights.tensor("mlp.gate_proj.weight", [inner, hidden]),
      weights.tensor("mlp.up_proj.weight", [inner, hidden]),
    ])
    down = try matrix([weights.tensor("mlp.down_proj.weight", [hidden, inner])])
    if traits.scalesBranches {
      attentionScale = try backend.vector(weights.tensor("self_attn_layer_scale.scale", [hidden]))
      feedForwardScale = try backend.vector(weights.tensor("mlp_layer_scale.scale", [hidden]))
    } else {
      (attentionScale, feedForwardScale) = (nil, nil)
    }
  }
}

/// The buffers of one pass, for at most so many rows.
package struct TransformerWorkspace<B: MemoryBackend> {
  /// The residual stream, `[rows, hiddenSize]`: the input of a pass, and its output before the last
  /// norm.
  package let hidden: B.Tensor
  package let normed: B.Tensor
  package let qkv: B.Tensor
  package let attended: B.Tensor
  package let wide: B.Tensor
  package let activated: B.Tensor

  package init(
    rows: Int, _ shape: TransformerConfiguration, on backend: B
  ) throws(B.Failure) {
    hidden = try backend.makeTensor(rows: rows, columns: shape.hiddenSize)
    normed = try backend.makeTensor(rows: rows, columns: shape.hiddenSize)
    qkv = try backend.makeTensor(rows: rows, columns: shape.attention.packedWidth)
    attended = try backend.makeTensor(rows: rows, columns: shape.queryWidth)
    wide = try backend.makeTensor(rows: rows, columns: 2 * shape.intermediateSize)
    activated = try backend.makeTensor(rows: rows, columns: shape.intermediateSize)
  }

  package init(
    hidden: B.Tensor, normed: B.Tensor, qkv: B.Tensor, attended: B.Tensor, wide: B.Tensor,
    activated: B.Tensor
  ) {
    self.hidden = hidden
    self.normed = normed
    self.qkv = qkv
    self.attended = attended
    self.wide = wide
    self.activated = activated
  }

  private init(_ other: TransformerWorkspace, rows: Range<Int>) {
    hidden = other.hidden.rows(rows)
    normed = other.normed.rows(rows)
    qkv = other.qkv.rows(rows)
    attended = other.attended.rows(rows)
    wide = other.wide.rows(rows)
    activated = other.activated.rows(rows)
  }

  /// The first `count` rows.
  package func first(_ count: Int) -> TransformerWorkspace { rows(0..<count) }

  package func rows(_ range: Range<Int>) -> TransformerWorkspace {
    TransformerWorkspace(self, rows: range)
  }
}

/// The layers and the norm after them.
package struct TransformerStack<B: Backend> {
  package let configuration: TransformerConfiguration
  package let layers: [TransformerLayer<B>]
  package let norm: B.Tensor
  package let inverseFrequencies: B.Tensor

  /// Reads `layers.N.…` and `norm.weight` under `weights`.
  package init(
    reading weights: some WeightSource, _ configuration: TransformerConfiguration,
    traits: TransformerTraits, on backend: B
  ) throws {
    self.configuration = configuration
    let half = configuration.headDim / 2
    let inverseFrequencies = try backend.loadVector(
      (0..<half).map { index in
        Float(Math.pow(configuration.ropeTheta, -Double(index) / Double(half)))
      })
    self.inverseFrequencies = inverseFrequencies
    layers = try (0..<configuration.layerCount).map { index in
      try TransformerLayer(
        reading: weights.scoped("layers.\(index)."), configuration, traits: traits,
        inverseFrequencies: inverseFrequencies, on: backend)
    }
    norm = try backend.vector(weights.tensor("norm.weight", [configuration.hiddenSize]))
  }

  /// Runs the layers over `work.hidden`, in place. The last norm is left to the caller, who rarely
  /// needs it for every row; or, with a head, that norm and the head are run for some of the rows.
  package func callAsFunction(
    _ work: TransformerWorkspace<B>, rows: RowMap<B.Indices>, cache: B.Cache,
    then head: Head? = nil, on backend: B
  ) throws(B.Failure) {
    try backend.transformerLayers(
      layers, epsilon: configuration.normEpsilon, work, rows: rows, cache: cache,
      then: head.map {
        NormedHead(
          norm: norm, weight: $0.weight, rows: $0.rows, scratch: $0.scratch, scores: $0.scores)
      })
  }

  /// What follows the layers' last norm.
  package struct Head {
    var weight: B.Matrix
    var rows: Range<Int>
    var scratch: B.Tensor
    var scores: B.Tensor
  }

  /// The norm after the last layer.
  package func finalNorm(
    _ hidden: B.Tensor, into out: B.Tensor, on backend: B
  ) throws(B.Failure) {
    try backend.rmsNorm(hidden, weight: norm, epsilon: configuration.normEpsilon, into: out)
  }
}

extension TransformerStack {
  /// The weights of the stack and a cache of it, for a frame made as a whole.
  func parameters(_ cache: B.Cache) -> FrameParameters<B>.Stack {
    FrameParameters.Stack(
      layers: layers, norm: norm, inverseFrequencies: inverseFrequencies, cache: cache)
  }
}
