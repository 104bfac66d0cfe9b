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

/// The state of the utterances being spoken and the step that makes their next frames.
///
/// A frame is: draw code 0 from the talker's hidden state, draw codes 1…15, publish them. Between
/// two frames the talker advances by one position. What an utterance is made of is kept by slot; a step
/// is made for any of the slots, whose state it gathers into rows and scatters back. Everything that
/// changes lives in tensors made once, so the bodies can be recorded and replayed (`MemoryBackend.run`). The
/// step owns these tensors and recordings: they are released with it, while others speak on the same
/// backend.
///
/// A step without a pool is for one utterance: its only row is its only slot, keys and values lie in one
/// piece, and a backend may make its frames as a whole (`makeFrameProgram`).
package final class FrameStep<B: Backend> {
  package let model: LanguageModel<B>
  package let backend: B
  package let slotCount: Int
  /// Positions a slot has: prompt and frames together.
  package let capacity: Int

  /// Rows of prompts that go through the layers at once.
  package static var promptBlock: Int { 256 }

  let prompt: TransformerWorkspace<B>
  let promptPositions: B.Indices
  let promptSlots: B.Indices
  let promptIDs: B.Indices
  let promptCodes: B.Indices
  let scratch: B.Tensor
  let text: TextTable<B>

  let work: TransformerWorkspace<B>
  package let cache: B.Cache
  /// Who lends the pages of `cache`; `nil` when there is one slot.
  let pool: KVPool<B>?
  /// How keys and values are kept in `cache`.
  package let cachePrecision: CachePrecision

  // By slot.

  /// The talker's last hidden state after its norm, `[slots, hidden]`.
  package let hidden: B.Tensor
  /// The last frame, `[slots, codebookCount]`.
  package let codes: B.Indices
  /// Next position.
  package let positions: B.Indices
  package let sampling: SamplingState<B.Indices>
  /// Rows of the text table for the frames to come, the padding's after the last, `[slots, idsPerSlot]`.
  let trailing: B.Indices
  let idsPerSlot: Int
  let trailingCount: B.Indices

  // By row of a step; with one slot, these are the same tensors.

  let rowHidden: B.Tensor
  let rowCodes: B.Indices
  let rowPositions: B.Indices
  package let logits: B.Tensor
  package let predictorWork: CodePredictorWorkspace<B>
  /// Slots of the rows that advance, where their results go (−1: nowhere), and the same of the rows that
  /// draw; `mostRows` each.
  let rowMaps: B.Indices

  package let ring: B.FrameRing
  /// A frame as a whole, where the backend makes it so.
  private let program: B.FrameProgram?

  /// What is recorded.
  enum Body: Hashable {
    /// The layers over so many rows of prompts.
    case prompt(rows: Int)
    /// With one slot, the codes of the frame after a prompt.
    case firstFrame
    /// With one slot, the talker's step over the last frame, then the codes of the next.
    case nextFrame
    /// The talker's step over the last frames of so many slots.
    case advance(rows: Int)
    /// The codes of so many slots.
    case codes(rows: Int)
    /// A part of a frame, for measuring.
    case part(FramePart)
  }
  var recordings = Recordings<Body, B.Recording>()
  /// Entries queued for the ring since the step was made.
  private var entryCount = 0
  /// Of them, those before the utterance that `begin` began.
  private var earlierEntryCount = 0
  /// What is being spoken in each slot.
  var utterances: [Utterance?]

  /// What the host keeps of an utterance.
  struct Utterance {
    var prompt: Prompt
    /// Distinct tokens retained in the text table.
    var tokens: Set<Int32>
    /// Tokens spoken one a frame after the prompt.
    var trailingCount: Int
  }

  /// A step for one utterance.
  ///
  /// - Parameters:
  ///   - capacity: Positions of the cache.
  ///   - cachePrecision: How the talker's keys and values are kept; by default as the backend
  ///     keeps those of such weights.
  package convenience init(
    _ model: LanguageModel<B>, capacity: Int, cachePrecision: CachePrecision? = nil, on backend: B
  ) throws(B.Failure) {
    try self.init(
      model, capacity: capacity, precision: cachePrecision ?? model.talker.cachePrecision,
      pool: nil, on: backend)
  }

  /// A step for the slots of a pool.
  package convenience init(
    _ model: LanguageModel<B>, pool: KVPool<B>, on backend: B
  ) throws(B.Failure) {
    try self.init(
      model, capacity: pool.capacity, precision: pool.geometry.precision, pool: pool, on: backend)
  }

  private init(
    _ model: LanguageModel<B>, capacity: Int, precision: CachePrecision, pool: KVPool<B>?,
    on backend: B
  ) throws(B.Failure) {
    let talker = model.configuration.talker
    let shape = talker.transformer
    let block = Self.promptBlock
    let codebooks = talker.codebookCount
    self.model = model
    self.backend = backend
    self.capacity = capacity
    self.pool = pool
    cachePrecision = precision
    slotCount = pool?.slotCount ?? 1
    utterances = Array(repeating: nil, count: slotCount)
    prompt = try TransformerWorkspace(rows: block, shape, on: backend)
    promptPositions = try backend.makeIndices(count: block)
    promptSlots = try backend.makeIndices(count: block)
    promptIDs = try backend.makeIndices(count: block)
    promptCodes = try backend.makeIndices(count: block * codebooks)
    scratch = try backend.makeTensor(rows: block, columns: shape.hiddenSize)
    text = try TextTable(
      model.talker, capacity: capacity + 64 + 256 * slotCount, block: block, on: backend)
    if let pool {
      cache = pool.cache
    } else {
      cache = try backend.makeCache(
        layerCount: shape.layerCount, slotCount: 1, capacity: capacity, kvWidth: shape.kvWidth,
        precision: precision)
    }
    // Rows that fill up a pass have a slot of their own.
    let slots = pool.map { $0.spareSlot + 1 } ?? 1
    hidden = try backend.makeTensor(rows: slots, columns: shape.hiddenSize)
    codes = try backend.makeIndices(count: slots * codebooks)
    positions = try backend.makeIndices(count: slots)
    sampling = try SamplingState(
      slotCount: slots, vocabularySize: talker.vocabularySize, on: backend)
    idsPerSlot = capacity + 1
    trailing = try backend.makeIndices(count: slots * idsPerSlot)
    trailingCount = try backend.makeIndices(count: slots)

    let rows = backend.stepRows(for: slotCount)
    work = try TransformerWorkspace(rows: rows, shape, on: backend)
    logits = try backend.makeTensor(rows: rows, columns: talker.vocabularySize)
    rowMaps = try backend.makeIndices(count: 4 * rows)
    predictorWork = try CodePredictorWorkspace(
      rowCount: rows, model.predictor, talker: talker, on: backend)
    ring = try backend.makeFrameRing(rowCount: rows, codebookCount: codebooks)
    if pool == nil {
      (rowHidden, rowCodes, rowPositions) = (hidden, codes, positions)
    } else {
      rowHidden = try backend.makeTensor(rows: rows, columns: shape.hiddenSize)
      rowCodes = try backend.makeIndices(count: rows * codebooks)
      rowPositions = try backend.makeIndices(count: rows)
    }
    let (large, small) = (model.talker, model.predictor)
    program =
      pool != nil
      ? nil
      : try backend.makeFrameProgram(
        FrameParameters(
          configuration: model.configuration, capacity: capacity,
          talker: large.stack.parameters(cache),
          predictor: small.stack.parameters(predictorWork.cache),
          heads: [large.head] + small.heads,
          embeddings: [large.codecEmbedding] + small.embeddings, projection: small.projection,
          hidden: hidden, logits: logits, predictorLogits: predictorWork.logits, codes: codes,
          positions: positions, sampling: sampling, text: text.vectors, trailing: trailing,
          trailingCount: trailingCount, ring: ring))
    if let pool {
      let greedy = SamplingSettings(samples: false)
      try writeSampling(
        UtteranceSettings(talker: greedy, predictor: greedy, seed: 0), slot: pool.spareSlot)
    }
  }

  /// Whether a frame leaves no room on the device for other work at the same time.
  package var isExclusive: Bool { program != nil }

  /// Frames that may be queued before the host collects the first. Other work waits for whole frames
  /// where they are exclusive, so few of those.
  package var framesInFlight: Int {
    isExclusive ? min(2, backend.framesInFlight) : backend.framesInFlight
  }

  private var mostRows: Int { work.hidden.rows }

  private enum Map: Int { case advancing, advanced, drawing, drawn }

  /// Part of `rowMaps`.
  private func map(_ map: Map, _ count: Int) -> B.Indices {
    rowMaps.strided(from: map.rawValue * mostRows, count: count, by: 1)
  }

  /// Draws the sixteen codes of frames from the talker's hidden states.
  private func makeCodes(_ count: Int) throws(B.Failure) {
    let talker = model.talker
    let codebooks = talker.configuration.codebookCount
    let slots = map(.drawing, count)
    let hidden = rowHidden.rows(0..<count)
    if pool != nil {
      try backend.gatherRows(self.hidden, ids: slots, accumulate: false, into: hidden)
    }
    let logits = logits.rows(0..<count)
    try backend.linear(hidden, talker.head, bias: nil, into: logits)
    let codes = rowCodes.strided(from: 0, count: count * codebooks, by: 1)
    try backend.sample(
      logits, rule: .talker(talker.configuration), state: sampling, slots: slots,
      into: codes.strided(from: 0, count: count, by: codebooks))
    try predictCodes(count)
    if pool != nil {
      try backend.scatterIndices(
        codes, width: codebooks, ids: map(.drawn, count), into: self.codes)
    }
    try backend.publish(codes, to: ring)
  }

  /// The code predictor's passes and draws after the talker's code.
  func predictCodes(_ count: Int) throws(B.Failure) {
    let codebooks = model.talker.configuration.codebookCount
    try model.predictor.predict(
      talkerHidden: rowHidden.rows(0..<count), codecEmbedding: model.talker.codecEmbedding,
      codes: rowCodes.strided(from: 0, count: count * codebooks, by: 1), state: sampling,
      slots: map(.drawing, count), predictorWork, on: backend)
  }

  /// Runs the talker over rows built from the last frames and their trailing text.
  package func advance(_ count: Int) throws(B.Failure) {
    let talker = model.talker
    let codebooks = talker.configuration.codebookCount
    let slots = map(.advancing, count)
    let advanced = map(.advanced, count)
    let work = work.first(count)
    let codes = rowCodes.strided(from: 0, count: count * codebooks, by: 1)
    let positions = rowPositions.strided(from: 0, count: count, by: 1)
    if pool != nil {
      try backend.gatherIndices(self.codes, width: codebooks, ids: slots, into: codes)
      try backend.gatherIndices(self.positions, width: 1, ids: slots, into: positions)
    }
    try backend.frameEmbedding(
      [talker.codecEmbedding] + model.predictor.embeddings, codes: codes, into: work.hidden)
    try backend.addTrailingText(
      text.vectors, ids: trailing, idsPerSlot: idsPerSlot, frame: sampling.frame,
      count: trailingCount, slots: slots, into: work.hidden)
    try talker.stack(
      work,
      rows: RowMap(
        slots: slots, positions: positions, haveSlotsOfTheirOwn: true, areOfDifferentSlots: true),
      cache: cache, on: backend)
    let hidden = rowHidden.rows(0..<count)
    try talker.stack.finalNorm(work.hidden, into: hidden, on: backend)
    if pool == nil {
      try backend.increment(self.positions, by: 1)
      return try backend.increment(sampling.frame, by: 1)
    }
    try backend.scatterRows(hidden, ids: advanced, into: self.hidden)
    try backend.increment(self.positions, at: advanced, by: 1)
    try backend.increment(sampling.frame, at: advanced, by: 1)
  }
}

// MARK: - Steps

extension FrameStep {
  /// A frame to make.
  package struct Row: Sendable {
    package var slot: Int
    /// Whether it is the first after the prompt, which the talker has read.
    package var isFirst: Bool

    package init(slot: Int, isFirst: Bool) {
      self.slot = slot
      self.isFirst = isFirst
    }
  }

  /// Queues a frame of each of some slots.
  ///
  /// - Returns: The number of the entry that their codes are published as, for `collect`.
  package func queue(_ rows: [Row]) throws(B.Failure) -> Int {
    defer { entryCount += 1 }
    guard let pool else {
      precondition(rows.count == 1 && rows[0].slot == 0, "there is one slot")
      let body: Body = rows[0].isFirst ? .firstFrame : .nextFrame
      try backend.run(recordings[body]) { () throws(B.Failure) in
        if let program { return try backend.makeFrame(program, advancing: !rows[0].isFirst) }
        if !rows[0].isFirst { try advance(1) }
        try makeCodes(1)
      }
      return entryCount
    }
    let advancing = rows.filter { !$0.isFirst }.map(\.slot)
    let counts = (
      advancing.isEmpty ? 0 : backend.stepRows(for: advancing.count),
      backend.stepRows(for: rows.count)
    )
    var maps = [Int32](repeating: Int32(pool.spareSlot), count: 4 * mostRows)
    for (map, slots) in [
      (Map.advancing, advancing), (.advanced, advancing), (.drawing, rows.map(\.slot)),
      (.drawn, rows.map(\.slot)),
    ] {
      let start = map.rawValue * mostRows
      if map == .advanced || map == .drawn {
        maps.replaceSubrange(
          start..<start + mostRows, with: repeatElement(-1, count: mostRows))
      }
      maps.replaceSubrange(start..<start + slots.count, with: slots.map { Int32($0) })
    }
    try backend.write(maps, to: rowMaps)
    if counts.0 > 0 {
      try backend.run(recordings[.advance(rows: counts.0)]) { () throws(B.Failure) in
        try advance(counts.0)
      }
    }
    try backend.run(recordings[.codes(rows: counts.1)]) { () throws(B.Failure) in
      try makeCodes(counts.1)
    }
    return entryCount
  }

  /// *Host.* Whether the codes of an entry are there.
  package func isPublished(_ entry: Int) throws(B.Failure) -> Bool {
    try backend.isPublished(entry, in: ring)
  }

  /// *Host.* Waits for the codes of the first `rows` rows of an entry, `[rows, codebookCount]` flattened.
  package func collect(entry: Int, rows: Int) throws(B.Failure) -> [Int32] {
    try backend.collect(
      entry, count: rows * model.talker.configuration.codebookCount, from: ring)
  }
}

// MARK: - One utterance after the other

extension FrameStep {
  /// Reads a prompt into slot 0: afterwards `firstFrame` makes its first frame.
  ///
  /// - Precondition: The prompt's rows and trailing text fit `capacity`, and there is one slot.
  package func begin(_ prompt: Prompt, settings: UtteranceSettings) throws(B.Failure) {
    earlierEntryCount = entryCount
    let isThere = try open(prompt, settings: settings, slot: 0)
    precondition(isThere, "the text table has room for one utterance")
    try read([PromptRows(slot: 0, rows: 0..<prompt.rows.count)])
  }

  /// Queues the first frame after `begin`.
  package func firstFrame() throws(B.Failure) { _ = try queue([Row(slot: 0, isFirst: true)]) }

  /// Queues the next frame: feeds the one before to the talker and draws its codes.
  package func nextFrame() throws(B.Failure) { _ = try queue([Row(slot: 0, isFirst: false)]) }

  /// *Host.* Waits for a frame of the utterance, 0 being the first after `begin`; returns its codes.
  package func collect(_ index: Int) throws(B.Failure) -> [Int32] {
    try collect(entry: earlierEntryCount + index, rows: 1)
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
