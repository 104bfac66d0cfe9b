// SPDX-License-Identifier: MIT

/// A codec encoder at work: the state of one recording and the buffers of a chunk of it.
///
/// A recording goes through the convolutions, which turn a sample into 64 numbers, in chunks; then all
/// its rows, 25 a second, through the transformer, and all frames through the quantizers. So nothing is
/// read back before the codes. Chunks give the codes of one pass: every convolution is causal and keeps
/// its last inputs, and only the last chunk is padded.
package struct CodecEncoding<B: Backend> {
  package let encoder: CodecEncoder<B>
  let backend: B
  /// The most samples of a recording.
  package let capacity: Int
  /// Samples of a chunk, whole frames.
  private let chunk: Int
  /// Rows that go through the transformer at once: ten seconds.
  private static var block: Int { 256 }

  /// Two buffers of a stage's activations and one of its residual unit's.
  private let buffers: [B.Tensor]
  private let firstHistory: B.Tensor
  private let unitHistory: [B.Tensor]
  private let shorteningHistory: [B.Tensor]
  private let lastHistory: B.Tensor
  private let downsamplingHistory: B.Tensor
  /// Rows of the whole recording, and a pair to make an odd one whole.
  private let hidden: B.Tensor
  /// Buffers for some of the rows.
  private let work: EncoderWorkspace<B>
  private let positions: B.Indices
  private let slots: B.Indices
  private let cache: B.Cache
  private let latent: B.Tensor
  private let residual: B.Tensor
  private let scores: B.Tensor
  private let codes: B.Indices

  /// - Parameters:
  ///   - capacity: The most samples of a recording.
  ///   - chunkFrames: Frames that go through the convolutions at once.
  package init(
    _ encoder: CodecEncoder<B>, capacity: Int, chunkFrames: Int = 25, on backend: B
  ) throws(B.Failure) {
    let shape = encoder.configuration
    let transformer = shape.transformer
    let chunk = chunkFrames * shape.samplesPerFrame
    let frames = (capacity + shape.samplesPerFrame - 1) / shape.samplesPerFrame
    self.encoder = encoder
    self.backend = backend
    self.capacity = capacity
    self.chunk = chunk
    var widest = chunk * shape.filterCount
    var samples = chunk
    for (index, stride) in shape.strides.enumerated() {
      samples /= stride
      widest = max(widest, samples * (shape.filterCount << (index + 1)))
    }
    var buffers: [B.Tensor] = []
    for _ in 0..<3 { buffers.append(try backend.makeTensor(rows: 1, columns: widest)) }
    self.buffers = buffers
    firstHistory = try backend.makeTensor(rows: shape.kernelSize - 1, columns: 1)
    var units: [B.Tensor] = []
    var shortenings: [B.Tensor] = []
    for stage in encoder.stages {
      units.append(
        try backend.makeTensor(rows: shape.residualKernelSize - 1, columns: stage.channels))
      shortenings.append(try backend.makeTensor(rows: 1, columns: stage.stride * stage.channels))
    }
    unitHistory = units
    shorteningHistory = shortenings
    lastHistory = try backend.makeTensor(
      rows: shape.lastKernelSize - 1, columns: shape.filterCount << shape.strides.count)
    downsamplingHistory = try backend.makeTensor(rows: 1, columns: 2 * transformer.hiddenSize)
    let rows = 2 * frames
    hidden = try backend.makeTensor(rows: rows, columns: transformer.hiddenSize)
    work = try EncoderWorkspace(rows: min(rows, Self.block), transformer, on: backend)
    positions = try backend.makeIndices(count: rows)
    slots = try backend.makeIndices(count: rows)
    try backend.write((0..<rows).map { Int32($0) }, to: positions)
    cache = try backend.makeCache(
      layerCount: transformer.layerCount, slotCount: 1, capacity: rows,
      kvWidth: transformer.kvWidth, precision: .float32)
    latent = try backend.makeTensor(rows: frames, columns: transformer.hiddenSize)
    residual = try backend.makeTensor(rows: frames, columns: shape.codebookDim)
    scores = try backend.makeTensor(rows: frames, columns: shape.codebookSize)
    codes = try backend.makeIndices(count: frames * encoder.quantizerCount)
  }

  /// The codes of a recording: one frame for each 1920 samples begun.
  ///
  /// - Parameter samples: Mono, 24 kHz, 1…`capacity` of them.
  package func encode(_ samples: [Float]) throws(B.Failure) -> [[Int32]] {
    precondition(!samples.isEmpty && samples.count <= capacity, "1…\(capacity) samples")
    for history in [firstHistory, lastHistory] + unitHistory + shorteningHistory {
      try backend.clear(history)
    }
    var rows = 0
    for start in stride(from: 0, to: samples.count, by: chunk) {
      rows += try convolve(
        Array(samples[start..<min(start + chunk, samples.count)]), after: rows)
    }
    for start in stride(from: 0, to: rows, by: Self.block) {
      try runTransformer(start..<min(start + Self.block, rows))
    }
    let frames = try downsample(rows)
    try quantize(frames)
    let width = encoder.quantizerCount
    let codes = try backend.read(codes.strided(from: 0, count: frames * width, by: 1))
    return (0..<frames).map { Array(codes[$0 * width..<($0 + 1) * width]) }
  }

  /// Part of a buffer as a matrix.
  private func view(_ buffer: Int, rows: Int, columns: Int) -> B.Tensor {
    buffers[buffer].reshaped(rows: buffers[buffer].columns, columns: 1).rows(0..<rows * columns)
      .reshaped(rows: rows, columns: columns)
  }

  /// The next samples to rows of the transformer's input, after those there; returns how many.
  private func convolve(_ samples: [Float], after done: Int) throws(B.Failure) -> Int {
    let shape = encoder.configuration
    var rows = samples.count
    let input = view(1, rows: rows, columns: 1)
    try backend.write(samples, to: input)
    try backend.causalConvolution(
      input, history: firstHistory, weight: encoder.first.weight, bias: encoder.first.bias,
      kernel: shape.kernelSize, dilation: 1,
      into: view(0, rows: rows, columns: shape.filterCount))
    for (index, stage) in encoder.stages.enumerated() {
      rows = try run(stage, index: index, rows: rows)
    }
    let channels = shape.filterCount << encoder.stages.count
    let activated = view(1, rows: rows, columns: channels)
    try backend.activate(view(0, rows: rows, columns: channels), .elu, into: activated)
    try backend.causalConvolution(
      activated, history: lastHistory, weight: encoder.last.weight, bias: encoder.last.bias,
      kernel: shape.lastKernelSize, dilation: 1, into: hidden.rows(done..<done + rows))
    return rows
  }

  /// One stage, in buffer 0 before and after; returns the rows left.
  private func run(
    _ stage: EncoderStage<B>, index: Int, rows: Int
  ) throws(B.Failure) -> Int {
    let x = view(0, rows: rows, columns: stage.channels)
    let activated = view(1, rows: rows, columns: stage.channels)
    let inner = view(2, rows: rows, columns: stage.innerChannels)
    try backend.activate(x, .elu, into: activated)
    try backend.causalConvolution(
      activated, history: unitHistory[index], weight: stage.first.weight, bias: stage.first.bias,
      kernel: encoder.configuration.residualKernelSize, dilation: 1, into: inner)
    try backend.activate(inner, .elu, into: inner)
    try backend.linearAdd(
      inner, stage.second.weight, bias: stage.second.bias, scale: nil, into: x)
    // Zeros up to a whole stride, as each layer of the reference has them.
    let shorter = (rows + stage.stride - 1) / stage.stride
    let padded = view(1, rows: shorter * stage.stride, columns: stage.channels)
    try backend.activate(x, .elu, into: padded.rows(0..<rows))
    if shorter * stage.stride > rows {
      try backend.clear(padded.rows(rows..<shorter * stage.stride))
    }
    try backend.causalConvolution(
      padded.reshaped(rows: shorter, columns: stage.stride * stage.channels),
      history: shorteningHistory[index], weight: stage.shortening, bias: stage.shorteningBias,
      kernel: 2, dilation: 1, into: view(0, rows: shorter, columns: 2 * stage.channels))
    return shorter
  }

  /// Some rows, after all before them, through the transformer in place.
  private func runTransformer(_ rows: Range<Int>) throws(B.Failure) {
    let shape = encoder.configuration.transformer
    let hidden = hidden.rows(rows)
    let work = work.first(rows.count)
    let map = RowMap(
      slots: slots.strided(from: 0, count: rows.count, by: 1),
      positions: positions.strided(from: rows.lowerBound, count: rows.count, by: 1))
    for (index, layer) in encoder.layers.enumerated() {
      try backend.layerNorm(
        hidden, weight: layer.inputNorm, bias: layer.inputNormBias,
        epsilon: shape.normEpsilon, into: work.normed)
      try backend.linear(work.normed, layer.qkv, bias: nil, into: work.qkv)
      // Not the fused step, which a backend may compute with fewer bits.
      let layerCache = CacheLayer(cache, layer: index)
      try backend.qkNormRopeAppend(work.qkv, encoder.attention, rows: map, to: layerCache)
      try backend.attention(
        work.qkv, encoder.attention, rows: map, cache: layerCache, into: work.attended)
      try backend.linearAdd(
        work.attended, layer.output, bias: nil, scale: layer.attentionScale, into: hidden)
      try backend.layerNorm(
        hidden, weight: layer.postNorm, bias: layer.postNormBias,
        epsilon: shape.normEpsilon, into: work.normed)
      try backend.linear(work.normed, layer.expand, bias: nil, into: work.wide)
      try backend.gelu(work.wide)
      try backend.linearAdd(
        work.wide, layer.contract, bias: nil, scale: layer.feedForwardScale, into: hidden)
    }
  }

  /// Pairs of rows to frames, `latent`; the recording's edges are repeated.
  private func downsample(_ rows: Int) throws(B.Failure) -> Int {
    let width = encoder.configuration.transformer.hiddenSize
    let frames = (rows + 1) / 2
    let edges = downsamplingHistory.reshaped(rows: 2, columns: width)
    for row in 0..<2 {
      try backend.copy(hidden.rows(0..<1), into: edges.rows(row..<row + 1))
    }
    if rows % 2 == 1 {
      try backend.copy(hidden.rows(rows - 1..<rows), into: hidden.rows(rows..<rows + 1))
    }
    try backend.causalConvolution(
      hidden.rows(0..<2 * frames).reshaped(rows: frames, columns: 2 * width),
      history: downsamplingHistory, weight: encoder.downsampling, bias: encoder.noBias, kernel: 2,
      dilation: 1, into: latent.rows(0..<frames))
    return frames
  }

  /// The semantic code from the latent, and the acoustic ones from what each leaves over.
  private func quantize(_ frames: Int) throws(B.Failure) {
    let latent = latent.rows(0..<frames)
    let residual = residual.rows(0..<frames)
    let scores = scores.rows(0..<frames)
    for (index, codebook) in encoder.codebooks.enumerated() {
      if index < 2 {
        try backend.linear(
          latent, index == 0 ? encoder.semanticInput : encoder.acousticInput, bias: nil,
          into: residual)
      }
      let picks = codes.strided(from: index, count: frames, by: encoder.quantizerCount)
      try backend.linear(residual, codebook.table, bias: codebook.bias, into: scores)
      try backend.argmax(scores, into: picks)
      try backend.gather(
        codebook.table, ids: picks, scale: encoder.minusOne, accumulate: true, into: residual)
    }
  }
}

/// The buffers of the encoder's transformer.
struct EncoderWorkspace<B: Backend> {
  let normed: B.Tensor
  let qkv: B.Tensor
  let attended: B.Tensor
  let wide: B.Tensor

  init(rows: Int, _ shape: TransformerConfiguration, on backend: B) throws(B.Failure) {
    normed = try backend.makeTensor(rows: rows, columns: shape.hiddenSize)
    qkv = try backend.makeTensor(rows: rows, columns: shape.attention.packedWidth)
    attended = try backend.makeTensor(rows: rows, columns: shape.queryWidth)
    wide = try backend.makeTensor(rows: rows, columns: shape.intermediateSize)
  }

  private init(_ other: EncoderWorkspace, rows: Range<Int>) {
    normed = other.normed.rows(rows)
    qkv = other.qkv.rows(rows)
    attended = other.attended.rows(rows)
    wide = other.wide.rows(rows)
  }

  /// The first `count` rows.
  func first(_ count: Int) -> EncoderWorkspace { EncoderWorkspace(self, rows: 0..<count) }
}
