// SPDX-License-Identifier: MIT

import SpeechModel
import SpeechRuntime
import SpeechScheduler
import Synchronization
import TextTokenizer

/// A model on a device's thread, and what turns texts into its prompts.
struct SpeakingModel: Sendable {
  let thread: DeviceThread
  let index: Int
  let capacity: Int
  let requests: RequestBuilder
  let tokenizer: TextTokenizer
  let device: String
  let notice: String?
}

/// One speech from its text to its summary. It runs on the caller's side: the device's thread is given prompts,
/// one part of the text after the other.
final class SpeechJob: Sendable {
  private let model: SpeakingModel
  private let options: SpeechOptions
  private let feed: SpeechFeed
  /// Whether nothing of a part is delivered before it has ended well.
  private let isHeld: Bool
  private let accepted = ContinuousClock.now
  /// What is being spoken, to be cancelled.
  private let current = Mutex<Set<RequestID>>([])

  init(_ synthesizer: SpeechSynthesizer, _ options: SpeechOptions, _ feed: SpeechFeed, isHeld: Bool)
  {
    model = synthesizer.speaking
    self.options = options
    self.feed = feed
    self.isHeld = isHeld
  }

  func run(
    _ body: @Sendable (SpeechJob) async throws(SynthesisError) -> SpeechMetrics
  ) async {
    feed.onCancel { [self] in
      let ids = current.withLock { $0 }
      guard !ids.isEmpty else { return }
      model.thread.post { engine in for id in ids { engine.cancel(id) } }
    }
    do {
      let summary = try await body(self)
      feed.push(AudioChunk(textShare: 1, summary: summary))
      feed.finish(.success(()))
    } catch {
      feed.finish(.failure(error))
    }
  }

  /// Speaks a text that is all there.
  func speak(_ text: String) async throws(SynthesisError) -> SpeechMetrics {
    do {
      return try await speakParts(of: text)
    } catch {
      throw error as? SynthesisError
        ?? SynthesisError(.internalFailure, "\(error)", underlying: error)
    }
  }

  private func speakParts(of text: String) async throws -> SpeechMetrics {
    let requests = model.requests
    let request = try requests.request(options, tokenizer: model.tokenizer)
    var parts = try requests.parts(of: text, options, tokenizer: model.tokenizer)
    var budgets = requests.budget(options, layout: request.layout)
    var summary = SpeechMetrics()
    summary.seed = options.seed ?? UInt64.random(in: .min ... .max)
    summary.notices = request.notices + (model.notice.map { [$0] } ?? [])
    summary.device = model.device
    var spoken: [PartSpeech] = []
    while let part = parts.next() {
      let ids = model.tokenizer.targetIDs(part.text)
      let prompt = request.prompt(ids, isContinued: part.isContinued)
      guard prompt.rows.count + 16 < model.capacity, prompt.trailing.count < model.capacity else {
        throw SynthesisError(
          .invalidInput,
          "text: expected a prompt under \(model.capacity) positions, found "
            + "\(prompt.rows.count); shorten the instruction or the text")
      }
      let budget =
        options.maximumFrames.map { $0 - summary.frames }
        ?? budgets.frames(for: part, tokenCount: ids.count)
      guard budget > 0 else {
        summary.finishReason = max(summary.finishReason, .length)
        break
      }
      if requests.isNormalized(options) {
        summary.spokenText = (summary.spokenText.map { $0 + " " } ?? "") + part.text
      }
      if summary.parts == 1, let notice = requests.noticeOnParts { summary.notices.append(notice) }
      var utterance = Utterance(
        prompt: prompt,
        settings: request.settings(seed: summary.seed, utterance: UInt32(summary.parts)),
        frameLimit: budget)
      utterance.model = model.index
      utterance.chunks = ChunkSizes(
        first: summary.parts == 0 ? options.firstChunkFrames : options.chunkFrames,
        later: options.chunkFrames)
      utterance.follows = spoken.last?.id
      let speech = try await speak(utterance, share: part.end, after: spoken.last, &summary)
      spoken.append(speech)
      summary.parts += 1
      let (reason, frames) = try await speech.spoken()
      summary.frames += frames
      if options.maximumFrames == nil { budgets.note(part, frames: frames, reason) }
      summary.finishReason = max(summary.finishReason, reason)
      if reason == .cancelled { break }
    }
    try await end(spoken, &summary)
    summary.notices +=
      budgets.notices(on: summary.parts) + [parts.leftOut.notice].compactMap(\.self)
    return summary
  }

  /// Has a part spoken, after another has been delivered; once more when it got stuck and nothing of it
  /// has been delivered.
  private func speak(
    _ utterance: Utterance, share: Double, after earlier: PartSpeech?,
    _ summary: inout SpeechMetrics
  ) async throws -> PartSpeech {
    let first = try await submit(utterance, share: share, after: earlier)
    guard isHeld else { return first }
    guard try await first.ended().reason == .runaway else {
      first.release()
      return first
    }
    var other = utterance
    // Counters that no first attempt has.
    other.settings.utterance |= 1 << 31
    let second = try await submit(other, share: share, after: earlier)
    summary.respokenParts += 1
    _ = try await second.ended()
    second.release()
    return second
  }

  private func submit(
    _ utterance: Utterance, share: Double, after earlier: PartSpeech?
  ) async throws -> PartSpeech {
    let part = PartSpeech(feed: feed, thread: model.thread, share: share, isHeld: isHeld)
    earlier?.onEnd { part.release(.predecessor) }
    if earlier == nil { part.release(.predecessor) }
    let id = try await model.thread.perform { engine in
      engine.submit(utterance) { part.note($0) }
    }
    part.setID(id)
    current.withLock { _ = $0.insert(id) }
    // Cancelled before there was anything to cancel.
    if feed.isCancelled { model.thread.post { $0.cancel(id) } }
    return part
  }

  /// Waits until everything is delivered.
  private func end(_ parts: [PartSpeech], _ summary: inout SpeechMetrics) async throws {
    for (index, part) in parts.enumerated() {
      let end = try await part.ended()
      if index == 0 { summary.queueDuration = end.queued }
    }
    summary.timeToFirstAudio = parts.first?.firstAudio.map { $0 - accepted } ?? .zero
    summary.audioDuration = .milliseconds(80 * summary.frames)
    summary.wallDuration = .now - accepted
  }
}

/// A part of a speech, being spoken: passes its chunks on to the reader, in the order of the parts.
final class PartSpeech: Sendable {
  /// What keeps chunks from the reader.
  enum Obstacle { case predecessor, outcome }

  struct End: Sendable {
    var reason: FinishReason
    var queued: Duration
  }

  private struct State {
    var id: RequestID?
    var obstacles: Set<Obstacle>
    var waiting: [AudioChunk] = []
    var firstAudio: ContinuousClock.Instant?
    var spoken: Result<(FinishReason, Int), SynthesisError>?
    var end: Result<End, SynthesisError>?
    /// Whether all chunks have been passed on.
    var isDelivered = false
    var onEnd: (@Sendable () -> Void)?
    var spokenWaiter: CheckedContinuation<Void, Never>?
    var endWaiters: [CheckedContinuation<Void, Never>] = []
  }

  private let feed: SpeechFeed
  private let thread: DeviceThread
  private let share: Double
  private let state: Mutex<State>

  init(feed: SpeechFeed, thread: DeviceThread, share: Double, isHeld: Bool) {
    self.feed = feed
    self.thread = thread
    self.share = share
    state = Mutex(State(obstacles: isHeld ? [.predecessor, .outcome] : [.predecessor]))
  }

  var id: RequestID? { state.withLock { $0.id } }
  var firstAudio: ContinuousClock.Instant? { state.withLock { $0.firstAudio } }

  func setID(_ id: RequestID) { state.withLock { $0.id = id } }

  /// Called on the device's thread.
  func note(_ event: UtteranceEvent) {
    switch event {
    case .admitted: break
    case .chunk(let samples, let codes):
      let chunk = AudioChunk(samples: samples, codes: codes, textShare: share)
      state.withLock { state in
        state.firstAudio = state.firstAudio ?? .now
        state.waiting.append(chunk)
      }
      passOn()
    case .spoken(let reason, let frames):
      let waiter = state.withLock { state in
        state.spoken = Result { () throws(SynthesisError) in (try FinishReason(reason), frames) }
        defer { state.spokenWaiter = nil }
        return state.spokenWaiter
      }
      waiter?.resume()
    case .ended(let ending, _):
      let queued = ending.timing.admitted.map { ending.timing.submitted.duration(to: $0) }
      let waiters = state.withLock { state in
        state.end = Result { () throws(SynthesisError) in
          End(reason: try FinishReason(ending.reason), queued: queued ?? .zero)
        }
        defer { state.endWaiters = [] }
        return state.endWaiters
      }
      for waiter in waiters { waiter.resume() }
      passOn()
    }
  }

  /// Passes chunks on, unless something is in their way.
  private func passOn() {
    let onEnd = state.withLock { state -> (@Sendable () -> Void)? in
      guard state.obstacles.isEmpty else { return nil }
      for chunk in state.waiting {
        feed.push(chunk) { [thread, id = state.id] in
          guard let id else { return }
          thread.post { $0.consumed(chunk.codes.count, of: id) }
        }
      }
      state.waiting = []
      guard state.end != nil else { return nil }
      state.isDelivered = true
      defer { state.onEnd = nil }
      return state.onEnd
    }
    onEnd?()
  }

  /// Takes something out of the chunks' way; by default that their outcome was not known.
  func release(_ obstacle: Obstacle = .outcome) {
    state.withLock { _ = $0.obstacles.remove(obstacle) }
    passOn()
  }

  /// Has `body` called when all chunks have been passed on, at once if they have.
  func onEnd(_ body: @escaping @Sendable () -> Void) {
    let isDelivered = state.withLock { state in
      if !state.isDelivered { state.onEnd = body }
      return state.isDelivered
    }
    if isDelivered { body() }
  }

  /// Waits until all frames are made: why no more are, and how many there are.
  func spoken() async throws(SynthesisError) -> (reason: FinishReason, frames: Int) {
    await withCheckedContinuation { waiter in
      let isSpoken = state.withLock { state in
        if state.spoken == nil { state.spokenWaiter = waiter }
        return state.spoken != nil
      }
      if isSpoken { waiter.resume() }
    }
    guard let spoken = state.withLock({ $0.spoken }) else { return (.cancelled, 0) }
    return try spoken.get()
  }

  /// Waits until the part has ended.
  func ended() async throws(SynthesisError) -> End {
    await withCheckedContinuation { waiter in
      let isEnded = state.withLock { state in
        if state.end == nil { state.endWaiters.append(waiter) }
        return state.end != nil
      }
      if isEnded { waiter.resume() }
    }
    guard let end = state.withLock({ $0.end }) else {
      return End(reason: .cancelled, queued: .zero)
    }
    return try end.get()
  }
}
