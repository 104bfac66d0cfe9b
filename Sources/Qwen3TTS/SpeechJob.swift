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
  let requests: RequestBuilder
  let tokenizer: TextTokenizer
}

/// One speech from its text to its summary. It runs on the caller's side: the device's thread is given prompts,
/// one part of the text after the other.
final class SpeechJob: Sendable {
  private let model: SpeakingModel
  private let options: SpeechOptions
  private let feed: SpeechFeed
  /// When the text's words are heard, where that was asked for.
  private let times: SpeechTimes?
  /// Whether nothing of a part is delivered before it has ended well.
  private let isHeld: Bool
  private let accepted = ContinuousClock.now
  /// What is being spoken, to be cancelled.
  private let current = Mutex<Set<RequestID>>([])
  /// Runs the job. It is cancelled when nobody needs the rest of the text.
  private let task = Mutex<Task<Void, Never>?>(nil)

  private init(_ model: SpeakingModel, _ options: SpeechOptions, isHeld: Bool) {
    self.model = model
    self.options = options
    self.isHeld = isHeld
    times =
      options.timestamps
      ? SpeechTimes(isEnglish: model.requests.isNormalized(options)) : nil
    feed = SpeechFeed(times)
  }

  /// Begins a speech, which `body` speaks.
  static func begin(
    _ model: SpeakingModel, _ options: SpeechOptions, isHeld: Bool = false,
    _ body: @escaping @Sendable (SpeechJob) async throws(SynthesisError) -> SpeechMetrics
  ) -> Speech {
    let job = SpeechJob(model, options, isHeld: isHeld)
    job.task.withLock { $0 = Task { await job.run(body) } }
    return Speech(job.feed)
  }

  /// Ends the waiting for a writer.
  private func stopWaiting() { task.withLock { $0?.cancel() } }

  private func run(
    _ body: @Sendable (SpeechJob) async throws(SynthesisError) -> SpeechMetrics
  ) async {
    feed.onCancel { [self] in
      cancelParts()
      stopWaiting()
    }
    do {
      let summary = try await body(self)
      feed.push(AudioChunk(textShare: 1, summary: summary))
      feed.finish(.success(()))
    } catch {
      cancelParts()
      feed.finish(.failure(error))
    }
  }

  private func cancelParts() {
    let ids = current.withLock { $0 }
    guard !ids.isEmpty else { return }
    model.thread.post { engine in for id in ids { engine.cancel(id) } }
  }

  /// Speaks a text that is all there.
  func speak(_ text: String) async throws(SynthesisError) -> SpeechMetrics {
    do {
      times?.append(text)
      times?.endText()
      var progress = try await begin()
      var parts = try model.requests.parts(of: text, options, tokenizer: model.tokenizer)
      while let part = parts.next() {
        let ids = model.tokenizer.targetIDs(part.text)
        let prompt = progress.request.prompt(ids, isContinued: part.isContinued)
        let budget = progress.budgets.frames(for: part, tokenCount: ids.count)
        let times = times(of: part, progress)
        guard
          try await speak(prompt, times, budget: budget, share: part.end, &progress) != nil
        else { break }
        progress.summary.textTokens += ids.count
        guard try await note(part, &progress) else { break }
      }
      return try await end(&progress, leftOut: parts.leftOut)
    } catch {
      throw Self.known(error)
    }
  }

  /// Speaks a text while it is being written.
  func speak<Text: AsyncSequence & Sendable>(
    writtenBy text: Text
  ) async throws(SynthesisError) -> SpeechMetrics where Text.Element == String {
    do {
      var progress = try await begin()
      var live = model.requests.liveText(options, tokenizer: model.tokenizer)
      var open = OpenPart()
      var goesOn = true
      do {
        for try await piece in text where goesOn {
          times?.append(piece)
          goesOn = try await handle(live.append(piece), &open, &progress)
          if !goesOn || Task.isCancelled { break }
        }
      } catch let error as SynthesisError {
        throw error
      } catch {
        // When nobody listens any more, or a part failed, that is reported, below.
        guard Task.isCancelled else {
          throw SynthesisError(
            .invalidInput, "text: expected a writer that writes, found that it failed: \(error)",
            underlying: error)
        }
      }
      if feed.isCancelled { progress.summary.finishReason = .cancelled }
      times?.endText()
      if goesOn, !Task.isCancelled {
        _ = try await handle(live.finish(), &open, &progress)
      }
      if progress.parts.isEmpty, !Task.isCancelled {
        throw SynthesisError(
          .invalidInput, "text: expected something to say, found nothing that can be said")
      }
      return try await end(&progress, leftOut: live.leftOut)
    } catch {
      throw Self.known(error)
    }
  }

  private static func known(_ error: any Error) -> SynthesisError {
    error as? SynthesisError
      ?? SynthesisError(.internalFailure, "\(error)", underlying: error)
  }

  // MARK: - Parts

  /// What was spoken so far.
  private struct Progress {
    let request: RequestBuilder.Request
    /// Positions of prompt and frames of a part.
    let capacity: Int
    var budgets: FrameBudget
    var summary: SpeechMetrics
    var parts: [PartSpeech] = []
  }

  /// A part of a text that is being written.
  private struct OpenPart {
    var tokens: [Int32] = []
    var text = ""
    var isContinued = false
    /// Once it is spoken, while more of it may come.
    var speech: PartSpeech?
  }

  private func begin() async throws -> Progress {
    let request = try model.requests.request(options, tokenizer: model.tokenizer)
    var summary = SpeechMetrics()
    summary.seed = options.seed ?? UInt64.random(in: .min ... .max)
    let opened = try await model.thread.waitUntilOpen()
    summary.notices = request.notices + (opened.notice.map { [$0] } ?? [])
    summary.device = opened.device
    return Progress(
      request: request, capacity: opened.plan.capacity,
      budgets: model.requests.budget(options, layout: request.layout),
      summary: summary)
  }

  /// Speaks what has come of a text. Returns whether the speech goes on.
  private func handle(
    _ events: [LiveText.Event], _ open: inout OpenPart, _ progress: inout Progress
  ) async throws -> Bool {
    for (index, event) in events.enumerated() {
      switch event {
      case .begin(let isContinued): open = OpenPart(isContinued: isContinued)
      case .tokens(let ids, let text):
        guard let speech = open.speech else {
          open.tokens += ids
          open.text += text
          guard !open.isContinued, progress.request.canBegin(with: open.tokens) else { continue }
          let prompt = progress.request.openPrompt(model.tokenizer.targetIDs(around: open.tokens))
          // A part has more tokens than it may only where its first word has, and then it ends with it.
          let known = open.tokens.count + Self.tokenCount(upToEndIn: events[(index + 1)...])
          let most = progress.budgets.most(
            tokenCount: max(known, model.requests.tokensPerPart(options)) + Self.wrapperTokens)
          open.speech = try await speak(
            prompt, times(of: open.text, isIncremental: true, isOpen: true), budget: most,
            isOpen: true, share: 0, &progress)
          if open.speech == nil { return false }
          continue
        }
        open.tokens += ids
        // Before the voice can say it.
        speech.times?.append(text)
        append(ids, to: speech)
      case .end(let part):
        let ids = model.tokenizer.targetIDs(around: open.tokens)
        let budget = progress.budgets.frames(for: part, tokenCount: ids.count)
        if let speech = open.speech {
          speech.times?.endText()
          append([progress.request.configuration.text.end], to: speech)
          let (limit, textLimit) = (framesLeft(progress), textLimit(budget))
          guard let id = speech.id else { return false }
          speech.share = part.end
          model.thread.post { $0.endText(of: id, frameLimit: limit, textLimit: textLimit) }
        } else {
          let prompt = progress.request.prompt(ids, isContinued: part.isContinued)
          let times = times(of: part, progress)
          guard
            try await speak(prompt, times, budget: budget, share: part.end, &progress) != nil
          else { return false }
        }
        open = OpenPart()
        progress.summary.textTokens += ids.count
        guard try await note(part, &progress) else { return false }
      }
    }
    return true
  }

  /// Control tokens around a text.
  private static let wrapperTokens = 8

  /// Tokens of a part that come before its end.
  private static func tokenCount(upToEndIn events: ArraySlice<LiveText.Event>) -> Int {
    var count = 0
    for event in events {
      switch event {
      case .tokens(let ids, _): count += ids.count
      case .begin, .end: return count
      }
    }
    return count
  }

  private func append(_ ids: [Int32], to part: PartSpeech) {
    guard let id = part.id else { return }
    model.thread.post { engine in
      // A device that failed has ended the part already.
      try? engine.append(ids, to: id)
    }
  }

  private func times(of part: TextPart, _ progress: Progress) -> PartTimes? {
    let isIncremental = progress.request.layout == .incremental && !part.isContinued
    return times(of: part.text, isIncremental: isIncremental, isOpen: false)
  }

  /// What finds when the letters of a part are heard; `nil` where nobody asked.
  private func times(of text: String, isIncremental: Bool, isOpen: Bool) -> PartTimes? {
    guard times != nil else { return nil }
    let wait = model.requests.isNormalized(options) ? model.requests.usualWait : 0
    let times = PartTimes(
      incrementalWith: isIncremental ? model.tokenizer : nil, delay: Int(wait))
    times.append(text)
    if !isOpen { times.endText() }
    return times
  }

  private func framesLeft(_ progress: Progress) -> Int {
    let most = min(options.maximumFrames ?? .max, options.frameCeiling ?? .max)
    return most == .max ? .max : most - progress.summary.frames
  }

  /// What a part's text can need, where the caller has not said how much the whole may have.
  private func textLimit(_ budget: Int) -> Int? { options.maximumFrames == nil ? budget : nil }

  /// Has a part spoken, after those before it. Returns `nil` when no frames are left for it.
  private func speak(
    _ prompt: Prompt, _ times: PartTimes?, budget: Int, isOpen: Bool = false, share: Double,
    _ progress: inout Progress
  ) async throws -> PartSpeech? {
    let capacity = progress.capacity
    guard prompt.rows.count + 16 < capacity, prompt.trailing.count < capacity else {
      throw SynthesisError(
        .invalidInput,
        "text: expected a prompt under \(capacity) positions, found "
          + "\(prompt.rows.count); shorten the instruction or the text")
    }
    let left = framesLeft(progress)
    guard left > 0 else {
      progress.summary.finishReason = max(progress.summary.finishReason, .length)
      return nil
    }
    let index = progress.parts.count
    var utterance = Utterance(
      prompt: prompt,
      settings: progress.request.settings(
        seed: progress.summary.seed, utterance: UInt32(index)),
      frameLimit: left)
    utterance.textLimit = textLimit(budget)
    utterance.model = model.index
    utterance.isTextOpen = isOpen
    utterance.chunks = ChunkSizes(
      first: index == 0 ? options.firstChunkFrames : options.chunkFrames,
      later: options.chunkFrames)
    utterance.follows = progress.parts.last?.id
    if index == 1, let notice = model.requests.noticeOnParts {
      progress.summary.notices.append(notice)
    }
    let part = try await submit(utterance, times, share: share, after: progress.parts.last)
    progress.parts.append(part)
    progress.summary.parts += 1
    guard isHeld, try await part.ended().reason == .runaway else {
      part.release()
      return part
    }
    // Once more: nothing of it has been heard. With counters that no first attempt has.
    utterance.settings.utterance |= 1 << 31
    let again = try await submit(
      utterance, times, share: share, after: progress.parts.dropLast().last)
    progress.parts[index] = again
    progress.summary.respokenParts += 1
    _ = try await again.ended()
    again.release()
    return again
  }

  /// Waits until the last part has all its frames, and notes what it took. Returns whether the speech goes on.
  private func note(_ part: TextPart, _ progress: inout Progress) async throws -> Bool {
    guard let (reason, frames) = try await progress.parts.last?.spoken() else { return false }
    progress.summary.frames += frames
    if model.requests.isNormalized(options) {
      progress.summary.spokenText =
        (progress.summary.spokenText.map { $0 + " " } ?? "") + part.text
    }
    progress.budgets.note(part, frames: frames, reason)
    progress.summary.finishReason = max(progress.summary.finishReason, reason)
    return reason != .cancelled
  }

  /// Waits until everything is delivered.
  private func end(
    _ progress: inout Progress, leftOut: LeftOutWords
  ) async throws -> SpeechMetrics {
    var summary = progress.summary
    for (index, part) in progress.parts.enumerated() {
      let end = try await part.ended()
      if index == 0 { summary.queueDuration = end.queued }
      summary.finishReason = max(summary.finishReason, end.reason)
    }
    summary.timeToFirstAudio = progress.parts.first?.firstAudio.map { $0 - accepted } ?? .zero
    summary.audioDuration = .milliseconds(80 * summary.frames)
    summary.wallDuration = .now - accepted
    summary.notices +=
      progress.budgets.notices(on: summary.parts) + [leftOut.notice].compactMap(\.self)
    return summary
  }

  private func submit(
    _ utterance: Utterance, _ times: PartTimes?, share: Double, after earlier: PartSpeech?
  ) async throws -> PartSpeech {
    let part = PartSpeech(
      feed: feed, times: times, thread: model.thread, share: share, isHeld: isHeld
    ) { [self] in stopWaiting() }
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
    /// Of the text, up to the part's end.
    var share: Double
    var obstacles: Set<Obstacle>
    var waiting: [AudioChunk] = []
    var firstAudio: ContinuousClock.Instant?
    /// What the device failed with.
    var failure: (any Error)?
    var spoken: Result<(FinishReason, Int), SynthesisError>?
    var end: Result<End, SynthesisError>?
    /// Whether all chunks have been passed on.
    var isDelivered = false
    var onEnd: (@Sendable () -> Void)?
    var spokenWaiter: CheckedContinuation<Void, Never>?
    var endWaiters: [CheckedContinuation<Void, Never>] = []
  }

  private let feed: SpeechFeed
  let times: PartTimes?
  private let thread: DeviceThread
  private let isHeld: Bool
  private let onFailure: @Sendable () -> Void
  private let state: Mutex<State>

  /// - Parameter onFailure: Called when it ends with an error.
  init(
    feed: SpeechFeed, times: PartTimes?, thread: DeviceThread, share: Double, isHeld: Bool,
    onFailure: @escaping @Sendable () -> Void
  ) {
    self.feed = feed
    self.times = times
    self.thread = thread
    self.isHeld = isHeld
    self.onFailure = onFailure
    state = Mutex(
      State(share: share, obstacles: isHeld ? [.predecessor, .outcome] : [.predecessor]))
  }

  var id: RequestID? { state.withLock { $0.id } }
  var firstAudio: ContinuousClock.Instant? { state.withLock { $0.firstAudio } }

  var share: Double {
    get { state.withLock { $0.share } }
    set { state.withLock { $0.share = newValue } }
  }

  func setID(_ id: RequestID) { state.withLock { $0.id = id } }

  /// Called on the device's thread.
  func note(_ event: UtteranceEvent) {
    switch event {
    case .admitted: break
    case .deviceFailed(let error): state.withLock { $0.failure = error }
    case .chunk(let samples, let codes):
      state.withLock { state in
        state.firstAudio = state.firstAudio ?? .now
        state.waiting.append(
          AudioChunk(samples: samples, codes: codes, textShare: state.share))
      }
      // What is held back until the part has ended is not what the voice waits for.
      if isHeld { consume(codes.count) }
      passOn()
    case .spoken(let reason, let frames):
      let waiter = state.withLock { state in
        state.spoken = Result { () throws(SynthesisError) in
          (try FinishReason(reason, state.failure), frames)
        }
        let finishReason = try? state.spoken?.get().0
        times?.endSpeech(isWhole: finishReason == .stop)
        defer { state.spokenWaiter = nil }
        return state.spokenWaiter
      }
      waiter?.resume()
    case .ended(let ending, _):
      let queued = ending.timing.admitted.map { ending.timing.submitted.duration(to: $0) }
      let (waiters, hasFailed) = state.withLock { state in
        let end = Result { () throws(SynthesisError) in
          End(reason: try FinishReason(ending.reason, state.failure), queued: queued ?? .zero)
        }
        state.end = end
        defer { state.endWaiters = [] }
        if case .failure = end { return (state.endWaiters, true) }
        return (state.endWaiters, false)
      }
      for waiter in waiters { waiter.resume() }
      if hasFailed { onFailure() }
      passOn()
    }
  }

  /// Passes chunks on, unless something is in their way.
  private func passOn() {
    let onEnd = state.withLock { state -> (@Sendable () -> Void)? in
      guard state.obstacles.isEmpty else { return nil }
      for chunk in state.waiting {
        feed.push(chunk, of: times) { [self] in if !isHeld { consume(chunk.codes.count) } }
      }
      state.waiting = []
      guard state.end != nil else { return nil }
      state.isDelivered = true
      defer { state.onEnd = nil }
      return state.onEnd
    }
    onEnd?()
  }

  /// Lets the voice make more.
  private func consume(_ frames: Int) {
    thread.post { [self] engine in if let id { engine.consumed(frames, of: id) } }
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
