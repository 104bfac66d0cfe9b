// SPDX-License-Identifier: MIT

/// A codec decoder at work: the states of some speeches and the buffers of a batch.
///
/// A batch has frames of any speeches, as many of each as there are. A state is constant in size however
/// long the speech. Batches and chunks of any sizes give the samples of one pass, bit for bit on a
/// backend whose rows do not depend on each other's number. The streams own their tensors and
/// recordings, which are released with them.
package final class CodecStreams<B: Backend> {
  package let decoder: CodecDecoder<B>
  package let backend: B
  package let slotCount: Int
  /// Frames that can be decoded at once.
  package let batchCapacity: Int
  /// The most frames of one speech in a batch.
  package var longestChunk: Int { min(batchCapacity, readCapacity) }

  /// Frames of one speech that the transformer reads at once.
  let readCapacity: Int

  /// `maps`, then `codes`: written at once.
  private let input: B.Indices
  /// Of each frame of a batch its position, its slot, and the two numbers of `StreamFrames.map`.
  private let maps: B.Indices
  private let codes: B.Indices
  let cache: B.Cache
  private let work: TransformerWorkspace<B>
  private let semantic: B.Tensor
  private let acoustic: B.Tensor
  private let quantized: B.Tensor
  private let latent: B.Tensor
  /// Two buffers of a stage's activations and two more, as large as the widest stage.
  private let buffers: [B.Tensor]

  /// The last inputs of all convolutions, `[places, …]`: of each slot, then of each reference, then of what
  /// fills up a batch.
  private let states: B.Tensor
  /// Where each convolution's are in a state.
  private var parts: [Part] = []
  /// Next position of each place.
  private var nextPosition: [Int]
  var references: RememberedReferences
  /// Of `decodeBatch`, by its number of frames.
  private var recordings = Recordings<Int, B.Recording>()

  private struct Part {
    var start: Int
    var rows: Int
    var columns: Int
  }

  // Indices of `parts`.
  private var preHistory: Int { 0 }
  private var headHistory: Int { 1 }
  private var lastHistory: Int { 2 }
  private func upsamplingHistory(_ stage: Int) -> Int { 3 + stage }
  private func transposedHistory(_ block: Int) -> Int { 3 + decoder.upsampling.count + block }
  private func unitHistory(_ block: Int, _ unit: Int) -> Int {
    transposedHistory(decoder.blocks.count) + 3 * block + unit
  }

  /// - Parameters:
  ///   - slotCount: Speeches that can be under way.
  ///   - batchCapacity: The most frames of one batch.
  ///   - references: References whose state is remembered.
  package init(
    _ decoder: CodecDecoder<B>, slotCount: Int = 1, batchCapacity: Int, references: Int = 1,
    on backend: B
  ) throws(B.Failure) {
    let shape = decoder.configuration
    let transformer = shape.transformer
    self.decoder = decoder
    self.backend = backend
    self.slotCount = slotCount
    self.references = RememberedReferences(firstPlace: slotCount, count: references)
    let batch = backend.codecFrames(for: batchCapacity)
    self.batchCapacity = batchCapacity
    let size = CodecStateSize(
      shape, slotCount: slotCount, batchCapacity: batch, references: references)
    nextPosition = Array(repeating: 0, count: size.places)
    readCapacity = size.readCapacity
    let rows = max(batch, readCapacity)
    input = try backend.makeIndices(count: (4 + shape.quantizerCount) * rows)
    maps = input.strided(from: 0, count: 4 * rows, by: 1)
    codes = input.strided(from: 4 * rows, count: rows * shape.quantizerCount, by: 1)
    cache = try backend.makeCache(
      layerCount: transformer.layerCount, slotCount: size.places,
      capacity: size.positions, kvWidth: transformer.kvWidth, precision: .float32)
    work = try TransformerWorkspace(rows: rows, transformer, on: backend)
    let half = shape.codebookDim / 2
    semantic = try backend.makeTensor(rows: rows, columns: half)
    acoustic = try backend.makeTensor(rows: rows, columns: half)
    quantized = try backend.makeTensor(rows: rows, columns: shape.codebookDim)
    latent = try backend.makeTensor(rows: rows, columns: shape.latentDim)
    var buffers: [B.Tensor] = []
    for _ in 0..<4 {
      buffers.append(try backend.makeTensor(rows: 1, columns: batch * Self.widestStage(shape)))
    }
    self.buffers = buffers

    // One row holds a state, so that clearing and copying it is one operation.
    states = try backend.makeTensor(rows: size.places, columns: size.historyCount)
    var start = 0
    for (rows, columns) in size.histories {
      parts.append(Part(start: start, rows: rows, columns: columns))
      start += rows * columns
    }
    try reset()
  }

  /// Numbers of the widest stage, per frame.
  private static func widestStage(_ shape: CodecDecoderConfiguration) -> Int {
    var rows = 1
    var widest = 0
    for ratio in shape.upsamplingRatios {
      rows *= ratio
      widest = max(widest, rows * 4 * shape.latentDim)
    }
    widest = max(widest, rows * shape.decoderDim)
    for (index, rate) in shape.upsampleRates.enumerated() {
      rows *= rate
      widest = max(widest, rows * (shape.decoderDim >> (index + 1)))
    }
    return widest
  }

  /// Begins another speech in a slot.
  package func reset(slot: Int = 0) throws(B.Failure) {
    try backend.clear(state(slot))
    nextPosition[slot] = 0
  }

  /// The state of a slot or of a reference.
  private func state(_ place: Int) -> B.Tensor { states.rows(place..<place + 1) }

  /// Copies the state of a place to another, that of a slot to a reference's or the other way round.
  func copyState(from source: Int, to place: Int) throws(B.Failure) {
    try backend.copy(state(source), into: state(place))
    try backend.copy(cache, slot: source, into: place)
    nextPosition[place] = nextPosition[source]
  }

  /// Frames of one speech, of a batch.
  package struct Chunk {
    package var slot: Int
    /// `[count, quantizerCount]` flattened.
    package var codes: [Int32]

    package init(slot: Int, codes: [Int32]) {
      self.slot = slot
      self.codes = codes
    }
  }

  /// Decodes the next frames of a slot.
  ///
  /// - Parameter frames: `[count, quantizerCount]` flattened, `count` at most `batchCapacity`.
  /// - Returns: `count · samplesPerFrame` samples in −1…1.
  package func decode(_ frames: [Int32], slot: Int = 0) throws(B.Failure) -> [Float] {
    try backend.read(queue([Chunk(slot: slot, codes: frames)]))
  }

  /// Decodes the next frames of some slots without waiting for their samples, which come in the order of
  /// the chunks.
  ///
  /// - Precondition: Each slot has one chunk at the most, of `longestChunk` frames at the most, and there are
  ///   `batchCapacity` frames in all at the most.
  package func beginDecoding(_ chunks: [Chunk]) throws(B.Failure) -> B.Readback {
    try backend.beginRead(queue(chunks))
  }

  private func queue(_ chunks: [Chunk]) throws(B.Failure) -> B.Tensor {
    let count = chunks.reduce(0) { $0 + $1.codes.count } / decoder.configuration.quantizerCount
    precondition(
      count > 0 && count <= batchCapacity, "a batch holds 1…\(batchCapacity) frames")
    let frames = try write(chunks, padded: backend.codecFrames(for: count))
    try backend.run(recordings[frames.count]) { () throws(B.Failure) in
      try decodeBatch(frames)
    }
    return samples(count)
  }

  /// Writes the codes of a batch, and whose they are; their speeches are that much further afterwards.
  ///
  /// - Parameter padded: Frames of the batch: those that are missing are of a speech that nobody hears.
  func write(_ chunks: [Chunk], padded: Int) throws(B.Failure) -> StreamFrames<B.Indices> {
    let width = decoder.configuration.quantizerCount
    var chunks = chunks
    let missing = padded - chunks.reduce(0) { $0 + $1.codes.count } / width
    if missing > 0 {
      let spare = nextPosition.count - 1
      nextPosition[spare] = 0
      chunks.append(Chunk(slot: spare, codes: [Int32](repeating: 0, count: missing * width)))
    }
    var segments: [StreamFrames<B.Indices>.Segment] = []
    var (positions, slots): ([Int32], [Int32]) = ([], [])
    for chunk in chunks {
      let (start, count) = (slots.count, chunk.codes.count / width)
      precondition(count <= readCapacity, "a slot has room for the frames of a chunk")
      let next = nextPosition[chunk.slot]
      segments.append(.init(slot: chunk.slot, frames: start..<start + count))
      positions += (next..<next + count).map { Int32($0) }
      slots += repeatElement(Int32(chunk.slot), count: count)
      nextPosition[chunk.slot] = next + count
    }
    let rows = work.hidden.rows
    let gap = [Int32](repeating: 0, count: rows - padded)
    let numbers =
      positions + gap + slots + gap + StreamFrames<B.Indices>.map(segments) + gap + gap
      + chunks.flatMap(\.codes)
    try backend.write(numbers, to: input.strided(from: 0, count: numbers.count, by: 1))
    return StreamFrames(
      segments, map: maps.strided(from: 2 * rows, count: 2 * padded, by: 1))
  }

  /// Decodes a whole sequence as the official package does: in blocks of 300 frames, each begun anew
  /// with the 25 frames before it, whose samples are dropped. Up to 300 frames this is one pass.
  ///
  /// - Parameter frames: `[count, quantizerCount]` flattened.
  package func decodeInOfficialBlocks(_ frames: [Int32]) throws(B.Failure) -> [Float] {
    let width = decoder.configuration.quantizerCount
    let count = frames.count / width
    var samples: [Float] = []
    for start in stride(from: 0, to: count, by: 300) {
      let context = min(25, start)
      try reset()
      let block = try decodeAll(
        Array(frames[(start - context) * width..<min(start + 300, count) * width]))
      samples += block.dropFirst(context * decoder.configuration.samplesPerFrame)
    }
    return samples
  }

  /// Decodes any number of frames, continuing the speech.
  package func decodeAll(_ frames: [Int32]) throws(B.Failure) -> [Float] {
    let step = batchCapacity * decoder.configuration.quantizerCount
    var samples: [Float] = []
    for start in stride(from: 0, to: frames.count, by: step) {
      samples += try decode(Array(frames[start..<min(start + step, frames.count)]))
    }
    return samples
  }

  private func samples(_ count: Int) -> B.Tensor {
    view(2, rows: count * decoder.configuration.samplesPerFrame, columns: 1)
  }

  /// Part of a buffer as a matrix.
  private func view(_ buffer: Int, rows: Int, columns: Int) -> B.Tensor {
    buffers[buffer].reshaped(rows: buffers[buffer].columns, columns: 1).rows(0..<rows * columns)
      .reshaped(rows: rows, columns: columns)
  }

  /// The histories of a convolution.
  private func history(
    _ index: Int, _ frames: StreamFrames<B.Indices>
  ) -> StreamHistory<B.Tensor, B.Indices> {
    let part = parts[index]
    return StreamHistory(
      states, at: part.start, rows: part.rows, columns: part.columns, of: frames)
  }

  /// The codes in `codes` to samples.
  func decodeBatch(_ frames: StreamFrames<B.Indices>) throws(B.Failure) {
    try readCodes(frames)
    try makeSamples(frames)
  }

  /// The codes in `codes` to `latent` after the transformer.
  func readCodes(_ frames: StreamFrames<B.Indices>) throws(B.Failure) {
    try dequantize(frames)
    try runTransformer(frames.count)
  }

  /// `latent` to samples.
  private func makeSamples(_ frames: StreamFrames<B.Indices>) throws(B.Failure) {
    var (rows, current) = try upsample(frames)
    let shape = decoder.configuration
    let head = view(1 - current, rows: rows, columns: shape.decoderDim)
    try backend.causalConvolution(
      view(current, rows: rows, columns: shape.latentDim), history: history(headHistory, frames),
      weight: decoder.head.weight, bias: decoder.head.bias, kernel: 7, dilation: 1, into: head)
    current = 1 - current
    for index in decoder.blocks.indices {
      try run(index, frames, rows: rows, current: current)
      rows *= decoder.blocks[index].stride
      current = 1 - current
    }
    let channels = shape.decoderDim >> shape.upsampleRates.count
    let out = samples(frames.count)
    try backend.snakeConvolution(
      view(current, rows: rows, columns: channels), decoder.lastSnake,
      history: history(lastHistory, frames), weight: decoder.last.weight, bias: decoder.last.bias,
      kernel: 7, dilation: 1, scratch: view(1 - current, rows: rows, columns: channels), into: out)
    try backend.clamp(out)
  }

  /// Codes to `quantized`, `[count, codebookDim]`, and on to `latent` before the transformer.
  private func dequantize(_ frames: StreamFrames<B.Indices>) throws(B.Failure) {
    let count = frames.count
    let quantizers = decoder.configuration.quantizerCount
    let semantic = semantic.rows(0..<count)
    let acoustic = acoustic.rows(0..<count)
    for (range, out) in [(0..<1, semantic), (1..<quantizers, acoustic)] {
      try backend.gatherSum(
        decoder.codebooks, entries: decoder.configuration.codebookSize,
        scale: decoder.codebookScale, codes: codes, width: quantizers, range: range, into: out)
    }
    let quantized = quantized.rows(0..<count)
    try backend.linear(semantic, decoder.semanticOutput, bias: nil, into: quantized)
    try backend.linearAdd(
      acoustic, decoder.acousticOutput, bias: nil, scale: nil, into: quantized)
    try backend.causalConvolution(
      quantized, history: history(preHistory, frames), weight: decoder.preConvolution.weight,
      bias: decoder.preConvolution.bias, kernel: 3, dilation: 1, into: latent.rows(0..<count))
  }

  private func runTransformer(_ count: Int) throws(B.Failure) {
    let rows = work.hidden.rows
    let work = work.first(count)
    let latent = latent.rows(0..<count)
    let map = RowMap(
      slots: maps.strided(from: rows, count: count, by: 1),
      positions: maps.strided(from: 0, count: count, by: 1))
    try backend.linear(
      latent, decoder.input.weight, bias: decoder.input.bias, into: work.hidden)
    try decoder.stack(work, rows: map, cache: cache, on: backend)
    try decoder.stack.finalNorm(work.hidden, into: work.hidden, on: backend)
    try backend.linear(
      work.hidden, decoder.output.weight, bias: decoder.output.bias, into: latent)
  }

  /// The ConvNeXt stages. Returns the rows and the buffer they are in.
  private func upsample(
    _ frames: StreamFrames<B.Indices>
  ) throws(B.Failure) -> (rows: Int, buffer: Int) {
    let channels = decoder.configuration.latentDim
    var source = latent.rows(0..<frames.count)
    var rows = frames.count
    var current = 1
    for (index, stage) in decoder.upsampling.enumerated() {
      rows *= stage.stride
      current = 1 - current
      let out = view(current, rows: rows, columns: channels)
      try backend.latentUpsampling(
        source, stage, history: history(upsamplingHistory(index), frames),
        inner: view(1 - current, rows: rows, columns: channels),
        wide: view(2, rows: rows, columns: 4 * channels), into: out)
      source = out
    }
    return (rows, current)
  }

  /// One block, from buffer `current` to the other.
  private func run(
    _ index: Int, _ frames: StreamFrames<B.Indices>, rows: Int, current: Int
  ) throws(B.Failure) {
    let block = decoder.blocks[index]
    let source = view(current, rows: rows, columns: 2 * block.channels)
    let longer = rows * block.stride
    let out = view(1 - current, rows: longer, columns: block.channels)
    try backend.decoderBlock(
      source, block, history: history(transposedHistory(index), frames),
      unitHistories: block.units.indices.map { history(unitHistory(index, $0), frames) },
      inner: view(2, rows: longer, columns: block.channels),
      scratch: (
        view(current, rows: longer, columns: block.channels),
        view(3, rows: longer, columns: block.channels)
      ), into: out)
  }
}
