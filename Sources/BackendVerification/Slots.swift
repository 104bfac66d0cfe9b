// SPDX-License-Identifier: MIT

import ModelFiles
import SpeechModel
package import SyntheticCheckpoint

extension Verification {
  /// Speaks many utterances beside each other, which join, are read, advance, are given text, are decoded
  /// and leave at random; true when each has the codes and samples that it has alone, bit for bit.
  ///
  /// - Parameter count: Utterances of each kind of model.
  package func verifySlots(_ size: SyntheticSize, utterances count: Int = 24) -> Bool {
    let variants = [ModelVariant.customVoice, .base, .voiceDesign]
    return every(variants.map { ($0, "slots, \(size.rawValue), \($0.rawValue)") }) { variant in
      let name = "slots, \(size.rawValue), \(variant.rawValue)"
      let checkpoint = Checkpoint.synthetic(size, variant: variant, seed: 0)
      var random = RandomNumbers(seed: seed, name: name)
      let utterances = (0..<count).map { _ in
        SlotUtterance(&random, checkpoint, positions: 190)
      }
      let models = try SlotModels(checkpoint, on: candidate(true))
      let one = try SlotSpeaker(models, slotCount: 1, pageCount: 3)
      var expected: [MeasuredResult] = []
      for (index, utterance) in utterances.enumerated() {
        let alone = try one.speak([utterance], &random)
        expected += alone[0].results("utterance \(index)")
      }
      let many = try SlotSpeaker(models, slotCount: 5, pageCount: 10)
      let found = try many.speak(utterances, &random).enumerated().flatMap { index, spoken in
        spoken.results("utterance \(index)")
      }
      return [VerificationOutcome(name, found: found, expected: expected)]
    }
  }
}

/// An utterance that is spoken in a slot.
struct SlotUtterance {
  /// With the whole text.
  var prompt: Prompt
  /// Tokens of the trailing text that there are when it begins.
  var knownCount: Int
  var settings: UtteranceSettings
  /// Frames after which it leaves; with 0, while its prompt is being read.
  var frames: Int
  /// Whether it leaves with its last frames under way, as one that is cancelled does, and is not heard.
  var leavesAtOnce: Bool
  /// Codes that were heard before it, flattened.
  var reference: [Int32] { prompt.referenceCodes.flatMap(\.self) }

  /// A random one that fits so many positions.
  init(_ random: inout RandomNumbers, _ checkpoint: Checkpoint, positions: Int) {
    let configuration = checkpoint.configuration
    func ids(_ count: Int) -> [Int32] { random.ids(count, below: 61).map { $0 + 3 } }
    var speaker = PromptSpeaker.unspecified
    var reference: PromptReference?
    let names = configuration.talker.speakers.values.sorted()
    if !names.isEmpty, random.index(below: 3) > 0 {
      speaker = .named(names[random.index(below: names.count)])
    } else if configuration.speakerEncoder != nil {
      let width = configuration.talker.transformer.hiddenSize
      speaker = .embedding(random.floats(width, in: -0.1...0.1))
      if random.index(below: 2) == 0 {
        let codes = (0..<1 + random.index(below: 40)).map { _ in
          random.ids(
            configuration.talker.codebookCount, below: configuration.predictor.codebookSize)
        }
        reference = PromptReference(textIDs: ids(6 + random.index(below: 20)), codes: codes)
      }
    }
    let words = random.index(below: 8) == 0 ? 90 : 1 + random.index(below: 40)
    prompt = Prompt(
      target: ids(8 + words), instruction: random.index(below: 4) == 0 ? ids(12) : [],
      language: nil, speaker: speaker, reference: reference,
      layout: random.index(below: 2) == 0 ? .whole : .incremental, configuration: configuration)
    let trailing = prompt.trailing.count
    knownCount = random.index(below: 2) == 0 ? trailing : random.index(below: trailing + 1)
    let talker = SamplingSettings(
      samples: random.index(below: 4) > 0, temperature: random.float(in: 0.5...1.2),
      topK: random.index(below: 60), topP: random.index(below: 2) == 0 ? 1 : 0.9,
      repetitionPenalty: random.float(in: 1...1.3))
    settings = UtteranceSettings(
      talker: talker, predictor: SamplingSettings(topK: 1 + random.index(below: 50)),
      seed: random.word(), utterance: UInt32(random.index(below: 9)))
    let most = min(24, positions - prompt.rows.count)
    frames = random.index(below: 8) == 0 ? 0 : 1 + random.index(below: most)
    leavesAtOnce = random.index(below: 6) == 0
  }

  /// What was said.
  struct Spoken {
    var codes: [Int32] = []
    var samples: [Float] = []

    func results(_ name: String) -> [MeasuredResult] {
      [
        MeasuredResult(name: "\(name), codes", values: codes.map(Float.init), tolerance: .exact),
        MeasuredResult(name: "\(name), samples", values: samples, tolerance: .exact),
      ]
    }
  }
}

/// A language model and a codec, whose weights serve several speakers.
private struct SlotModels<B: Backend> {
  let backend: B
  let language: LanguageModel<B>
  let decoder: CodecDecoder<B>

  init(_ checkpoint: Checkpoint, on backend: B) throws {
    self.backend = backend
    language = try LanguageModel(
      reading: checkpoint.weights, checkpoint.configuration, on: backend)
    decoder = try CodecDecoder(
      reading: checkpoint.codecWeights.scoped("decoder."), checkpoint.codecConfiguration.decoder,
      on: backend)
  }
}

/// Utterances in slots, in an order that random numbers decide.
private final class SlotSpeaker<B: Backend> {
  private let models: SlotModels<B>
  private let pool: KVPool<B>
  private let step: FrameStep<B>
  private let codec: CodecStreams<B>
  private var freePages: [Int]
  /// Pages that the utterances in slots will need at the most.
  private var promisedPages = 0
  private var slots: [Slot?]
  private var spoken: [SlotUtterance.Spoken] = []
  /// Entries that were queued and not collected yet: whose frames they are.
  private var pending: [(entry: Int, rows: [(slot: Int, utterance: Int)])] = []

  /// What is under way in a slot.
  private struct Slot {
    let number: Int
    let utterance: SlotUtterance
    var pages: [Int] = []
    var readCount = 0
    var knownCount: Int
    var queuedCount = 0
    /// Frames that are not decoded yet.
    var heard: [Int32] = []
    var collectedCount = 0

    var promptCount: Int { utterance.prompt.rows.count }
    var neededPages: Int { (promptCount + utterance.frames + 63) / 64 }
    /// Whether the text of the next frame is there: what is spoken while more text comes waits for it.
    var hasText: Bool {
      knownCount == utterance.prompt.trailing.count || queuedCount == 0
        || queuedCount - 1 < knownCount
    }
  }

  init(_ models: SlotModels<B>, slotCount: Int, pageCount: Int) throws {
    self.models = models
    let backend = models.backend
    let talker = models.language.talker
    pool = try KVPool(
      KVPool<B>.Geometry(talker.configuration.transformer, talker.cachePrecision),
      slotCount: slotCount, capacity: 192, pageCount: pageCount, on: backend)
    step = try FrameStep(models.language, pool: pool, on: backend)
    codec = try CodecStreams(
      models.decoder, slotCount: slotCount, batchCapacity: 8, references: 2, on: backend)
    freePages = Array(0..<pageCount)
    slots = Array(repeating: nil, count: slotCount)
  }

  /// What each says.
  func speak(
    _ utterances: [SlotUtterance], _ random: inout RandomNumbers
  ) throws -> [SlotUtterance.Spoken] {
    spoken = Array(repeating: SlotUtterance.Spoken(), count: utterances.count)
    var next = 0
    while next < utterances.count || !pending.isEmpty || slots.contains(where: { $0 != nil }) {
      if next < utterances.count, try join(next, utterances[next], &random) { next += 1 }
      try readPrompts(&random)
      try giveText(&random)
      try advance(&random)
      let ahead = random.index(below: step.framesInFlight)
      while pending.count > ahead { try collect() }
      try decode(&random)
      for slot in slots.indices { try leave(slot, &random) }
    }
    return spoken
  }

  private func join(
    _ number: Int, _ utterance: SlotUtterance, _ random: inout RandomNumbers
  ) throws -> Bool {
    let free = slots.indices.filter { slots[$0] == nil }
    guard !free.isEmpty, random.index(below: 3) > 0 else { return false }
    let slot = free[random.index(below: free.count)]
    let state = Slot(
      number: number, utterance: utterance, knownCount: utterance.knownCount)
    guard promisedPages + state.neededPages <= pool.pageCount else { return false }
    var prompt = utterance.prompt
    prompt.trailing = Array(prompt.trailing.prefix(utterance.knownCount))
    guard try step.open(prompt, settings: utterance.settings, slot: slot) else { return false }
    try codec.begin(after: utterance.reference, slot: slot)
    promisedPages += state.neededPages
    slots[slot] = state
    return true
  }

  /// Lends a slot what it needs for so many positions, from anywhere among the pages.
  private func reserve(
    _ positions: Int, slot: Int, _ state: inout Slot, _ random: inout RandomNumbers
  ) throws {
    while state.pages.count * 64 < positions {
      let page = freePages.remove(at: random.index(below: freePages.count))
      try pool.assign(slot: slot, index: state.pages.count, page: page)
      state.pages.append(page)
    }
  }

  private func readPrompts(_ random: inout RandomNumbers) throws {
    var slices: [PromptRows] = []
    var left = 1 + random.index(below: FrameStep<B>.promptBlock)
    for slot in shuffled(&random) {
      guard var state = slots[slot], state.readCount < state.promptCount else { continue }
      let count = min(left, state.promptCount - state.readCount, 1 + random.index(below: 120))
      guard count > 0 else { continue }
      try reserve(state.readCount + count, slot: slot, &state, &random)
      slices.append(PromptRows(slot: slot, rows: state.readCount..<state.readCount + count))
      state.readCount += count
      left -= count
      slots[slot] = state
    }
    if !slices.isEmpty { try step.read(slices) }
  }

  private func giveText(_ random: inout RandomNumbers) throws {
    for slot in slots.indices {
      guard var state = slots[slot], random.index(below: 2) == 0 else { continue }
      let text = state.utterance.prompt.trailing
      let end = min(text.count, state.knownCount + 1 + random.index(below: 6))
      guard end > state.knownCount,
        try step.append(Array(text[state.knownCount..<end]), slot: slot)
      else { continue }
      state.knownCount = end
      slots[slot] = state
    }
  }

  /// A frame of some of those that can make one.
  private func advance(_ random: inout RandomNumbers) throws {
    var rows: [FrameStep<B>.Row] = []
    var whose: [(slot: Int, utterance: Int)] = []
    for slot in shuffled(&random) {
      guard var state = slots[slot], state.readCount == state.promptCount,
        state.queuedCount < state.utterance.frames, state.hasText, random.index(below: 4) > 0
      else { continue }
      try reserve(state.promptCount + state.queuedCount, slot: slot, &state, &random)
      rows.append(FrameStep<B>.Row(slot: slot, isFirst: state.queuedCount == 0))
      whose.append((slot, state.number))
      state.queuedCount += 1
      slots[slot] = state
    }
    guard !rows.isEmpty else { return }
    pending.append((try step.queue(rows), whose))
  }

  private func collect() throws {
    let (entry, rows) = pending.removeFirst()
    let codes = try step.collect(entry: entry, rows: rows.count)
    let width = codes.count / rows.count
    let sounds = Int32(models.decoder.configuration.codebookSize)
    for (index, row) in rows.enumerated() {
      let frame = codes[index * width..<(index + 1) * width]
      spoken[row.utterance].codes += frame
      // The slot may be another's by now.
      guard slots[row.slot]?.number == row.utterance else { continue }
      // Control ids have no sound.
      slots[row.slot]?.heard += frame.map { min($0, sounds - 1) }
      slots[row.slot]?.collectedCount += 1
    }
  }

  /// Some of the frames of some slots, all chunks begun before the first is finished.
  private func decode(_ random: inout RandomNumbers) throws {
    let width = models.decoder.configuration.quantizerCount
    var batches: [(utterances: [(number: Int, frames: Int)], samples: B.Readback)] = []
    var chunks: [CodecStreams<B>.Chunk] = []
    var utterances: [(number: Int, frames: Int)] = []
    func begin() throws {
      guard !chunks.isEmpty else { return }
      batches.append((utterances, try codec.beginDecoding(chunks)))
      (chunks, utterances) = ([], [])
    }
    for slot in shuffled(&random) {
      guard var state = slots[slot], !state.heard.isEmpty, !state.utterance.leavesAtOnce else {
        continue
      }
      let isLast = state.collectedCount == state.utterance.frames
      guard isLast || random.index(below: 3) == 0 else { continue }
      let count = min(state.heard.count / width, 1 + random.index(below: codec.longestChunk))
      let frames = Array(state.heard.prefix(count * width))
      state.heard.removeFirst(count * width)
      slots[slot] = state
      let isFull = utterances.reduce(count) { $0 + $1.frames } > codec.batchCapacity
      if isFull || random.index(below: 3) == 0 { try begin() }
      chunks.append(CodecStreams<B>.Chunk(slot: slot, codes: frames))
      utterances.append((state.number, count))
    }
    try begin()
    let frameSamples = models.decoder.configuration.samplesPerFrame
    for batch in batches {
      var samples = try models.backend.finishRead(batch.samples)[...]
      for (number, frames) in batch.utterances {
        spoken[number].samples += samples.prefix(frames * frameSamples)
        samples = samples.dropFirst(frames * frameSamples)
      }
    }
  }

  private func leave(_ slot: Int, _ random: inout RandomNumbers) throws {
    guard let state = slots[slot] else { return }
    let isOver =
      state.utterance.frames == 0
      ? random.index(below: 3) == 0
      : state.utterance.leavesAtOnce
        ? state.queuedCount == state.utterance.frames
        : state.collectedCount == state.utterance.frames && state.heard.isEmpty
    guard isOver else { return }
    step.close(slot)
    freePages += state.pages
    promisedPages -= state.neededPages
    slots[slot] = nil
  }

  private func shuffled(_ random: inout RandomNumbers) -> [Int] {
    var order = Array(slots.indices)
    for index in order.indices { order.swapAt(index, random.index(below: index + 1)) }
    return order
  }
}
