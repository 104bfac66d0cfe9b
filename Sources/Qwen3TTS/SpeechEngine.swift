// SPDX-License-Identifier: MIT

package import ModelFiles
package import SpeechModel

/// Speaks prompts, whatever the backend.
package protocol PromptSpeaking: AnyObject {
  /// Speaks one prompt.
  ///
  /// - Parameters:
  ///   - budget: The most frames.
  ///   - chunks: Frames in the first chunk and in later ones.
  ///   - isCancelled: Asked once a frame.
  ///   - deliver: Receives samples, and the codes they were made of, as they are made.
  /// - Returns: Why it ended, and the time each frame took.
  func speak(
    _ prompt: Prompt, settings: UtteranceSettings, budget: Int, chunks: (first: Int, later: Int),
    isCancelled: () -> Bool, deliver: ([Float], [[Int32]]) -> Void
  ) throws -> UtteranceReport
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
  /// Positions of prompt and frames together.
  var capacity: Int { get }
  /// How the talker's keys and values are kept.
  var cachePrecision: CachePrecision { get }
}

/// What happened in one utterance.
package struct UtteranceReport: Sendable {
  package var finishReason: FinishReason
  /// Time to read the prompt.
  package var prefill = Duration.zero
  /// Time of each frame's codes.
  package var frames: [Duration] = []
  /// Time and frame count of each codec chunk.
  package var codec: [(time: Duration, frames: Int)] = []
}

/// How long the device takes for frame steps, and for parts of them.
package struct FrameTimes: Sendable {
  package var frame: [Duration] = []
  package var parts: [FramePart: [Duration]] = [:]
  /// Whether a frame step is one kernel.
  package var isOneKernel = false
}

/// A language model and a codec on one backend, with the state of one utterance.
package final class SpeechEngine<B: Backend>: PromptSpeaking {
  private let step: FrameStep<B>
  private let codec: CodecStreams<B>
  private let endToken: Int32
  /// Whether the codec alternates with the frames: when these leave no room, each of its kernels
  /// would otherwise wait for a frame.
  private let waitsForFrames: Bool

  package var capacity: Int { step.capacity }
  package var cachePrecision: CachePrecision { step.cachePrecision }

  /// Frames the codec decodes at once.
  package static var longestChunk: Int { 16 }

  /// - Parameters:
  ///   - cachePrecision: How the talker's keys and values are kept; by default as `backend` keeps those of
  ///     such weights.
  ///   - backend: Where the language model runs.
  ///   - codec: Where the codec runs, in parallel if that is another value; by default `backend`.
  package init(
    _ checkpoint: Checkpoint, capacity: Int, cachePrecision: CachePrecision? = nil, on backend: B,
    codec codecBackend: B? = nil
  ) throws {
    let model = try LanguageModel(
      reading: checkpoint.weights, checkpoint.configuration, on: backend)
    step = try FrameStep(
      model, capacity: capacity, cachePrecision: cachePrecision, on: backend)
    let codecBackend = codecBackend ?? backend
    waitsForFrames = step.isExclusive
    codec = try CodecStreams(
      CodecDecoder(
        reading: checkpoint.codecWeights.scoped("decoder."), checkpoint.codecConfiguration.decoder,
        on: codecBackend),
      chunkCapacity: Self.longestChunk, on: codecBackend)
    endToken = checkpoint.configuration.talker.control.end
  }

  package func speak(
    _ prompt: Prompt, settings: UtteranceSettings, budget: Int, chunks: (first: Int, later: Int),
    isCancelled: () -> Bool, deliver: ([Float], [[Int32]]) -> Void
  ) throws -> UtteranceReport {
    let clock = ContinuousClock()
    var report = UtteranceReport(finishReason: .length)
    var detector = RunawayDetector()
    var pending: [[Int32]] = []
    var delivered = 0
    let limit = min(budget, capacity - prompt.rows.count)
    var launched = 0

    func flush() throws {
      guard !pending.isEmpty else { return }
      var samples: [Float] = []
      let time = try clock.measure {
        if waitsForFrames { try codec.backend.wait(for: step.backend) }
        samples = try codec.decode(Array(pending.joined()))
      }
      report.codec.append((time, pending.count))
      detector.hear(samples)
      deliver(samples, pending)
      delivered += pending.count
      pending.removeAll(keepingCapacity: true)
    }

    report.prefill = try clock.measure {
      // In this order a device reads the prompt while the codec's work is being queued.
      try step.begin(prompt, settings: settings)
      try codec.begin(after: Array(prompt.referenceCodes.joined()))
    }
    frames: for index in 0..<max(limit, 0) {
      if isCancelled() {
        report.finishReason = .cancelled
        break
      }
      let start = clock.now
      // Until something is heard, no later frame may delay it.
      let ahead = delivered == 0 ? chunks.first : index + step.framesInFlight
      while launched < min(limit, max(index + 1, ahead)) {
        if launched == 0 { try step.firstFrame() } else { try step.nextFrame() }
        launched += 1
      }
      let codes = try step.collect(index)
      report.frames.append(clock.now - start)
      if codes[0] == endToken {
        report.finishReason = .stop
        break
      }
      pending.append(codes)
      if pending.count >= (delivered == 0 ? chunks.first : chunks.later) { try flush() }
      if detector.isStuck(after: codes) {
        report.finishReason = .runaway
        break frames
      }
    }
    if report.finishReason != .cancelled { try flush() }
    return report
  }
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

/// Detects speech that will not end: the same few codes over and over, or lasting silence.
struct RunawayDetector {
  /// Frames of a repetition before it counts: 6.4 s, longer than any drawn-out sound.
  static let longestLoop = 80
  /// Periods looked for.
  static let periods = 1...8
  /// Silence that no text calls for, in samples: 6 s.
  static let longestSilence = 144_000
  /// Below −66 dBFS.
  static let silence: Float = 0.0005

  private var history: [Int32] = []
  private var silentSamples = 0

  mutating func hear(_ samples: [Float]) {
    if let last = samples.lastIndex(where: { abs($0) > Self.silence }) {
      silentSamples = samples.count - 1 - last
    } else {
      silentSamples += samples.count
    }
  }

  mutating func isStuck(after codes: [Int32]) -> Bool {
    history.append(codes[0])
    if history.count > Self.longestLoop + Self.periods.upperBound { history.removeFirst() }
    return silentSamples >= Self.longestSilence || Self.periods.contains { loops($0) }
  }

  private func loops(_ period: Int) -> Bool {
    guard history.count >= Self.longestLoop + period else { return false }
    let recent = history.suffix(Self.longestLoop + period)
    return zip(recent, recent.dropFirst(period)).allSatisfy { $0 == $1 }
  }
}
