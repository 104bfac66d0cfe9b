// SPDX-License-Identifier: MIT

// Waveform to codes (docs/model.md, section 12): convolutions that shorten 960 samples to one
// row, a causal transformer over all rows so far, a last convolution of stride 2, and residual
// quantizers. A strided convolution is one of kernel 2 over rows of `stride` time steps, because its
// kernel is always twice its stride; so it needs no operation of its own.

/// A residual unit, `x + pointwise(elu(conv(elu(x))))`, and the shortening after it.
struct EncoderStage<B: Backend> {
  /// Channels before the shortening.
  let channels: Int
  let innerChannels: Int
  let stride: Int
  let first: Convolution<B.Tensor, B.Matrix>
  let second: Convolution<B.Tensor, B.Matrix>
  let shortening: B.Matrix
  let shorteningBias: B.Tensor

  init(
    reading weights: some WeightSource, layer: Int, channels: Int, stride: Int, kernel: Int,
    compress: Int, on backend: B
  ) throws {
    self.channels = channels
    self.stride = stride
    innerChannels = channels / compress
    let inner = channels / compress
    first = try Convolution(
      exactly: weights.scoped("\(layer).block.1.conv."), [inner, channels, kernel], outputs: inner,
      on: backend)
    second = try Convolution(
      exactly: weights.scoped("\(layer).block.3.conv."), [channels, inner, 1], outputs: channels,
      on: backend)
    let stored = try weights.tensor(
      "\(layer + 2).conv.weight", [2 * channels, channels, 2 * stride])
    shortening = try backend.loadWeight([stored.packedStrides(stride)], as: .exact(kernel: 2))
    shorteningBias = try backend.vector(
      weights.tensor("\(layer + 2).conv.bias", [2 * channels]))
  }
}

/// A pre-norm layer with LayerNorm, plain feed-forward and a scale on each branch.
struct EncoderLayer<B: Backend> {
  let inputNorm: B.Tensor
  let inputNormBias: B.Tensor
  let qkv: B.Matrix
  let output: B.Matrix
  let attentionScale: B.Tensor
  let postNorm: B.Tensor
  let postNormBias: B.Tensor
  let expand: B.Matrix
  let contract: B.Matrix
  let feedForwardScale: B.Tensor

  init(
    reading weights: some WeightSource, _ shape: TransformerConfiguration, on backend: B
  ) throws {
    let hidden = shape.hiddenSize
    func vector(_ name: String) throws -> B.Tensor {
      try backend.vector(weights.tensor(name, [hidden]))
    }
    func matrix(_ names: [String], _ outputs: Int, _ inputs: Int) throws -> B.Matrix {
      try backend.loadWeight(
        names.map { try weights.tensor($0, [outputs, inputs]) }, as: .exact(kernel: 1))
    }
    inputNorm = try vector("input_layernorm.weight")
    inputNormBias = try vector("input_layernorm.bias")
    qkv = try matrix(
      ["q", "k", "v"].map { "self_attn.\($0)_proj.weight" }, shape.queryWidth, hidden)
    output = try matrix(["self_attn.o_proj.weight"], hidden, shape.queryWidth)
    attentionScale = try vector("self_attn_layer_scale.scale")
    postNorm = try vector("post_attention_layernorm.weight")
    postNormBias = try vector("post_attention_layernorm.bias")
    expand = try matrix(["mlp.fc1.weight"], shape.intermediateSize, hidden)
    contract = try matrix(["mlp.fc2.weight"], hidden, shape.intermediateSize)
    feedForwardScale = try vector("mlp_layer_scale.scale")
  }
}

/// A codebook to search: the nearest row is the one with the largest `r · row − |row|² / 2`.
struct SearchedCodebook<B: Backend> {
  let table: B.Matrix
  /// `−|row|² / 2`
  let bias: B.Tensor

  init(reading weights: some WeightSource, entries: Int, width: Int, on backend: B) throws {
    let usage = try weights.tensor("cluster_usage", [entries]).floats()
    var rows = try weights.tensor("embed_sum", [entries, width]).floats()
    for index in rows.indices { rows[index] /= max(usage[index / width], 1e-5) }
    table = try backend.loadWeight(
      [HostTensor(name: "codebook", shape: [entries, width], values: rows)],
      as: .exact(kernel: 1))
    bias = try backend.loadVector(
      (0..<entries).map { entry in
        -rows[entry * width..<(entry + 1) * width].reduce(0) { $0 + $1 * $1 } / 2
      })
  }
}

/// The codec encoder's weights.
package struct CodecEncoder<B: Backend> {
  package let configuration: CodecEncoderConfiguration
  /// Codebooks used; the released codec stores more.
  package let quantizerCount: Int
  let first: Convolution<B.Tensor, B.Matrix>
  let stages: [EncoderStage<B>]
  let last: Convolution<B.Tensor, B.Matrix>
  let layers: [EncoderLayer<B>]
  /// What is fixed about the attention of every layer.
  let attention: AttentionLayer<B.Tensor>
  let downsampling: B.Matrix
  let noBias: B.Tensor
  let semanticInput: B.Matrix
  let acousticInput: B.Matrix
  /// The semantic codebook, then the acoustic ones.
  let codebooks: [SearchedCodebook<B>]
  /// −1 for each row of a codebook: a gathered row is subtracted.
  let minusOne: B.Tensor

  /// Reads `encoder.…`, `encoder_transformer.…`, `downsample.…` and `quantizer.…` under `weights`.
  package init(
    reading weights: some WeightSource, _ configuration: CodecEncoderConfiguration,
    quantizerCount: Int, on backend: B
  ) throws {
    let shape = configuration
    let hidden = shape.transformer.hiddenSize
    let convolutions = weights.scoped("encoder.layers.")
    self.configuration = shape
    self.quantizerCount = quantizerCount
    first = try Convolution(
      exactly: convolutions.scoped("0.conv."), [shape.filterCount, 1, shape.kernelSize],
      outputs: shape.filterCount, on: backend)
    stages = try shape.strides.enumerated().map { index, stride in
      try EncoderStage(
        reading: convolutions, layer: 1 + 3 * index, channels: shape.filterCount << index,
        stride: stride, kernel: shape.residualKernelSize, compress: shape.compress, on: backend)
    }
    let count = shape.strides.count
    last = try Convolution(
      exactly: convolutions.scoped("\(2 + 3 * count).conv."),
      [hidden, shape.filterCount << count, shape.lastKernelSize], outputs: hidden, on: backend)
    layers = try (0..<shape.transformer.layerCount).map {
      try EncoderLayer(
        reading: weights.scoped("encoder_transformer.layers.\($0)."), shape.transformer,
        on: backend)
    }
    let half = shape.transformer.headDim / 2
    attention = AttentionLayer(
      shape: shape.transformer.attention, epsilon: shape.transformer.normEpsilon,
      inverseFrequencies: try backend.loadVector(
        (0..<half).map {
          Float(Math.pow(shape.transformer.ropeTheta, -Double($0) / Double(half)))
        }))
    let stored = try weights.tensor("downsample.conv.weight", [hidden, hidden, 4])
    downsampling = try backend.loadWeight([stored.packedStrides(2)], as: .exact(kernel: 2))
    noBias = try backend.loadVector([Float](repeating: 0, count: hidden))
    func input(_ part: String) throws -> B.Matrix {
      try backend.loadWeight(
        [
          weights.tensor(
            "quantizer.\(part)_residual_vector_quantizer.input_proj.weight",
            [shape.codebookDim, hidden, 1])
        ], as: .exact(kernel: 1))
    }
    semanticInput = try input("semantic")
    acousticInput = try input("acoustic")
    codebooks = try (0..<quantizerCount).map { index in
      let part = index == 0 ? "semantic" : "acoustic"
      return try SearchedCodebook(
        reading: weights.scoped(
          "quantizer.\(part)_residual_vector_quantizer.layers.\(max(0, index - 1)).codebook."),
        entries: shape.codebookSize, width: shape.codebookDim, on: backend)
    }
    minusOne = try backend.loadVector([Float](repeating: -1, count: shape.codebookSize))
  }
}

extension CodecEncoderConfiguration {
  /// Strides in the order of the layers.
  package var strides: [Int] { upsamplingRatios.reversed() }
  /// Samples to one row of the transformer.
  package var samplesPerRow: Int { upsamplingRatios.reduce(1, *) }
  /// Samples to one frame of codes.
  package var samplesPerFrame: Int { 2 * samplesPerRow }
}
