// SPDX-License-Identifier: MIT

package import ModelFiles
package import SpeechModel
package import SpeechRuntime
package import SpeechScheduler

/// Speaks prompts with the models of a process, whatever the backend. One thread uses it at a time.
package protocol PromptSpeaking: AnyObject {
  /// Takes another model.
  ///
  /// - Parameters:
  ///   - codec: Which of `codecs` the model has, if it has one of them.
  ///   - pause: Called many times while weights are taken over: those who speak may then be given turns.
  /// - Returns: Its index.
  func add(_ checkpoint: Checkpoint, codec: Int?, pause: () -> Void) throws -> Int
  /// Models whose codecs there are.
  var codecs: [Checkpoint] { get }
  /// What is kept for the first model's voices.
  var plan: MemoryPlan { get }
  /// How the first model's keys and values are kept.
  var cachePrecision: CachePrecision { get }

  // As `SpeechRuntime`.

  func submit(_ utterance: Utterance, report: @escaping (UtteranceEvent) -> Void) -> RequestID
  func append(_ tokens: [Int32], to id: RequestID) throws
  func endText(of id: RequestID, frameLimit: Int, textLimit: Int?)
  func cancel(_ id: RequestID)
  func consumed(_ frames: Int, of id: RequestID)
  func drain()
  func stop()
  func turn() throws -> SpeechTurn
  var status: Scheduler.Status { get }
  func queuePosition(of id: RequestID) -> Int?

  // For measuring, while nothing is spoken.

  /// Times of the frame step and of its parts after a prompt, on the device.
  ///
  /// - Precondition: Prompt and twice `count` frames fit `capacity`.
  func measure(
    after prompt: Prompt, settings: UtteranceSettings, count: Int
  ) throws -> FrameTimes
  /// Times of reading a prompt, each until the device has done so.
  func measurePrompt(
    _ prompt: Prompt, settings: UtteranceSettings, count: Int
  ) throws -> [Duration]
  /// Times of decoding a chunk of so many frames, each until its samples are in memory of the host.
  ///
  /// - Precondition: A chunk can have so many frames.
  func measureCodec(frames: Int, count: Int) throws -> [Duration]
}

/// What happened in one utterance.
package struct UtteranceReport: Sendable {
  package var finishReason: FinishReason
  package var times = UtteranceTimes()
}

extension PromptSpeaking {
  /// Speaks one prompt of the first model, on this thread.
  ///
  /// - Parameters:
  ///   - budget: The most frames.
  ///   - chunks: Frames in the first chunk and in later ones.
  ///   - isCancelled: Asked once a frame.
  ///   - deliver: Receives samples, and the codes they were made of, as they are made.
  /// - Returns: Why it ended, and the time each frame took.
  package func speak(
    _ prompt: Prompt, settings: UtteranceSettings, budget: Int, chunks: (first: Int, later: Int),
    isCancelled: () -> Bool = { false }, deliver: ([Float], [[Int32]]) -> Void
  ) throws -> UtteranceReport {
    guard budget > 0 else { return UtteranceReport(finishReason: .length) }
    var utterance = Utterance(prompt: prompt, settings: settings, frameLimit: budget)
    utterance.chunks = ChunkSizes(first: chunks.first, later: chunks.later)
    var made: [(samples: [Float], codes: [[Int32]])] = []
    var end: (Ending, UtteranceTimes)?
    let id = submit(utterance) { event in
      switch event {
      case .admitted, .spoken, .deviceFailed: break
      case .chunk(let samples, let codes): made.append((samples, codes))
      case .ended(let ending, let times): end = (ending, times)
      }
    }
    while end == nil {
      if isCancelled() { cancel(id) }
      _ = try turn()
      for chunk in made {
        deliver(chunk.samples, chunk.codes)
        consumed(chunk.codes.count, of: id)
      }
      made = []
    }
    guard let (ending, times) = end else { return UtteranceReport(finishReason: .cancelled) }
    return UtteranceReport(finishReason: try FinishReason(ending.reason), times: times)
  }
}

/// How long the device takes for frame steps, and for parts of them.
package struct FrameTimes: Sendable {
  package var frame: [Duration] = []
  package var parts: [FramePart: [Duration]] = [:]
  /// Whether a frame step is one kernel.
  package var isOneKernel = false
}

/// How much an engine takes on.
package struct EngineLimits: Sendable, Equatable {
  /// Voices at once. One has kernels of its own on a GPU, which make its frames sooner.
  package var voices = 1
  /// Positions of prompt and frames together, where there is memory for them.
  package var capacity: Int
  /// How the talker's keys and values are kept; by default as the backend keeps those of such weights.
  package var cachePrecision: CachePrecision?
  /// Requests that may wait for a voice.
  package var queue = 1024
  /// How far a voice may be ahead of its listener; `nil`: as far as its reader takes it.
  package var lead: Duration?
  /// How long a voice may wait for its writer or its reader.
  package var patience: Duration?
  /// Whether a speech is decoded in whole chunks only, because where it is cut shows in the last bits.
  package var keepsChunks = false
  /// Bytes for keys and values, not to be exceeded.
  package var keyValueBytes: Int?
  /// Without `keyValueBytes`: bytes that are there for them, and more only for one speech of `capacity`. `nil`:
  /// as many as all voices can need.
  package var spareBytes: Int?

  package init(capacity: Int) { self.capacity = capacity }

  /// Frames that the codec decodes at once.
  var chunkCapacity: Int { SpeechSynthesizer.longestChunk }
  /// References whose state the codec remembers.
  var references: Int { voices == 1 ? 1 : 8 }
}

/// Language models and codecs on one backend.
package final class SpeechEngine<B: Backend>: PromptSpeaking {
  private let runtime: SpeechRuntime<B>
  private let limits: EngineLimits
  private let backend: B
  private let codecBackend: B
  package private(set) var codecs: [Checkpoint] = []
  package let plan: MemoryPlan
  private var steps: [FrameStep<B>] = []
  private let codec: CodecStreams<B>
  private var step: FrameStep<B> { steps[0] }

  private var capacity: Int { step.capacity }
  package var cachePrecision: CachePrecision { step.cachePrecision }

  /// Frames the codec decodes at once.
  package static var longestChunk: Int { SpeechRuntime<B>.longestChunk }

  /// An engine for one voice.
  package convenience init(
    _ checkpoint: Checkpoint, capacity: Int, cachePrecision: CachePrecision? = nil, on backend: B,
    codec codecBackend: B? = nil
  ) throws {
    var limits = EngineLimits(capacity: capacity)
    limits.cachePrecision = cachePrecision
    try self.init(checkpoint, limits, on: backend, codec: codecBackend)
  }

  /// - Parameters:
  ///   - backend: Where the language models run.
  ///   - codec: Where the codecs run, in parallel if that is another value; by default `backend`.
  package init(
    _ checkpoint: Checkpoint, _ limits: EngineLimits, on backend: B,
    codec codecBackend: B? = nil
  ) throws {
    self.limits = limits
    self.backend = backend
    self.codecBackend = codecBackend ?? backend
    let model = try LanguageModel(
      reading: checkpoint.weights, checkpoint.configuration, on: backend)
    let precision = limits.cachePrecision ?? model.talker.cachePrecision
    let geometry = KVPool<B>.Geometry(checkpoint.configuration.talker.transformer, precision)
    plan = try MemoryPlan(checkpoint, limits, precision: precision)
    runtime = SpeechRuntime(
      Self.configuration(limits, plan, backend), on: backend, codec: codecBackend)
    codec = try Self.makeCodec(
      reading: checkpoint.codecWeights, checkpoint, limits, on: self.codecBackend)
    codecs.append(checkpoint)
    _ = runtime.add(codec)
    steps.append(try makeStep(model, geometry))
    _ = runtime.add(steps[0], codec: 0)
  }

  package func add(_ checkpoint: Checkpoint, codec known: Int?, pause: () -> Void) throws -> Int {
    guard limits.voices > 1 else {
      throw SynthesisError(
        .invalidInput, "sharing: expected an engine for several voices, found one for one")
    }
    return try withoutActuallyEscaping(pause) { pause in
      let model = try LanguageModel(
        reading: PausingWeights(base: checkpoint.weights, pause: pause), checkpoint.configuration,
        on: backend)
      var made: CodecStreams<B>?
      if known == nil {
        made = try Self.makeCodec(
          reading: PausingWeights(base: checkpoint.codecWeights, pause: pause), checkpoint, limits,
          on: codecBackend)
      }
      let precision = limits.cachePrecision ?? model.talker.cachePrecision
      let step = try makeStep(
        model, KVPool<B>.Geometry(checkpoint.configuration.talker.transformer, precision))
      // From here on nobody else has a turn.
      var index = known ?? 0
      if let made {
        index = runtime.add(made)
        codecs.append(checkpoint)
      }
      steps.append(step)
      return runtime.add(step, codec: index)
    }
  }

  private func makeStep(
    _ model: LanguageModel<B>, _ geometry: KVPool<B>.Geometry
  ) throws -> FrameStep<B> {
    guard limits.voices > 1 else {
      return try FrameStep(
        model, capacity: plan.capacity, cachePrecision: geometry.precision, on: backend)
    }
    return try FrameStep(
      model, pool: runtime.pool(geometry, capacity: plan.capacity), on: backend)
  }

  private static func makeCodec(
    reading weights: some WeightSource, _ checkpoint: Checkpoint, _ limits: EngineLimits,
    on backend: B
  ) throws -> CodecStreams<B> {
    try CodecStreams(
      CodecDecoder(
        reading: weights.scoped("decoder."), checkpoint.codecConfiguration.decoder, on: backend),
      slotCount: limits.voices, batchCapacity: codecBatch(limits, backend),
      references: limits.references, on: backend)
  }

  /// Frames that a codec decodes at once: one of each voice, where the backend has only some sizes of batches,
  /// since it then does them in parallel.
  private static func codecBatch(_ limits: EngineLimits, _ backend: B) -> Int {
    backend.codecFrames(for: 5) == 5
      ? limits.chunkCapacity : max(limits.chunkCapacity, min(64, limits.voices))
  }

  /// What the scheduler may plan for the backend.
  private static func configuration(
    _ limits: EngineLimits, _ plan: MemoryPlan, _ backend: B
  ) -> SchedulerConfiguration {
    let voices = limits.voices
    var configuration = SchedulerConfiguration(devicePages: plan.pages)
    configuration.pageSize = MemoryPlan.pageSize
    configuration.slotCount = voices
    configuration.queueLimit = limits.queue
    configuration.backgroundSlots = max(1, voices / 2)
    configuration.stepBuckets = (1...voices).filter { backend.stepRows(for: $0) == $0 }
    if configuration.stepBuckets.last != voices { configuration.stepBuckets.append(voices) }
    let batch = codecBatch(limits, backend)
    configuration.codecBuckets = (1...batch).filter { backend.codecFrames(for: $0) == $0 }
    configuration.keepsChunks = limits.keepsChunks
    configuration.framesInFlight = backend.framesInFlight
    if backend.framesInFlight == 1 { configuration.workInFlight = 1 }
    // A lead and a patience of a century are none.
    let century = Duration.seconds(3_000_000_000)
    configuration.leadLimit = limits.lead ?? century
    configuration.resumeLead = limits.lead.map { $0 * 9 / 10 } ?? century
    configuration.clientPatience = limits.patience ?? century
    return configuration
  }
}

/// Weights that are taken over with a pause after each.
private struct PausingWeights: WeightSource {
  let base: any WeightSource
  let pause: () -> Void

  func tensor(_ name: String, _ shape: [Int]) throws -> HostTensor {
    pause()
    return try base.tensor(name, shape)
  }
}

extension SpeechEngine {
  package func submit(
    _ utterance: Utterance, report: @escaping (UtteranceEvent) -> Void
  ) -> RequestID {
    runtime.submit(utterance, report: report)
  }

  package func append(_ tokens: [Int32], to id: RequestID) throws {
    try runtime.append(tokens, to: id)
  }

  package func endText(of id: RequestID, frameLimit: Int, textLimit: Int? = nil) {
    runtime.endText(of: id, frameLimit: frameLimit, textLimit: textLimit)
  }

  package func cancel(_ id: RequestID) { runtime.cancel(id) }

  package func consumed(_ frames: Int, of id: RequestID) { runtime.consumed(frames, of: id) }

  package func drain() { runtime.drain() }

  package func stop() { runtime.stop() }

  package func turn() throws -> SpeechTurn { try runtime.turn() }

  package var status: Scheduler.Status { runtime.status }

  package func queuePosition(of id: RequestID) -> Int? { runtime.queuePosition(of: id) }
}

extension SpeechEngine {
  package func measure(
    after prompt: Prompt, settings: UtteranceSettings, count: Int
  ) throws -> FrameTimes {
    precondition(prompt.rows.count + 2 * count < capacity, "the measured frames fit")
    func durations(_ body: () throws(B.Failure) -> Void) throws -> [Duration] {
      // The first may be recorded; it does not count.
      _ = try step.backend.time(body)
      return try (1..<count).map { _ in try step.backend.time(body) }
    }
    var times = FrameTimes()
    try step.begin(prompt, settings: settings)
    try step.firstFrame()
    times.frame = try durations { () throws(B.Failure) in try step.nextFrame() }
    guard !step.isExclusive else {
      // Parts run alone would be other kernels than those frames are made of. A first frame is the same
      // kernel without the talker; draws cannot be separated.
      let withoutTalker = try durations { () throws(B.Failure) in try step.firstFrame() }
      times.isOneKernel = true
      times.parts[.predictor] = withoutTalker
      times.parts[.talker] = zip(times.frame, withoutTalker).map { $0 - $1 }
      return times
    }
    for part in FramePart.allCases {
      times.parts[part] = try durations { () throws(B.Failure) in try step.run(part) }
    }
    return times
  }

  package func measurePrompt(
    _ prompt: Prompt, settings: UtteranceSettings, count: Int
  ) throws -> [Duration] {
    func time() throws -> Duration {
      try step.backend.time { () throws(B.Failure) in try step.begin(prompt, settings: settings) }
    }
    // The first may be recorded; it does not count.
    _ = try time()
    return try (0..<count).map { _ in try time() }
  }

  package func measureCodec(frames: Int, count: Int) throws -> [Duration] {
    precondition(frames <= Self.longestChunk, "frames fit a chunk")
    let entries = Int32(step.model.predictor.configuration.codebookSize)
    let codes = (0..<Int32(frames * step.model.configuration.talker.codebookCount))
      .map { $0 % entries }
    let clock = ContinuousClock()
    try codec.begin(after: [])
    func time() throws -> Duration { try clock.measure { _ = try codec.decode(codes) } }
    _ = try time()
    return try (0..<count).map { _ in try time() }
  }
}

extension FinishReason {
  /// - Parameter failure: What the device failed with.
  /// - Throws: `SynthesisError` for an end that is an error.
  init(_ reason: EndReason, _ failure: (any Error)? = nil) throws(SynthesisError) {
    switch reason {
    case .stop: self = .stop
    case .limit: self = .length
    case .runaway: self = .runaway
    case .cancelled: self = .cancelled
    case .timedOut:
      throw SynthesisError(
        .timedOut,
        "speech: expected its text to be written, or its sound to be read, found neither for too "
          + "long. Write or read faster, or set a longer patience.")
    case .failed:
      throw SynthesisError(
        .overloaded, "speech: expected room for its text beside the others', found none. Try again."
      )
    case .refused(.overloaded):
      throw SynthesisError(
        .overloaded,
        "speech: expected fewer requests than may wait, found as many. Try again in a while.")
    case .refused(.tooLong(let pages)):
      throw SynthesisError(
        .invalidInput,
        "speech: expected prompt and frames to fit the memory for keys and values, found that they "
          + "need \(pages) pages of 64 positions. Shorten the text, or give more memory.")
    case .refused(.notRunning(let state)), .aborted(let state):
      throw state == .failed
        ? SynthesisError(
          .internalFailure,
          "speech: the device failed\(failure.map { ": \($0)" } ?? ""). Open another synthesizer before "
            + "the next speech.", underlying: failure)
        : SynthesisError(
          .stopped, "speech: expected a synthesizer that runs, found one that was shut down.")
    }
  }
}
