// SPDX-License-Identifier: MIT

/// A speaker encoder at work: the buffers of one recording.
package struct SpeakerEncoding<B: Backend> {
  package let encoder: SpeakerEncoder<B>
  package var mel: MelSpectrogram { bank.spectrogram }
  let backend: B
  /// The most frames of 256 samples.
  package let capacity: Int

  private let bank: MelBank<B.Tensor, B.Indices>
  private let recording: B.Tensor
  private let input: B.Tensor
  /// What a convolution sees: a recording with its ends reflected.
  private let padded: B.Tensor
  /// Places in the recording of the rows of `padded`, for each width of the ends.
  private let reflections: [Int: B.Indices]
  /// Outputs of the first convolution and of each block.
  private let outputs: [B.Tensor]
  private let groups: [B.Tensor]
  private let chained: [B.Tensor]
  private let inner: B.Tensor
  private let joined: B.Tensor
  private let scores: B.Tensor
  private let attention: B.Tensor
  private let statistics: B.Tensor
  private let squeezed: B.Tensor
  private let gate: B.Tensor
  private let context: B.Tensor
  private let embedding: B.Tensor

  /// The fewest frames the widest convolution can reflect.
  package var fewestFrames: Int { (reflections.keys.max() ?? 0) + 1 }

  /// - Parameter capacity: The most frames of 256 samples.
  package init(
    _ encoder: SpeakerEncoder<B>, capacity: Int, on backend: B
  ) throws(B.Failure) {
    let shape = encoder.configuration
    let widest = shape.channels.dropLast().max() ?? 0
    let joinedWidth = shape.channels.last ?? 0
    let groupWidth = widest / shape.res2NetScale
    var sides: Set<Int> = []
    for (kernel, dilation) in zip(shape.kernelSizes, shape.dilations) where kernel > 1 {
      sides.insert((kernel - 1) * dilation / 2)
    }
    self.encoder = encoder
    self.backend = backend
    self.capacity = capacity
    bank = try MelBank(
      MelSpectrogram(bandCount: shape.melBandCount, sampleRate: shape.sampleRate), on: backend)
    recording = try backend.makeTensor(rows: 1, columns: (capacity + 1) * MelSpectrogram.hop)
    input = try backend.makeTensor(rows: capacity, columns: shape.melBandCount)
    padded = try backend.makeTensor(
      rows: 1,
      columns: (capacity + 2 * (sides.max() ?? 0)) * max(shape.melBandCount, groupWidth))
    var reflections: [Int: B.Indices] = [:]
    for side in sides { reflections[side] = try backend.makeIndices(count: capacity + 2 * side) }
    self.reflections = reflections
    func tensors(_ count: Int, _ columns: Int) throws(B.Failure) -> [B.Tensor] {
      var made: [B.Tensor] = []
      for _ in 0..<count { made.append(try backend.makeTensor(rows: capacity, columns: columns)) }
      return made
    }
    outputs = try tensors(1 + encoder.blocks.count, widest)
    groups = try tensors(shape.res2NetScale, groupWidth)
    chained = try tensors(shape.res2NetScale, groupWidth)
    inner = try backend.makeTensor(rows: capacity, columns: widest)
    joined = try backend.makeTensor(rows: capacity, columns: joinedWidth)
    scores = try backend.makeTensor(rows: capacity, columns: joinedWidth)
    attention = try backend.makeTensor(rows: capacity, columns: shape.attentionChannels)
    statistics = try backend.makeTensor(rows: 1, columns: 2 * max(widest, joinedWidth))
    squeezed = try backend.makeTensor(rows: 1, columns: shape.squeezeChannels)
    gate = try backend.makeTensor(rows: 1, columns: widest)
    context = try backend.makeTensor(rows: 1, columns: shape.attentionChannels)
    embedding = try backend.makeTensor(rows: 1, columns: shape.embeddingSize)
  }

  /// The embedding of a recording, `embeddingSize` numbers.
  ///
  /// - Parameter samples: Mono, at the encoder's rate.
  /// - Precondition: The samples make `fewestFrames`…`capacity` frames.
  package func embedding(of samples: [Float]) throws(B.Failure) -> [Float] {
    let count = bank.spectrogram.frameCount(samples.count)
    precondition(count <= capacity, "at most \(capacity) frames")
    try backend.melSpectrogram(samples, bank, scratch: recording, into: input.rows(0..<count))
    return try embedding(frames: count)
  }

  /// The embedding of a mel spectrogram, `[frames, melBandCount]` flattened.
  package func embedding(ofMel bands: [Float]) throws(B.Failure) -> [Float] {
    let count = bands.count / encoder.configuration.melBandCount
    precondition(count <= capacity, "at most \(capacity) frames")
    try backend.write(bands, to: input)
    return try embedding(frames: count)
  }

  /// The embedding of the first frames of `input`.
  private func embedding(frames count: Int) throws(B.Failure) -> [Float] {
    let shape = encoder.configuration
    precondition(count >= fewestFrames, "at least \(fewestFrames) frames")
    for (side, indices) in reflections { try reflect(count, side: side, into: indices) }
    let frames = 0..<count
    let input = input.rows(frames)
    let outputs = outputs.map { $0.rows(frames) }
    try convolve(
      input, encoder.first, kernel: shape.kernelSizes[0], dilation: shape.dilations[0],
      into: outputs[0])
    try backend.activate(outputs[0], .relu, into: outputs[0])
    for (index, block) in encoder.blocks.enumerated() {
      try run(block, outputs[index], into: outputs[index + 1])
    }
    let joined = joined.rows(frames)
    try encoder.join(Array(outputs.dropFirst()), into: joined, on: backend)
    try backend.activate(joined, .relu, into: joined)
    let pooled = try pool(joined)
    try backend.linear(pooled, encoder.output.weight, bias: encoder.output.bias, into: embedding)
    return try backend.read(embedding)
  }

  /// Places of the rows around and in `count` rows, the edges themselves not repeated.
  private func reflect(_ count: Int, side: Int, into indices: B.Indices) throws(B.Failure) {
    let places = (-side..<count + side).map { index in
      Int32(index < 0 ? -index : index >= count ? 2 * (count - 1) - index : index)
    }
    try backend.write(places, to: indices)
  }

  /// A convolution that sees as much before a row as after it.
  private func convolve(
    _ x: B.Tensor, _ convolution: Convolution<B.Tensor, B.Matrix>, kernel: Int, dilation: Int,
    into out: B.Tensor
  ) throws(B.Failure) {
    let side = (kernel - 1) * dilation / 2
    guard let places = reflections[side] else {
      try backend.linear(x, convolution.weight, bias: convolution.bias, into: out)
      return
    }
    let rows = x.rows + 2 * side
    let padded = padded.reshaped(rows: padded.columns, columns: 1).rows(0..<rows * x.columns)
      .reshaped(rows: rows, columns: x.columns)
    try backend.gatherRows(
      x, ids: places.strided(from: 0, count: rows, by: 1), accumulate: false, into: padded)
    try backend.causalConvolution(
      padded.rows(2 * side..<rows), history: padded.rows(0..<2 * side),
      weight: convolution.weight, bias: convolution.bias, kernel: kernel, dilation: dilation,
      into: out)
  }

  private func run(
    _ block: SpeakerBlock<B>, _ x: B.Tensor, into out: B.Tensor
  ) throws(B.Failure) {
    let frames = 0..<x.rows
    let groups = groups.map { $0.rows(frames) }
    let chained = chained.map { $0.rows(frames) }
    for (index, group) in groups.enumerated() {
      let target = index == 0 ? chained[0] : group
      try backend.linear(x, block.entry[index], bias: block.entryBias[index], into: target)
      try backend.activate(target, .relu, into: target)
      guard index > 0 else { continue }
      // The first group passes as it is, and the second sees itself alone.
      if index > 1 { try backend.add(chained[index - 1], into: group) }
      try convolve(
        group, block.chain[index - 1], kernel: block.kernel, dilation: block.dilation,
        into: chained[index])
      try backend.activate(chained[index], .relu, into: chained[index])
    }
    let inner = inner.rows(frames)
    try block.exit(chained, into: inner, on: backend)
    try backend.activate(inner, .relu, into: inner)
    let width = x.columns
    let statistics = view(statistics, columns: 2 * width)
    try backend.statisticsPooling(inner, scores: nil, into: statistics)
    try backend.linear(
      view(statistics, columns: width), block.squeeze.weight, bias: block.squeeze.bias,
      into: squeezed)
    try backend.activate(squeezed, .relu, into: squeezed)
    let gate = view(gate, columns: width)
    try backend.linear(squeezed, block.excite.weight, bias: block.excite.bias, into: gate)
    try backend.activate(gate, .sigmoid, into: gate)
    try backend.copy(x, into: out)
    try backend.addScaled(inner, scale: gate, into: out)
  }

  /// Attentive pooling, `[1, 2 · columns]`.
  private func pool(_ x: B.Tensor) throws(B.Failure) -> B.Tensor {
    let statistics = view(statistics, columns: 2 * x.columns)
    try backend.statisticsPooling(x, scores: nil, into: statistics)
    try backend.linear(
      statistics, encoder.attentionContext, bias: encoder.attentionBias, into: context)
    let attention = attention.rows(0..<x.rows)
    try backend.linear(x, encoder.attentionFrames, bias: nil, into: attention)
    try backend.add(context, into: attention)
    try backend.activate(attention, .relu, into: attention)
    try backend.activate(attention, .tanh, into: attention)
    let scores = scores.rows(0..<x.rows)
    try backend.linear(
      attention, encoder.scores.weight, bias: encoder.scores.bias, into: scores)
    try backend.statisticsPooling(x, scores: scores, into: statistics)
    return statistics
  }

  /// The first columns of a single row.
  private func view(_ row: B.Tensor, columns: Int) -> B.Tensor {
    row.reshaped(rows: row.columns, columns: 1).rows(0..<columns).reshaped(
      rows: 1, columns: columns)
  }
}
