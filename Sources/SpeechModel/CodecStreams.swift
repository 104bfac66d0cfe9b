// SPDX-License-Identifier: MIT

/// A codec decoder at work: the states of some speeches and the buffers of a chunk.
///
/// A state is constant in size however long the speech. Chunks of any sizes give the samples of
/// one pass, bit for bit on a backend whose rows do not depend on each other's number. The streams own
/// their tensors and recordings, which are released with them.
package final class CodecStreams<B: Backend> {
  package let decoder: CodecDecoder<B>
  package let backend: B
  package let slotCount: Int
  /// Frames that can be decoded at once.
  package let chunkCapacity: Int

  /// Frames that go through the transformer at once.
  let readCapacity: Int

  let codes: B.Indices
  let positions: B.Indices
  private let slots: B.Indices
  let cache: B.Cache
  private let work: TransformerWorkspace<B>
  private let semantic: B.Tensor
  private let acoustic: B.Tensor
  private let quantized: B.Tensor
  private let latent: B.Tensor
  /// Two buffers of a stage's activations and two more, as large as the widest stage.
  private let buffers: [B.Tensor]

  /// The last inputs of all convolutions of the speech in `resident`.
  let state: B.Tensor
  private let preHistory: B.Tensor
  private let upsamplingHistory: [B.Tensor]
  private let headHistory: B.Tensor
  private let transposedHistory: [B.Tensor]
  private let unitHistory: [[B.Tensor]]
  private let lastHistory: B.Tensor
  /// The same of each slot, out of date for the resident one, `[slots, …]`; the places after the slots are
  /// those of references.
  private let states: B.Tensor
  /// The slot whose state is in `state` and `positions`.
  private var resident = 0
  /// Next position of each slot.
  var nextPosition: [Int]
  var references: RememberedReferences
  /// Of `decodeChunk`, by its number of frames.
  private var recordings = Recordings<Int, B.Recording>()

  /// - Parameters:
  ///   - slotCount: Speeches that can be under way.
  ///   - chunkCapacity: The most frames of one chunk.
  ///   - references: References whose state is remembered.
  package init(
    _ decoder: CodecDecoder<B>, slotCount: Int = 1, chunkCapacity: Int, references: Int = 1,
    on backend: B
  ) throws(B.Failure) {
    let shape = decoder.configuration
    let transformer = shape.transformer
    self.decoder = decoder
    self.backend = backend
    self.chunkCapacity = chunkCapacity
    self.slotCount = slotCount
    self.references = RememberedReferences(firstPlace: slotCount, count: references)
    let size = CodecStateSize(
      shape, slotCount: slotCount, chunkCapacity: chunkCapacity, references: references)
    nextPosition = Array(repeating: 0, count: slotCount)
    let rows = size.readCapacity
    readCapacity = rows
    codes = try backend.makeIndices(count: rows * shape.quantizerCount)
    positions = try backend.makeIndices(count: rows)
    slots = try backend.makeIndices(count: rows)
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
      buffers.append(
        try backend.makeTensor(rows: 1, columns: chunkCapacity * Self.widestStage(shape)))
    }
    self.buffers = buffers

    // One tensor holds the state, so that clearing and copying it is one operation.
    let total = size.historyCount
    state = try backend.makeTensor(rows: total, columns: 1)
    states = try backend.makeTensor(rows: size.places, columns: total)
    var start = 0
    var histories: [B.Tensor] = []
    for (rows, columns) in size.histories {
      histories.append(
        state.rows(start..<start + rows * columns).reshaped(rows: rows, columns: columns))
      start += rows * columns
    }
    (preHistory, headHistory, lastHistory) = (histories[0], histories[1], histories[2])
    var next = 3
    upsamplingHistory = Array(histories[next..<next + decoder.upsampling.count])
    next += decoder.upsampling.count
    transposedHistory = Array(histories[next..<next + decoder.blocks.count])
    next += decoder.blocks.count
    var units: [[B.Tensor]] = []
    for block in decoder.blocks {
      units.append(Array(histories[next..<next + block.units.count]))
      next += block.units.count
    }
    unitHistory = units
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
    try leave(for: slot)
    try backend.clear(state)
    try setPosition(0)
  }

  /// Makes a slot the resident one, its state still to be set.
  private func leave(for slot: Int) throws(B.Failure) {
    guard slot != resident else { return }
    try backend.copy(state, into: place(resident))
    resident = slot
    try backend.write([Int32](repeating: Int32(slot), count: readCapacity), to: slots)
  }

  /// Makes a slot the resident one.
  private func enter(_ slot: Int) throws(B.Failure) {
    guard slot != resident else { return }
    try leave(for: slot)
    try backend.copy(place(slot), into: state)
    try setPosition(nextPosition[slot])
  }

  /// The state of a slot or of a reference.
  private func place(_ index: Int) -> B.Tensor {
    states.rows(index..<index + 1).reshaped(rows: state.rows, columns: 1)
  }

  /// Makes `position` the resident slot's next.
  private func setPosition(_ position: Int) throws(B.Failure) {
    nextPosition[resident] = position
    try backend.write((position..<position + readCapacity).map { Int32($0) }, to: positions)
  }

  /// Keeps the state of the resident slot in the place of a reference.
  func keepState(at place: Int) throws(B.Failure) {
    try backend.copy(state, into: self.place(place))
    try backend.copy(cache, slot: resident, into: place)
  }

  /// Begins a speech in a slot with a state that was kept after `position` frames.
  func begin(slot: Int, from place: Int, position: Int) throws(B.Failure) {
    try leave(for: slot)
    try backend.copy(self.place(place), into: state)
    try backend.copy(cache, slot: place, into: slot)
    try setPosition(position)
  }

  /// Decodes the next frames of a slot.
  ///
  /// - Parameter frames: `[count, quantizerCount]` flattened, `count` at most `chunkCapacity`.
  /// - Returns: `count · samplesPerFrame` samples in −1…1.
  package func decode(_ frames: [Int32], slot: Int = 0) throws(B.Failure) -> [Float] {
    try backend.read(queue(frames, slot: slot))
  }

  /// The same without waiting for the samples.
  package func beginDecoding(_ frames: [Int32], slot: Int) throws(B.Failure) -> B.Readback {
    try backend.beginRead(queue(frames, slot: slot))
  }

  private func queue(_ frames: [Int32], slot: Int) throws(B.Failure) -> B.Tensor {
    let count = frames.count / decoder.configuration.quantizerCount
    precondition(count > 0 && count <= chunkCapacity, "a chunk holds 1…\(chunkCapacity) frames")
    try enter(slot)
    try backend.write(frames, to: codes)
    try backend.run(recordings[count]) { () throws(B.Failure) in
      try decodeChunk(count)
    }
    nextPosition[slot] += count
    return samples(count)
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
    let step = chunkCapacity * decoder.configuration.quantizerCount
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

  /// The codes in `codes` to samples.
  func decodeChunk(_ count: Int) throws(B.Failure) {
    try readCodes(count)
    try makeSamples(count)
  }

  /// The codes in `codes`, of the resident slot, to `latent` after the transformer.
  func readCodes(_ count: Int) throws(B.Failure) {
    try dequantize(count)
    try runTransformer(count)
  }

  /// `latent` to samples.
  private func makeSamples(_ count: Int) throws(B.Failure) {
    var (rows, current) = try upsample(count)
    let shape = decoder.configuration
    let head = view(1 - current, rows: rows, columns: shape.decoderDim)
    try backend.causalConvolution(
      view(current, rows: rows, columns: shape.latentDim), history: headHistory,
      weight: decoder.head.weight, bias: decoder.head.bias, kernel: 7, dilation: 1, into: head)
    current = 1 - current
    for (index, block) in decoder.blocks.enumerated() {
      try run(block, index: index, rows: rows, current: current)
      rows *= block.stride
      current = 1 - current
    }
    let channels = shape.decoderDim >> shape.upsampleRates.count
    let out = samples(count)
    try backend.snakeConvolution(
      view(current, rows: rows, columns: channels), decoder.lastSnake, history: lastHistory,
      weight: decoder.last.weight, bias: decoder.last.bias, kernel: 7, dilation: 1,
      scratch: view(1 - current, rows: rows, columns: channels), into: out)
    try backend.clamp(out)
  }

  /// Codes to `quantized`, `[count, codebookDim]`, and on to `latent` before the transformer.
  private func dequantize(_ count: Int) throws(B.Failure) {
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
      quantized, history: preHistory, weight: decoder.preConvolution.weight,
      bias: decoder.preConvolution.bias, kernel: 3, dilation: 1, into: latent.rows(0..<count))
  }

  private func runTransformer(_ count: Int) throws(B.Failure) {
    let work = work.first(count)
    let latent = latent.rows(0..<count)
    try backend.linear(
      latent, decoder.input.weight, bias: decoder.input.bias, into: work.hidden)
    try decoder.stack(
      work, rows: RowMap(slots: slots, positions: positions).rows(0..<count), cache: cache,
      on: backend)
    try decoder.stack.finalNorm(work.hidden, into: work.hidden, on: backend)
    try backend.linear(
      work.hidden, decoder.output.weight, bias: decoder.output.bias, into: latent)
    try backend.increment(positions, by: Int32(count))
  }

  /// The ConvNeXt stages. Returns the rows and the buffer they are in.
  private func upsample(_ count: Int) throws(B.Failure) -> (rows: Int, buffer: Int) {
    let channels = decoder.configuration.latentDim
    var source = latent.rows(0..<count)
    var rows = count
    var current = 1
    for (stage, history) in zip(decoder.upsampling, upsamplingHistory) {
      rows *= stage.stride
      current = 1 - current
      let out = view(current, rows: rows, columns: channels)
      try backend.latentUpsampling(
        source, stage, history: history,
        inner: view(1 - current, rows: rows, columns: channels),
        wide: view(2, rows: rows, columns: 4 * channels), into: out)
      source = out
    }
    return (rows, current)
  }

  /// One block, from buffer `current` to the other.
  private func run(
    _ block: DecoderBlock<B.Tensor, B.Matrix>, index: Int, rows: Int, current: Int
  ) throws(B.Failure) {
    let source = view(current, rows: rows, columns: 2 * block.channels)
    let longer = rows * block.stride
    let out = view(1 - current, rows: longer, columns: block.channels)
    try backend.decoderBlock(
      source, block, history: transposedHistory[index], unitHistories: unitHistory[index],
      inner: view(2, rows: longer, columns: block.channels),
      scratch: (
        view(current, rows: longer, columns: block.channels),
        view(3, rows: longer, columns: block.channels)
      ), into: out)
  }
}
