// SPDX-License-Identifier: MIT

/// Talker and code predictor of one checkpoint.
package struct LanguageModel<B: Backend> {
  package let configuration: ModelConfiguration
  package let talker: Talker<B>
  package let predictor: CodePredictor<B>

  package init(
    reading weights: some WeightSource, _ configuration: ModelConfiguration, on backend: B
  ) throws {
    self.configuration = configuration
    talker = try Talker(
      reading: weights.scoped("talker."), configuration.talker, on: backend)
    predictor = try CodePredictor(
      reading: weights.scoped("talker.code_predictor."), configuration.predictor,
      talker: configuration.talker, on: backend)
  }
}

/// The state of the utterances being spoken and the step that makes their next frame.
///
/// A frame is: draw code 0 from the talker's hidden state, draw codes 1…15, publish them. Between
/// two frames the talker advances by one position. Everything that changes lives in tensors made
/// once, so both bodies can be recorded and replayed (`MemoryBackend.run`). The step owns these
/// tensors and recordings: they are released with it, while others speak on the same backend.
package final class FrameStep<B: Backend> {
  package let model: LanguageModel<B>
  package let backend: B
  package let slotCount: Int
  /// Positions a slot has: prompt and frames together.
  package let capacity: Int

  /// Rows of a prompt that go through the layers at once.
  static var promptBlock: Int { 256 }

  let prompt: TransformerWorkspace<B>
  let promptPositions: B.Indices
  let promptSlots: B.Indices
  let promptIDs: B.Indices
  let promptCodes: B.Indices
  let textRows: B.Tensor
  let textInner: B.Tensor
  /// Text-side vectors of the prompt's distinct tokens, `[capacity + 1, hidden]`.
  let text: B.Tensor
  let scratch: B.Tensor

  let work: TransformerWorkspace<B>
  package let cache: B.Cache
  /// How keys and values are kept in `cache`.
  package let cachePrecision: CachePrecision
  /// The talker's last hidden state after its norm, `[slots, hidden]`.
  package let hidden: B.Tensor
  package let logits: B.Tensor
  /// The frame being made, `[slots, codebookCount]`.
  package let codes: B.Indices
  /// Next position of each slot.
  package let positions: B.Indices
  package let slots: B.Indices
  package let sampling: SamplingState<B.Indices>
  /// Text rows of the frames to come, `[slots · trailingRows, hidden]`, the padding vector last.
  package let trailing: B.Tensor
  let trailingRows: Int
  package let trailingCount: B.Indices
  package let predictorWork: CodePredictorWorkspace<B>
  package let ring: B.FrameRing
  /// A frame as a whole, where the backend makes it so.
  private let program: B.FrameProgram?

  /// What is recorded.
  enum Body: Hashable {
    /// The layers over a prompt of so many rows.
    case prompt(rows: Int)
    /// The codes of the frame after a prompt.
    case firstFrame
    /// The talker's step over the last frame, then the codes of the next.
    case nextFrame
    /// A part of a frame, for measuring.
    case part(FramePart)
  }
  var recordings = Recordings<Body, B.Recording>()
  /// Frames queued since the step was made, and those of them before the utterance.
  private var frameCount = 0
  private var earlierFrameCount = 0

  /// - Parameters:
  ///   - capacity: Positions of each slot's cache.
  ///   - cachePrecision: How the talker's keys and values are kept; by default as the backend
  ///     keeps those of such weights.
  package init(
    _ model: LanguageModel<B>, slotCount: Int = 1, capacity: Int,
    cachePrecision: CachePrecision? = nil, on backend: B
  ) throws(B.Failure) {
    let talker = model.configuration.talker
    let shape = talker.transformer
    let block = Self.promptBlock
    self.model = model
    self.backend = backend
    self.slotCount = slotCount
    self.capacity = capacity
    prompt = try TransformerWorkspace(rows: block, shape, on: backend)
    promptPositions = try backend.makeIndices(count: block)
    promptSlots = try backend.makeIndices(count: block)
    promptIDs = try backend.makeIndices(count: block)
    promptCodes = try backend.makeIndices(count: block * talker.codebookCount)
    textRows = try backend.makeTensor(rows: block, columns: talker.textHiddenSize)
    textInner = try backend.makeTensor(rows: block, columns: talker.textHiddenSize)
    text = try backend.makeTensor(rows: capacity + 1, columns: shape.hiddenSize)
    scratch = try backend.makeTensor(rows: block, columns: shape.hiddenSize)
    work = try TransformerWorkspace(rows: slotCount, shape, on: backend)
    self.cachePrecision = cachePrecision ?? model.talker.cachePrecision
    cache = try backend.makeCache(
      layerCount: shape.layerCount, slotCount: slotCount, capacity: capacity,
      kvWidth: shape.kvWidth, precision: self.cachePrecision)
    hidden = try backend.makeTensor(rows: slotCount, columns: shape.hiddenSize)
    logits = try backend.makeTensor(rows: slotCount, columns: talker.vocabularySize)
    codes = try backend.makeIndices(count: slotCount * talker.codebookCount)
    positions = try backend.makeIndices(count: slotCount)
    slots = try backend.makeIndices(count: slotCount)
    try backend.write((0..<slotCount).map { Int32($0) }, to: slots)
    sampling = try SamplingState(
      slotCount: slotCount, vocabularySize: talker.vocabularySize, on: backend)
    trailingRows = capacity + 1
    trailing = try backend.makeTensor(
      rows: slotCount * (capacity + 1), columns: shape.hiddenSize)
    trailingCount = try backend.makeIndices(count: slotCount)
    predictorWork = try CodePredictorWorkspace(
      slotCount: slotCount, model.predictor, talker: talker, on: backend)
    ring = try backend.makeFrameRing(slotCount: slotCount, codebookCount: talker.codebookCount)
    let (large, small) = (model.talker, model.predictor)
    program = try backend.makeFrameProgram(
      FrameParameters(
        configuration: model.configuration, slotCount: slotCount, capacity: capacity,
        talker: large.stack.parameters(cache),
        predictor: small.stack.parameters(predictorWork.cache),
        heads: [large.head] + small.heads,
        embeddings: [large.codecEmbedding] + small.embeddings, projection: small.projection,
        hidden: hidden, logits: logits, predictorLogits: predictorWork.logits, codes: codes,
        positions: positions, sampling: sampling, trailing: trailing,
        trailingCount: trailingCount, ring: ring))
  }

  /// Whether a frame leaves no room on the device for other work at the same time.
  package var isExclusive: Bool { program != nil }

  /// Frames that may be queued before the host collects the first. Other work waits for whole frames
  /// where they are exclusive, so few of those.
  package var framesInFlight: Int {
    isExclusive ? min(2, backend.framesInFlight) : backend.framesInFlight
  }

  /// Queues the first frame after `begin`.
  package func firstFrame() throws(B.Failure) {
    try queueFrame(.firstFrame, advancing: false)
  }

  /// Queues the next frame: feeds the one before to the talker and draws its codes.
  package func nextFrame() throws(B.Failure) {
    try queueFrame(.nextFrame, advancing: true)
  }

  private func queueFrame(_ body: Body, advancing: Bool) throws(B.Failure) {
    try backend.run(recordings[body]) { () throws(B.Failure) in
      if let program { return try backend.makeFrame(program, advancing: advancing) }
      if advancing { try advance() }
      try makeCodes()
    }
    frameCount += 1
  }

  /// *Host.* Waits for a frame of the utterance, 0 being the first after `begin`; returns its codes,
  /// `[slots, codebookCount]` flattened.
  package func collect(_ index: Int) throws(B.Failure) -> [Int32] {
    try backend.collect(earlierFrameCount + index, from: ring)
  }

  /// Draws the sixteen codes of a frame from the talker's hidden state.
  package func makeCodes() throws(B.Failure) {
    let talker = model.talker
    let count = talker.configuration.codebookCount
    try backend.linear(hidden, talker.head, bias: nil, into: logits)
    try backend.sample(
      logits, rule: .talker(talker.configuration), state: sampling,
      into: codes.strided(from: 0, count: slotCount, by: count))
    try predictCodes()
    try backend.publish(codes, to: ring)
  }

  /// The code predictor's passes and draws after the talker's code.
  func predictCodes() throws(B.Failure) {
    try model.predictor.predict(
      talkerHidden: hidden, codecEmbedding: model.talker.codecEmbedding, codes: codes,
      state: sampling, predictorWork, on: backend)
  }

  /// Runs the talker over the row built from the frame and its trailing text.
  package func advance() throws(B.Failure) {
    let talker = model.talker
    try backend.frameEmbedding(
      [talker.codecEmbedding] + model.predictor.embeddings, codes: codes, into: work.hidden)
    try backend.addTrailingText(
      trailing, rowsPerSlot: trailingRows, frame: sampling.frame, count: trailingCount,
      slots: slots, into: work.hidden)
    try talker.stack(
      work, rows: RowMap(slots: slots, positions: positions), cache: cache, on: backend)
    try talker.stack.finalNorm(work.hidden, into: hidden, on: backend)
    try backend.increment(positions, by: 1)
    try backend.increment(sampling.frame, by: 1)
  }
}

// MARK: - Beginning an utterance

/// How codes are drawn in one utterance.
package struct UtteranceSettings: Sendable, Equatable {
  package var talker: SamplingSettings
  package var predictor: SamplingSettings
  package var seed: UInt64
  /// Index of the utterance among those of a seed.
  package var utterance: UInt32

  package init(
    talker: SamplingSettings, predictor: SamplingSettings, seed: UInt64, utterance: UInt32 = 0
  ) {
    self.talker = talker
    self.predictor = predictor
    self.seed = seed
    self.utterance = utterance
  }
}

extension FrameStep {
  /// Reads a prompt into a slot: afterwards `firstFrame` makes its first frame.
  ///
  /// - Precondition: The prompt's rows and trailing text fit `capacity`.
  package func begin(
    _ prompt: Prompt, settings: UtteranceSettings, slot: Int = 0
  ) throws(B.Failure) {
    precondition(prompt.rows.count < capacity && prompt.trailing.count < trailingRows)
    earlierFrameCount = frameCount
    try resetSampling(settings, slot: slot)
    let index = try projectText(prompt)
    try setTrailing(prompt, index: index, slot: slot)
    var start = 0
    while start < prompt.rows.count {
      let end = min(start + Self.promptBlock, prompt.rows.count)
      try readBlock(prompt, rows: start..<end, index: index, slot: slot)
      start = end
    }
    let last = (prompt.rows.count - 1) % Self.promptBlock
    try model.talker.stack.finalNorm(
      self.prompt.hidden.rows(last..<last + 1), into: hidden.rows(slot..<slot + 1), on: backend)
    try backend.write(
      [Int32(prompt.rows.count)], to: positions.strided(from: slot, count: 1, by: 1))
  }

  private func resetSampling(
    _ settings: UtteranceSettings, slot: Int
  ) throws(B.Failure) {
    let words = SamplingWord.count
    try backend.write(
      SamplingWord.row(
        talker: settings.talker, predictor: settings.predictor, seed: settings.seed,
        utterance: settings.utterance),
      to: sampling.settings.strided(from: slot * words, count: words, by: 1))
    try backend.write([0], to: sampling.frame.strided(from: slot, count: 1, by: 1))
    let vocabulary = sampling.vocabularySize
    try backend.clear(sampling.seen.strided(from: slot * vocabulary, count: vocabulary, by: 1))
  }

  /// Computes `T(i)` of each distinct token once; returns the row of each.
  private func projectText(_ prompt: Prompt) throws(B.Failure) -> [Int32: Int32] {
    var index: [Int32: Int32] = [:]
    var ids: [Int32] = []
    for id in prompt.textIDs where index[id] == nil {
      index[id] = Int32(ids.count)
      ids.append(id)
    }
    var start = 0
    while start < ids.count {
      let end = min(start + Self.promptBlock, ids.count)
      try model.talker.projectText(
        Array(ids[start..<end]), rows: textRows, inner: textInner, into: text.rows(start..<end),
        on: backend)
      start = end
    }
    return index
  }

  private func setTrailing(
    _ prompt: Prompt, index: [Int32: Int32], slot: Int
  ) throws(B.Failure) {
    let ids = (prompt.trailing + [prompt.padding]).map { index[$0] ?? -1 }
    var start = 0
    while start < ids.count {
      let end = min(start + Self.promptBlock, ids.count)
      try backend.write(Array(ids[start..<end]), to: promptIDs)
      try backend.gatherRows(
        text, ids: promptIDs.strided(from: 0, count: end - start, by: 1), accumulate: false,
        into: trailing.rows(slot * trailingRows + start..<slot * trailingRows + end))
      start = end
    }
    try backend.write(
      [Int32(prompt.trailing.count)], to: trailingCount.strided(from: slot, count: 1, by: 1))
  }

  /// The talker's input for a prompt, `[rows, hidden]` flattened; for tests and inspection.
  package func embedding(of prompt: Prompt) throws(B.Failure) -> [Float] {
    let index = try projectText(prompt)
    var values: [Float] = []
    for start in stride(from: 0, to: prompt.rows.count, by: Self.promptBlock) {
      let rows = start..<min(start + Self.promptBlock, prompt.rows.count)
      try buildBlock(prompt, rows: rows, index: index)
      values += try backend.read(self.prompt.first(rows.count).hidden)
    }
    return values
  }

  /// Builds some rows of the prompt and runs the talker over them.
  private func readBlock(
    _ prompt: Prompt, rows: Range<Int>, index: [Int32: Int32], slot: Int
  ) throws(B.Failure) {
    try buildBlock(prompt, rows: rows, index: index)
    // Rows after the prompt write keys where later rows write theirs before they are seen.
    let padded = backend.promptRows(for: rows.count)
    let fits = padded <= Self.promptBlock && rows.lowerBound + padded <= capacity
    let count = fits ? padded : rows.count
    let map = RowMap(slots: promptSlots, positions: promptPositions).rows(0..<count)
    try backend.write((0..<count).map { Int32(rows.lowerBound + $0) }, to: map.positions)
    try backend.write([Int32](repeating: Int32(slot), count: count), to: map.slots)
    try backend.run(recordings[.prompt(rows: count)]) { () throws(B.Failure) in
      try model.talker.stack(self.prompt.first(count), rows: map, cache: cache, on: backend)
    }
  }

  /// Builds some rows of the prompt: text, codec entries, reference frames, speaker.
  private func buildBlock(
    _ prompt: Prompt, rows: Range<Int>, index: [Int32: Int32]
  ) throws(B.Failure) {
    let count = rows.count
    let work = self.prompt.first(count)
    let ids = promptIDs.strided(from: 0, count: count, by: 1)
    try backend.write(prompt.rows[rows].map { $0.text.flatMap { index[$0] } ?? -1 }, to: ids)
    try backend.gatherRows(text, ids: ids, accumulate: false, into: work.hidden)
    try backend.write(prompt.rows[rows].map(\.codecID), to: ids)
    try backend.gather(
      model.talker.codecEmbedding, ids: ids, scale: nil, accumulate: true, into: work.hidden)
    try addReference(prompt, rows: rows, to: work)
    if let row = rows.first(where: { prompt.rows[$0].codec == .speakerEmbedding }) {
      try backend.write(prompt.speakerEmbedding, to: scratch)
      try backend.add(
        scratch.rows(0..<1),
        into: work.hidden.rows(row - rows.lowerBound..<row - rows.lowerBound + 1))
    }
  }

  /// Adds the frame embeddings of the reference frames among `rows`, which are consecutive.
  private func addReference(
    _ prompt: Prompt, rows: Range<Int>, to work: TransformerWorkspace<B>
  ) throws(B.Failure) {
    var codes: [Int32] = []
    var first: Int?
    for row in rows {
      guard case .referenceFrame(let frame) = prompt.rows[row].codec else { continue }
      first = first ?? row - rows.lowerBound
      codes += prompt.referenceCodes[frame]
    }
    guard let first else { return }
    let count = codes.count / model.talker.configuration.codebookCount
    let view = promptCodes.strided(from: 0, count: codes.count, by: 1)
    try backend.write(codes, to: view)
    try backend.frameEmbedding(
      [model.talker.codecEmbedding] + model.predictor.embeddings, codes: view,
      into: scratch.rows(0..<count))
    try backend.add(scratch.rows(0..<count), into: work.hidden.rows(first..<first + count))
  }
}
