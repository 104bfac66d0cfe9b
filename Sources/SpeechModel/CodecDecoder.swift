// SPDX-License-Identifier: MIT

// Codes to waveform (docs/model.md, sections 10 and 11): dequantize, a causal convolution, a
// windowed transformer, two upsampling stages, and a stack of Snake activations and convolutions.
// Everything is causal, so keeping the last inputs of each convolution and the last keys and values
// makes any split into chunks give the samples of one pass.

extension SnakeWeights {
  /// Snake is `x + sin²(x · alpha) / beta`; both are stored as logarithms.
  init<B: MemoryBackend>(
    reading weights: some WeightSource, channels: Int, on backend: B
  ) throws where B.Tensor == Tensor {
    alpha = try backend.loadVector(
      weights.tensor("alpha", [channels]).floats().map { Math.exp($0) })
    inverseBeta = try backend.loadVector(
      weights.tensor("beta", [channels]).floats().map { 1 / (Math.exp($0) + 1e-9) })
  }
}

extension Convolution {
  /// `shape` is as stored; the bias has `outputs` entries. With a `stride` it is a transposed one.
  init<B: MemoryBackend>(
    reading weights: some WeightSource, _ shape: [Int], outputs: Int, stride: Int? = nil,
    on backend: B
  ) throws where B.Tensor == Tensor, B.Matrix == Matrix {
    let kernel = shape.count > 2 ? shape[2] : 1
    try self.init(
      reading: weights, shape, outputs: outputs,
      as: stride.map { .transposedConvolution(stride: $0) }
        ?? (kernel > 1 ? .convolution(kernel: kernel) : .product), on: backend)
  }

  /// One of an encoder.
  init<B: MemoryBackend>(
    exactly weights: some WeightSource, _ shape: [Int], outputs: Int, on backend: B
  ) throws where B.Tensor == Tensor, B.Matrix == Matrix {
    try self.init(
      reading: weights, shape, outputs: outputs, as: .exact(kernel: shape[2]), on: backend)
  }

  private init<B: MemoryBackend>(
    reading weights: some WeightSource, _ shape: [Int], outputs: Int, as layout: WeightLayout,
    on backend: B
  ) throws where B.Tensor == Tensor, B.Matrix == Matrix {
    weight = try backend.loadWeight([weights.tensor("weight", shape)], as: layout)
    bias = try backend.vector(weights.tensor("bias", [outputs]))
  }
}

extension LatentUpsampling {
  package init<B: MemoryBackend>(
    reading weights: some WeightSource, channels: Int, stride: Int, on backend: B
  ) throws where B.Tensor == Tensor, B.Matrix == Matrix {
    self.stride = stride
    transposed = try Convolution(
      reading: weights.scoped("0.conv."), [channels, channels, stride], outputs: channels,
      stride: stride, on: backend)
    depthwise = try backend.vector(weights.tensor("1.dwconv.conv.weight", [channels, 1, 7]))
      .reshaped(rows: channels, columns: 7)
    depthwiseBias = try backend.vector(weights.tensor("1.dwconv.conv.bias", [channels]))
    norm = try backend.vector(weights.tensor("1.norm.weight", [channels]))
    normBias = try backend.vector(weights.tensor("1.norm.bias", [channels]))
    expand = try Convolution(
      reading: weights.scoped("1.pwconv1."), [4 * channels, channels], outputs: 4 * channels,
      on: backend)
    contract = try Convolution(
      reading: weights.scoped("1.pwconv2."), [channels, 4 * channels], outputs: channels,
      on: backend)
    gamma = try backend.vector(weights.tensor("1.gamma", [channels]))
  }
}

extension ResidualUnit {
  init<B: MemoryBackend>(
    reading weights: some WeightSource, channels: Int, dilation: Int, on backend: B
  ) throws where B.Tensor == Tensor, B.Matrix == Matrix {
    self.dilation = dilation
    first = try SnakeWeights(reading: weights.scoped("act1."), channels: channels, on: backend)
    dilated = try Convolution(
      reading: weights.scoped("conv1.conv."), [channels, channels, 7], outputs: channels,
      on: backend)
    second = try SnakeWeights(reading: weights.scoped("act2."), channels: channels, on: backend)
    pointwise = try Convolution(
      reading: weights.scoped("conv2.conv."), [channels, channels, 1], outputs: channels,
      on: backend)
  }
}

extension DecoderBlock {
  package init<B: MemoryBackend>(
    reading weights: some WeightSource, inputs: Int, stride: Int, on backend: B
  ) throws where B.Tensor == Tensor, B.Matrix == Matrix {
    let channels = inputs / 2
    self.channels = channels
    self.stride = stride
    snake = try SnakeWeights(reading: weights.scoped("0."), channels: inputs, on: backend)
    transposed = try Convolution(
      reading: weights.scoped("1.conv."), [inputs, channels, 2 * stride], outputs: channels,
      stride: stride, on: backend)
    units = try CodecDecoderConfiguration.unitDilations.enumerated().map { index, dilation in
      try ResidualUnit(
        reading: weights.scoped("\(index + 2)."), channels: channels, dilation: dilation,
        on: backend)
    }
  }
}

/// The weights of the codec decoder.
package struct CodecDecoder<B: Backend> {
  package let configuration: CodecDecoderConfiguration
  /// All codebooks in order, and what a row of each counts.
  let codebooks: B.Matrix
  let codebookScale: B.Tensor
  let semanticOutput: B.Matrix
  let acousticOutput: B.Matrix
  let preConvolution: Convolution<B.Tensor, B.Matrix>
  let input: Convolution<B.Tensor, B.Matrix>
  let stack: TransformerStack<B>
  let output: Convolution<B.Tensor, B.Matrix>
  let upsampling: [LatentUpsampling<B.Tensor, B.Matrix>]
  let head: Convolution<B.Tensor, B.Matrix>
  let blocks: [DecoderBlock<B.Tensor, B.Matrix>]
  let lastSnake: SnakeWeights<B.Tensor>
  let last: Convolution<B.Tensor, B.Matrix>

  /// Reads the tensors under `decoder.`.
  package init(
    reading weights: some WeightSource, _ configuration: CodecDecoderConfiguration, on backend: B
  ) throws {
    self.configuration = configuration
    let full = configuration.codebookDim
    let half = full / 2
    let entries = configuration.codebookSize
    let latent = configuration.latentDim
    let hidden = configuration.transformer.hiddenSize
    var tables: [HostTensor] = []
    var scale: [Float] = []
    for index in 0..<configuration.quantizerCount {
      let name =
        index == 0
        ? "quantizer.rvq_first.vq.layers.0._codebook."
        : "quantizer.rvq_rest.vq.layers.\(index - 1)._codebook."
      // A row counts sum / max(usage, 1e-5); the division is left to the look-up.
      let usage = try weights.tensor(name + "cluster_usage", [entries]).floats()
      tables.append(try weights.tensor(name + "embedding_sum", [entries, half]))
      scale += usage.map { 1 / max($0, 1e-5) }
    }
    codebooks = try backend.loadWeight(tables, as: .stored)
    codebookScale = try backend.loadVector(scale)
    semanticOutput = try backend.loadWeight(
      [weights.tensor("quantizer.rvq_first.output_proj.weight", [full, half, 1])], as: .product)
    acousticOutput = try backend.loadWeight(
      [weights.tensor("quantizer.rvq_rest.output_proj.weight", [full, half, 1])], as: .product)
    preConvolution = try Convolution(
      reading: weights.scoped("pre_conv.conv."), [latent, full, 3], outputs: latent, on: backend)
    input = try Convolution(
      reading: weights.scoped("pre_transformer.input_proj."), [hidden, latent], outputs: hidden,
      on: backend)
    stack = try TransformerStack(
      reading: weights.scoped("pre_transformer."), configuration.transformer, traits: .codec,
      on: backend)
    output = try Convolution(
      reading: weights.scoped("pre_transformer.output_proj."), [latent, hidden], outputs: latent,
      on: backend)
    upsampling = try configuration.upsamplingRatios.enumerated().map { index, stride in
      try LatentUpsampling(
        reading: weights.scoped("upsample.\(index)."), channels: latent, stride: stride,
        on: backend)
    }
    head = try Convolution(
      reading: weights.scoped("decoder.0.conv."), [configuration.decoderDim, latent, 7],
      outputs: configuration.decoderDim, on: backend)
    blocks = try configuration.upsampleRates.enumerated().map { index, stride in
      try DecoderBlock(
        reading: weights.scoped("decoder.\(index + 1).block."),
        inputs: configuration.decoderDim >> index, stride: stride, on: backend)
    }
    let count = configuration.upsampleRates.count
    let channels = configuration.decoderDim >> count
    lastSnake = try SnakeWeights(
      reading: weights.scoped("decoder.\(count + 1)."), channels: channels, on: backend)
    last = try Convolution(
      reading: weights.scoped("decoder.\(count + 2).conv."), [1, channels, 7], outputs: 1,
      on: backend)
  }
}
