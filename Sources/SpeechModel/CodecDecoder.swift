// SPDX-License-Identifier: MIT

// Codes to waveform (docs/model.md, sections 10 and 11): dequantize, a causal convolution, a
// windowed transformer, two upsampling stages, and a stack of Snake activations and convolutions.
// Everything is causal, so keeping the last inputs of each convolution and the last keys and values
// makes any split into chunks give the samples of one pass.

/// A Snake activation, `x + sin²(x · alpha) · inverseBeta`, per channel.
package struct Snake<B: Backend> {
  package let alpha: B.Tensor
  package let inverseBeta: B.Tensor

  init(reading weights: some WeightSource, channels: Int, on backend: B) throws {
    alpha = try backend.loadVector(
      weights.tensor("alpha", [channels]).floats().map { Math.exp($0) })
    inverseBeta = try backend.loadVector(
      weights.tensor("beta", [channels]).floats().map { 1 / (Math.exp($0) + 1e-9) })
  }
}

/// A convolution's weight and bias.
package struct Convolution<B: Backend> {
  package let weight: B.Matrix
  package let bias: B.Tensor

  /// `shape` is as stored; the bias has `outputs` entries. With a `stride` it is a transposed one.
  init(
    reading weights: some WeightSource, _ shape: [Int], outputs: Int, stride: Int? = nil,
    on backend: B
  ) throws {
    let kernel = shape.count > 2 ? shape[2] : 1
    try self.init(
      reading: weights, shape, outputs: outputs,
      as: stride.map { .transposedConvolution(stride: $0) }
        ?? (kernel > 1 ? .convolution(kernel: kernel) : .product), on: backend)
  }

  /// One of an encoder.
  init(
    exactly weights: some WeightSource, _ shape: [Int], outputs: Int, on backend: B
  ) throws {
    try self.init(
      reading: weights, shape, outputs: outputs, as: .exact(kernel: shape[2]), on: backend)
  }

  private init(
    reading weights: some WeightSource, _ shape: [Int], outputs: Int, as layout: WeightLayout,
    on backend: B
  ) throws {
    weight = try backend.loadWeight([weights.tensor("weight", shape)], as: layout)
    bias = try backend.vector(weights.tensor("bias", [outputs]))
  }
}

/// A transposed convolution of stride 2 and a ConvNeXt block.
package struct LatentUpsampling<B: Backend> {
  package let stride: Int
  package let transposed: Convolution<B>
  package let depthwise: B.Tensor
  package let depthwiseBias: B.Tensor
  package let norm: B.Tensor
  package let normBias: B.Tensor
  package let expand: Convolution<B>
  package let contract: Convolution<B>
  package let gamma: B.Tensor

  package init(
    reading weights: some WeightSource, channels: Int, stride: Int, on backend: B
  ) throws {
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

/// `x + conv2(snake2(conv1(snake1(x))))`.
package struct ResidualUnit<B: Backend> {
  package let dilation: Int
  package let first: Snake<B>
  package let dilated: Convolution<B>
  package let second: Snake<B>
  package let pointwise: Convolution<B>

  init(reading weights: some WeightSource, channels: Int, dilation: Int, on backend: B) throws {
    self.dilation = dilation
    first = try Snake(reading: weights.scoped("act1."), channels: channels, on: backend)
    dilated = try Convolution(
      reading: weights.scoped("conv1.conv."), [channels, channels, 7], outputs: channels,
      on: backend)
    second = try Snake(reading: weights.scoped("act2."), channels: channels, on: backend)
    pointwise = try Convolution(
      reading: weights.scoped("conv2.conv."), [channels, channels, 1], outputs: channels,
      on: backend)
  }
}

/// Snake, a transposed convolution that halves the channels, three residual units.
package struct DecoderBlock<B: Backend> {
  package let channels: Int
  package let stride: Int
  package let snake: Snake<B>
  package let transposed: Convolution<B>
  package let units: [ResidualUnit<B>]

  package init(
    reading weights: some WeightSource, inputs: Int, stride: Int, on backend: B
  ) throws {
    let channels = inputs / 2
    self.channels = channels
    self.stride = stride
    snake = try Snake(reading: weights.scoped("0."), channels: inputs, on: backend)
    transposed = try Convolution(
      reading: weights.scoped("1.conv."), [inputs, channels, 2 * stride], outputs: channels,
      stride: stride, on: backend)
    units = try [1, 3, 9].enumerated().map { index, dilation in
      try ResidualUnit(
        reading: weights.scoped("\(index + 2)."), channels: channels, dilation: dilation,
        on: backend)
    }
  }
}

/// The weights of the codec decoder.
package struct CodecDecoder<B: Backend> {
  package let configuration: CodecDecoderConfiguration
  /// All codebooks, one after the other, and what a row of each counts.
  let codebooks: B.Matrix
  let codebookScale: B.Tensor
  let semanticOutput: B.Matrix
  let acousticOutput: B.Matrix
  let preConvolution: Convolution<B>
  let input: Convolution<B>
  let stack: TransformerStack<B>
  let output: Convolution<B>
  let upsampling: [LatentUpsampling<B>]
  let head: Convolution<B>
  let blocks: [DecoderBlock<B>]
  let lastSnake: Snake<B>
  let last: Convolution<B>

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
    codebooks = try backend.loadMatrix(tables)
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
    lastSnake = try Snake(
      reading: weights.scoped("decoder.\(count + 1)."), channels: channels, on: backend)
    last = try Convolution(
      reading: weights.scoped("decoder.\(count + 2).conv."), [1, channels, 7], outputs: 1,
      on: backend)
  }
}
