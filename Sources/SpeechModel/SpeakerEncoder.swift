// SPDX-License-Identifier: MIT

// Waveform to speaker embedding (docs/model.md, section 13): a mel spectrogram, time-delay
// blocks with squeeze and excitation, attentive pooling, and a projection. Convolutions see both
// sides and reflect the ends. A split of channels is made in the weights: each group has its own
// rows or columns of the convolution next to it, so nothing is split or joined at run time.

/// A pointwise convolution of several inputs laid side by side: one weight for each.
struct JoinedLinear<B: Backend> {
  let weights: [B.Matrix]
  let bias: B.Tensor

  /// - Parameter widths: Columns of each input, in order.
  init(
    reading weights: some WeightSource, outputs: Int, widths: [Int], on backend: B
  ) throws {
    let inputs = widths.reduce(0, +)
    let whole = try weights.tensor("weight", [outputs, inputs, 1])
    var start = 0
    var parts: [B.Matrix] = []
    for width in widths {
      parts.append(
        try backend.loadWeight([whole.columns(start..<start + width)], as: .exact(kernel: 1)))
      start += width
    }
    self.weights = parts
    bias = try backend.vector(weights.tensor("bias", [outputs]))
  }

  /// `out = Σ_i inputs[i] W_iᵀ + bias`.
  func callAsFunction(
    _ inputs: [B.Tensor], into out: B.Tensor, on backend: B
  ) throws(B.Failure) {
    for (index, input) in inputs.enumerated() {
      if index == 0 {
        try backend.linear(input, weights[0], bias: bias, into: out)
      } else {
        try backend.linearAdd(input, weights[index], bias: nil, scale: nil, into: out)
      }
    }
  }
}

/// One block: pointwise convolution, a chain of small dilated ones over groups of channels,
/// pointwise convolution, a gate for each channel, and the block's input added.
struct SpeakerBlock<B: Backend> {
  let kernel: Int
  let dilation: Int
  /// The first convolution's rows for each group.
  let entry: [B.Matrix]
  let entryBias: [B.Tensor]
  /// Convolutions of groups 1 and up.
  let chain: [Convolution<B.Tensor, B.Matrix>]
  let exit: JoinedLinear<B>
  let squeeze: Convolution<B.Tensor, B.Matrix>
  let excite: Convolution<B.Tensor, B.Matrix>

  init(
    reading weights: some WeightSource, _ shape: SpeakerEncoderConfiguration, index: Int,
    on backend: B
  ) throws {
    let channels = shape.channels[index]
    let groups = shape.res2NetScale
    let width = channels / groups
    kernel = shape.kernelSizes[index]
    dilation = shape.dilations[index]
    let first = try weights.tensor("tdnn1.conv.weight", [channels, channels, 1])
    let bias = try weights.tensor("tdnn1.conv.bias", [channels])
    entry = try (0..<groups).map {
      try backend.loadWeight([first.rows($0 * width..<($0 + 1) * width)], as: .exact(kernel: 1))
    }
    entryBias = try (0..<groups).map {
      try backend.loadVector(bias.floats($0 * width..<($0 + 1) * width))
    }
    let kernel = kernel
    chain = try (0..<groups - 1).map {
      try Convolution(
        exactly: weights.scoped("res2net_block.blocks.\($0).conv."), [width, width, kernel],
        outputs: width, on: backend)
    }
    exit = try JoinedLinear(
      reading: weights.scoped("tdnn2.conv."), outputs: channels,
      widths: Array(repeating: width, count: groups), on: backend)
    squeeze = try Convolution(
      exactly: weights.scoped("se_block.conv1."), [shape.squeezeChannels, channels, 1],
      outputs: shape.squeezeChannels, on: backend)
    excite = try Convolution(
      exactly: weights.scoped("se_block.conv2."), [channels, shape.squeezeChannels, 1],
      outputs: channels, on: backend)
  }
}

/// The speaker encoder's weights.
package struct SpeakerEncoder<B: Backend> {
  package let configuration: SpeakerEncoderConfiguration
  let first: Convolution<B.Tensor, B.Matrix>
  let blocks: [SpeakerBlock<B>]
  let join: JoinedLinear<B>
  /// Attention over time: from the frames, and from their mean and deviation.
  let attentionFrames: B.Matrix
  let attentionContext: B.Matrix
  let attentionBias: B.Tensor
  let scores: Convolution<B.Tensor, B.Matrix>
  let output: Convolution<B.Tensor, B.Matrix>

  /// Reads `blocks.N.…`, `mfa.…`, `asp.…` and `fc.…` under `weights`.
  package init(
    reading weights: some WeightSource, _ configuration: SpeakerEncoderConfiguration,
    on backend: B
  ) throws {
    let shape = configuration
    let inner = shape.channels.count - 1
    let joined = shape.channels[inner]
    self.configuration = shape
    first = try Convolution(
      exactly: weights.scoped("blocks.0.conv."),
      [shape.channels[0], shape.melBandCount, shape.kernelSizes[0]], outputs: shape.channels[0],
      on: backend)
    blocks = try (1..<inner).map {
      try SpeakerBlock(reading: weights.scoped("blocks.\($0)."), shape, index: $0, on: backend)
    }
    join = try JoinedLinear(
      reading: weights.scoped("mfa.conv."), outputs: joined,
      widths: Array(shape.channels[1..<inner]), on: backend)
    let attention = try weights.tensor(
      "asp.tdnn.conv.weight", [shape.attentionChannels, 3 * joined, 1])
    attentionFrames = try backend.loadWeight(
      [attention.columns(0..<joined)], as: .exact(kernel: 1))
    attentionContext = try backend.loadWeight(
      [attention.columns(joined..<3 * joined)], as: .exact(kernel: 1))
    attentionBias = try backend.vector(
      weights.tensor("asp.tdnn.conv.bias", [shape.attentionChannels]))
    scores = try Convolution(
      exactly: weights.scoped("asp.conv."), [joined, shape.attentionChannels, 1], outputs: joined,
      on: backend)
    output = try Convolution(
      exactly: weights.scoped("fc."), [shape.embeddingSize, 2 * joined, 1],
      outputs: shape.embeddingSize, on: backend)
  }
}
