// SPDX-License-Identifier: MIT

package import SpeechModel
package import SpeechScheduler

/// What to do after a turn.
package enum SpeechTurn: Sendable {
  /// Nothing, until somebody submits something.
  case idle
  /// Nothing, until then.
  case waiting(ContinuousClock.Instant)
  /// The device works: take another turn.
  case working
}

/// Speaks many utterances on one device: carries out what a `Scheduler` plans.
///
/// Not `Sendable`: one thread uses it at a time, and calls `turn` as long as there is something to do.
///
///     let id = runtime.submit(utterance) { event in … }
///     while true {
///       switch try runtime.turn() {
///       case .idle: …          // sleep until something is submitted
///       case .waiting(let time): …  // sleep until then, or until something is submitted
///       case .working: break   // the device works; ask again at once
///       }
///     }
package final class SpeechRuntime<B: Backend> {
  /// A model that speaks, and the codec it speaks through.
  struct Model {
    let step: FrameStep<B>
    let codec: Int
    let endToken: Int32
  }

  /// An utterance that has not ended.
  struct Voice {
    var utterance: Utterance
    let report: (UtteranceEvent) -> Void
    var slot: Int?
    /// Codes of the frames that the codec has not had.
    var pending: [[Int32]] = []
    var detector = RunawayDetector()
    var times = UtteranceTimes()
    /// Whether `spoken` was reported.
    var isSpoken = false

    /// Takes the next frames for the codec: as many as that, or all there are.
    mutating func takePending(_ count: Int) -> [[Int32]] {
      let frames = Array(pending.prefix(count))
      pending.removeFirst(frames.count)
      return frames
    }
  }

  /// Chunks of some utterances that the codec decodes in one pass.
  private struct Batch {
    let codec: Int
    var chunks: [(request: RequestID, slot: Int, codes: [[Int32]])] = []
    var samples: B.Readback?
  }

  /// A piece of work that the device does.
  private struct Running {
    let work: Work
    let started: ContinuousClock.Instant
    let result: Result

    enum Result {
      case prompts(B.Readback)
      case frames(entry: Int)
      case samples([Batch])
    }
  }

  let backend: B
  let codecBackend: B
  private(set) var models: [Model] = []
  private(set) var codecs: [CodecStreams<B>] = []
  private var pools: [KVPool<B>.Geometry: KVPool<B>] = [:]
  private(set) var scheduler: Scheduler
  private var voices: [RequestID: Voice] = [:]
  /// Who has each slot.
  private var occupants: [RequestID?]
  private var running: [Running] = []
  /// When the device was last seen to have done something.
  private var lastDone = ContinuousClock.now
  private var nextID: UInt64 = 0
  private let origin = ContinuousClock.now

  /// Frames that the codec decodes at once.
  package static var longestChunk: Int { 16 }

  /// - Parameters:
  ///   - backend: Where the models run.
  ///   - codecBackend: Where the codecs run, in parallel if that is another value.
  package init(_ configuration: SchedulerConfiguration, on backend: B, codec codecBackend: B? = nil)
  {
    self.backend = backend
    self.codecBackend = codecBackend ?? backend
    scheduler = Scheduler(configuration, costs: StepCosts(models: []))
    occupants = Array(repeating: nil, count: configuration.slotCount)
  }

  /// The pages of models of a geometry, made with the first of them.
  package func pool(
    _ geometry: KVPool<B>.Geometry, capacity: Int
  ) throws(B.Failure) -> KVPool<B> {
    if let pool = pools[geometry], pool.capacity >= capacity { return pool }
    let configuration = scheduler.configuration
    let pool = try KVPool<B>(
      geometry, slotCount: configuration.slotCount, capacity: capacity,
      pageCount: configuration.devicePages, on: backend)
    pools[geometry] = pool
    return pool
  }

  /// Takes a codec into the process. Returns its index.
  package func add(_ codec: CodecStreams<B>) -> Int {
    codecs.append(codec)
    return codecs.count - 1
  }

  /// Takes a model into the process. Returns its index.
  package func add(_ step: FrameStep<B>, codec: Int) -> Int {
    models.append(
      Model(
        step: step, codec: codec, endToken: step.model.configuration.talker.control.end))
    scheduler.addModel(StepCosts.Model())
    return models.count - 1
  }

  // MARK: - What callers ask for

  private var now: Instant {
    let time = origin.duration(to: .now)
    return .zero + time
  }

  /// Takes an utterance.
  ///
  /// - Precondition: The prompt and the frames after it fit the model's capacity.
  /// - Parameter report: Receives what happens to it, on this thread; a refusal, too.
  package func submit(
    _ utterance: Utterance, report: @escaping (UtteranceEvent) -> Void
  ) -> RequestID {
    let id = RequestID(nextID)
    nextID += 1
    voices[id] = Voice(utterance: utterance, report: report)
    let prompt = utterance.prompt
    let model = models[utterance.model]
    precondition(prompt.rows.count < model.step.capacity, "the prompt fits the model's capacity")
    var request = ScheduledRequest(
      id: id, promptRows: prompt.rows.count,
      budget: FrameBudget(
        min(utterance.frameLimit, model.step.capacity - prompt.rows.count),
        text: utterance.textLimit),
      expectedFrames: utterance.expectedFrames)
    request.model = utterance.model
    request.priority = utterance.priority
    request.deadlines = utterance.deadlines
    request.chunks = utterance.chunks
    request.trailingTokens = prompt.trailing.count
    request.isTextOpen = utterance.isTextOpen
    // Of the predecessor's audio nothing may be left: then this one is due at once.
    request.follows = utterance.follows.flatMap { voices[$0] == nil ? nil : $0 }
    scheduler.handle(.submit(request), at: now)
    return id
  }

  /// Adds tokens to an utterance whose text is open, each for one frame.
  package func append(_ tokens: [Int32], to id: RequestID) throws(B.Failure) {
    guard var voice = voices[id], voice.utterance.isTextOpen, !tokens.isEmpty else { return }
    if let slot = voice.slot {
      guard try models[voice.utterance.model].step.append(tokens, slot: slot) else {
        return scheduler.handle(.failed(id), at: now)
      }
    } else {
      voice.utterance.prompt.trailing += tokens
      voices[id] = voice
    }
    scheduler.handle(.textAppended(id, tokens: tokens.count), at: now)
  }

  /// Ends the text of an utterance, which may then take so many frames in all.
  ///
  /// - Parameter textLimit: As that of `Utterance`.
  package func endText(of id: RequestID, frameLimit: Int, textLimit: Int? = nil) {
    voices[id]?.utterance.isTextOpen = false
    scheduler.handle(.textEnded(id, budget: FrameBudget(frameLimit, text: textLimit)), at: now)
  }

  package func cancel(_ id: RequestID) { scheduler.handle(.cancel(id), at: now) }

  /// Notes that the listener took frames of an utterance.
  package func consumed(_ frames: Int, of id: RequestID) {
    scheduler.handle(.consumed(id, frames: frames), at: now)
  }

  /// No more utterances; those there are end in their own time.
  package func drain() { scheduler.handle(.drain, at: now) }

  /// Everything ends here.
  package func stop() { scheduler.handle(.stop, at: now) }

  // MARK: - Turns

  /// Reports what is done, plans, and queues what was planned.
  ///
  /// - Throws: What the device failed with; afterwards every utterance has ended.
  package func turn() throws(B.Failure) -> SpeechTurn {
    do {
      try poll()
      let plan = scheduler.plan(at: now)
      for ending in plan.endings { release(ending) }
      for work in plan.work { try launch(work) }
      for ending in plan.endings { report(ending) }
      reportProgress()
      guard plan.isEmpty && running.isEmpty else { return .working }
      return plan.wakeAt.map { .waiting(origin + .nanoseconds($0.nanoseconds)) } ?? .idle
    } catch {
      running = []
      scheduler.handle(.deviceFailed, at: now)
      for voice in voices.values { voice.report(.deviceFailed(error)) }
      for ending in scheduler.plan(at: now).endings { report(ending) }
      throw error
    }
  }

  private func launch(_ work: Work) throws(B.Failure) {
    for operation in work.pages { try apply(operation) }
    let started = ContinuousClock.now
    let result: Running.Result
    switch work.task {
    case .prefill(let model, let slices): result = try readPrompts(slices, models[model].step)
    case .step(let model, let rows, _):
      let entry = try models[model].step.queue(
        rows.map { FrameStep<B>.Row(slot: $0.slot, isFirst: $0.frame == 0) })
      result = .frames(entry: entry)
    case .codec(let segments, _): result = .samples(try decode(segments))
    }
    running.append(Running(work: work, started: started, result: result))
  }

  private func apply(_ operation: PageOperation) throws(B.Failure) {
    guard case .assign(let slot, let index, let page) = operation else {
      preconditionFailure("a pool without host pages does not swap")
    }
    for pool in pools.values { try pool.assign(slot: slot, index: index, page: page) }
  }

  private func readPrompts(
    _ slices: [PromptSlice], _ step: FrameStep<B>
  ) throws(B.Failure) -> Running.Result {
    var rows: [PromptRows] = []
    for slice in slices {
      guard let voice = voices[slice.request] else { continue }
      if slice.rows.lowerBound == 0 {
        voices[slice.request]?.slot = slice.slot
        occupants[slice.slot] = slice.request
        voice.report(.admitted)
        guard
          try step.open(
            voice.utterance.prompt, settings: voice.utterance.settings, slot: slice.slot)
        else {
          scheduler.handle(.failed(slice.request), at: now)
          continue
        }
      } else if step.isOpen(slice.slot) == false {
        continue
      }
      rows.append(PromptRows(slot: slice.slot, rows: slice.rows))
    }
    try step.read(rows)
    // In this order a device reads the prompts while the codec's work is being queued.
    for slice in slices where slice.rows.lowerBound == 0 {
      guard let voice = voices[slice.request] else { continue }
      try codecs[models[voice.utterance.model].codec].begin(
        after: Array(voice.utterance.prompt.referenceCodes.joined()), slot: slice.slot)
    }
    return .prompts(try backend.beginRead(step.progress))
  }

  private func decode(_ segments: [CodecSegment]) throws(B.Failure) -> [Batch] {
    var batches: [Batch] = []
    for segment in segments {
      // By its place, where it is changed without being copied.
      guard let place = voices.index(forKey: segment.request) else { continue }
      let utterance = voices.values[place].utterance
      let codec = models[utterance.model].codec
      let longest = min(Self.longestChunk, codecs[codec].longestChunk)
      var start = segment.frames.lowerBound
      while start < segment.frames.upperBound {
        var end = min(segment.frames.upperBound, start + longest)
        if scheduler.configuration.keepsChunks {
          let chunks = utterance.chunks
          end = min(end, start + (start == 0 ? chunks.first : chunks.later))
        }
        let codes = voices.values[place].takePending(end - start)
        let index = batch(of: codec, for: segment.slot, frames: codes.count, in: &batches)
        batches[index].chunks.append((segment.request, segment.slot, codes))
        start = end
      }
    }
    if models.contains(where: \.step.isExclusive) { try codecBackend.wait(for: backend) }
    for index in batches.indices {
      batches[index].samples = try codecs[batches[index].codec].beginDecoding(
        batches[index].chunks.map {
          CodecStreams<B>.Chunk(slot: $0.slot, codes: Array($0.codes.joined()))
        })
    }
    return batches
  }

  /// The first batch after a slot's others in which its frames have room.
  private func batch(
    of codec: Int, for slot: Int, frames: Int, in batches: inout [Batch]
  ) -> Int {
    let after = batches.lastIndex { $0.chunks.contains { $0.slot == slot } }.map { $0 + 1 } ?? 0
    let room = codecs[codec].batchCapacity - frames
    let free = batches[after...].firstIndex {
      $0.codec == codec && !scheduler.configuration.keepsChunks
        && $0.chunks.reduce(0) { $0 + $1.codes.count } <= room
    }
    if let free { return free }
    batches.append(Batch(codec: codec))
    return batches.count - 1
  }

  /// Takes the results of what the device has done.
  private func poll() throws(B.Failure) {
    var index = 0
    while index < running.count {
      guard try isDone(running[index]) else {
        index += 1
        continue
      }
      let done = running.remove(at: index)
      try complete(done)
    }
  }

  private func isDone(_ running: Running) throws(B.Failure) -> Bool {
    switch running.result {
    case .prompts(let readback): return try backend.isRead(readback)
    case .frames(let entry):
      guard case .step(let model, _, _) = running.work.task else { return true }
      return try models[model].step.isPublished(entry)
    case .samples(let batches):
      for batch in batches {
        if let samples = batch.samples, try !codecBackend.isRead(samples) { return false }
      }
      return true
    }
  }

  private func complete(_ done: Running) throws(B.Failure) {
    let moment = ContinuousClock.now
    let took = moment - max(done.started, lastDone)
    lastDone = moment
    var ended: [RequestID] = []
    var stuck: [(RequestID, frames: Int)] = []
    switch (done.result, done.work.task) {
    case (.prompts(let readback), .prefill(_, let slices)):
      _ = try backend.finishRead(readback)
      for slice in slices { voices[slice.request]?.times.prefill += took }
    case (.frames(let entry), .step(let model, let rows, _)):
      (ended, stuck) = try collect(entry, rows, models[model], took)
    case (.samples(let batches), .codec):
      for batch in batches {
        guard let readback = batch.samples else { continue }
        let samples = try codecBackend.finishRead(readback)
        let perFrame = codecs[batch.codec].decoder.configuration.samplesPerFrame
        var start = 0
        for chunk in batch.chunks {
          let end = start + chunk.codes.count * perFrame
          deliver(Array(samples[start..<end]), chunk.codes, to: chunk.request, took)
          start = end
        }
      }
    default: preconditionFailure("a result is that of its task")
    }
    scheduler.handle(.completed(done.work.id, ended: ended, took: took), at: now)
    for (id, frames) in stuck { scheduler.handle(.runaway(id, frames: frames), at: now) }
  }

  private func collect(
    _ entry: Int, _ rows: [StepRow], _ model: Model, _ took: Duration
  ) throws(B.Failure) -> (ended: [RequestID], stuck: [(RequestID, frames: Int)]) {
    let codes = try model.step.collect(entry: entry, rows: rows.count)
    let width = codes.count / max(1, rows.count)
    var ended: [RequestID] = []
    var stuck: [(RequestID, frames: Int)] = []
    for (index, row) in rows.enumerated() {
      // A voice that has ended may still have had steps in flight.
      guard scheduler.isMaking(row.request), var voice = voices[row.request] else { continue }
      let frame = Array(codes[index * width..<(index + 1) * width])
      voice.times.frames.append(took)
      if frame[0] == model.endToken {
        ended.append(row.request)
      } else {
        voice.pending.append(frame)
        if voice.detector.isStuck(after: frame) { stuck.append((row.request, row.frame + 1)) }
      }
      voices[row.request] = voice
    }
    return (ended, stuck)
  }

  private func deliver(
    _ samples: [Float], _ codes: [[Int32]], to id: RequestID, _ took: Duration
  ) {
    guard var voice = voices[id] else { return }
    voice.detector.hear(samples)
    voice.times.codec.append((took, codes.count))
    voices[id] = voice
    voice.report(.chunk(samples: samples, codes: codes))
  }

  /// Reports the voices whose frames are all made.
  private func reportProgress() {
    for id in occupants.compactMap(\.self) {
      guard let voice = voices[id], !voice.isSpoken, let end = scheduler.end(of: id) else {
        continue
      }
      voices[id]?.isSpoken = true
      voice.report(.spoken(end.reason, frames: end.frames))
    }
  }

  /// Takes an ended utterance out of its slot.
  private func release(_ ending: Ending) {
    guard let voice = voices[ending.request], let slot = voice.slot else { return }
    occupants[slot] = nil
    models[voice.utterance.model].step.close(slot)
  }

  private func report(_ ending: Ending) {
    guard let voice = voices.removeValue(forKey: ending.request) else { return }
    if !voice.isSpoken { voice.report(.spoken(ending.reason, frames: ending.frames)) }
    voice.report(.ended(ending, voice.times))
  }

  // MARK: - Sight

  package var status: Scheduler.Status { scheduler.status }

  package func queuePosition(of id: RequestID) -> Int? { scheduler.queuePosition(of: id) }
}
