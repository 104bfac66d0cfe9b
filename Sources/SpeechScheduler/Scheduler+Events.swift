// SPDX-License-Identifier: MIT

// What clients and the executor report. Planning is in `Policy`.

extension Scheduler {
  mutating func submit(_ request: ScheduledRequest) {
    precondition(
      costs.models.indices.contains(request.model), "the model is one of those there are")
    precondition(request.promptRows > 0 && request.chunks.first > 0 && request.chunks.later > 0)
    precondition(
      voiceIndex[request.id] == nil && queue.position(of: request.id) == nil,
      "a request's number is used once")
    precondition(
      request.follows.flatMap { queue.position(of: $0) } == nil,
      "a part is submitted when the one before it has left the queue")
    let pages = committedPages(for: request)
    guard lifecycle == .running else { return refuse(request.id, .notRunning(lifecycle)) }
    guard pages <= devicePages.target else { return refuse(request.id, .tooLong(pages: pages)) }
    let delay = configuration.classDelay[request.priority.rawValue]
    queue.append(QueuedRequest(request: request, submitted: now, due: now + delay))
    admit()
    // A part of a speech that has begun is not refused in the middle of it.
    guard request.follows == nil, queue.count > configuration.queueLimit else { return }
    if queue.remove(request.id) != nil { refuse(request.id, .overloaded) }
  }

  private mutating func refuse(_ id: RequestID, _ refusal: Refusal) {
    endings.append(
      Ending(
        request: id, slot: nil, reason: .refused(refusal), frames: 0,
        timing: RequestTiming(submitted: now)))
  }

  mutating func appendText(
    _ id: RequestID, tokens: Int, isLast: Bool, budget: FrameBudget? = nil
  ) {
    let change: (inout ScheduledRequest) -> Void = { request in
      guard request.isTextOpen else { return }
      if let budget {
        // What pages are committed for is what they were committed for.
        let limit = request.budget.limit
        request.budget = FrameBudget(
          base: budget.base, perToken: budget.perToken, limit: min(limit, budget.limit))
      }
      request.textTokens += tokens
      request.trailingTokens += tokens
      request.isTextOpen = !isLast
    }
    guard let index = voiceIndex[id] else {
      _ = queue.update(id) { change(&$0.request) }
      return
    }
    let wasStarved = voices[index].isStarved
    change(&voices[index].request)
    if wasStarved && !voices[index].isStarved { voices[index].resumeAfterClient(at: now) }
    // The whole text may turn out to need no more frames than there are.
    finishIfSpent(index)
  }

  mutating func consume(_ id: RequestID, frames: Int) {
    guard let index = voiceIndex[id] else { return }
    let wasFull = voices[index].isFull(configuration.window)
    voices[index].consumed += frames
    precondition(voices[index].consumed <= voices[index].decoded, "consumed frames were delivered")
    if wasFull && !voices[index].isFull(configuration.window) {
      voices[index].resumeAfterClient(at: now)
    }
  }

  mutating func complete(_ id: WorkID, ended: [RequestID], took: Duration?) {
    // Whatever a lost device still reports, nobody waits for it.
    guard lifecycle != .failed else { return }
    guard let position = inFlight.firstIndex(where: { $0.id == id }) else {
      preconditionFailure("completed work is in flight")
    }
    let task = inFlight.remove(at: position).task
    runningSince = now
    if let took { costs.record(task, took) }
    switch task {
    case .prefill(_, let slices):
      for slice in slices {
        guard let index = voiceIndex[slice.request] else { continue }
        voices[index].rowsRead = slice.rows.upperBound
        if voices[index].rowsRead == voices[index].request.promptRows {
          voices[index].timing.prefilled = now
        }
      }
    case .step(_, let rows, _):
      for row in rows { collect(row, isEnd: ended.contains(row.request)) }
    case .codec(let segments, _):
      for segment in segments { deliver(segment) }
    }
  }

  private mutating func collect(_ row: StepRow, isEnd: Bool) {
    // A voice that has ended may still have had steps in flight.
    guard let index = voiceIndex[row.request], voices[index].end == nil else { return }
    precondition(row.frame == voices[index].collected, "a voice's steps complete in order")
    if isEnd { return finish(index, .stop, frames: row.frame) }
    voices[index].collected += 1
    finishIfSpent(index)
  }

  private mutating func deliver(_ segment: CodecSegment) {
    guard let index = voiceIndex[segment.request] else { return }
    precondition(
      segment.frames.lowerBound == voices[index].decoded, "a voice's chunks complete in order")
    voices[index].deliver(upTo: segment.frames.upperBound, at: now, configuration)
    releaseIfDelivered(index)
  }

  mutating func stopRunaway(_ id: RequestID, frames: Int) {
    guard let index = voiceIndex[id], voices[index].end == nil else { return }
    let voice = voices[index]
    finish(index, .runaway, frames: max(voice.submitted, min(frames, voice.collected)))
  }

  /// Ends a voice that has all frames it may have.
  private mutating func finishIfSpent(_ index: Int) {
    let voice = voices[index]
    guard voice.end == nil, voice.collected >= voice.frameLimit else { return }
    // Past what the text can need, something is wrong; at the caller's own limit, nothing is.
    let isOwnLimit = voice.frameLimit == voice.request.budget.limit
    finish(index, isOwnLimit ? .limit : .runaway, frames: voice.collected)
  }

  /// No more frames: the pages are free at once, the slot when the last frame is delivered.
  private mutating func finish(_ index: Int, _ reason: EndReason, frames: Int) {
    voices[index].end = (reason, frames)
    if reason == .runaway { runawayCount += 1 }
    releasePages(of: index)
    releaseIfDelivered(index)
  }

  private mutating func releaseIfDelivered(_ index: Int) {
    guard let end = voices[index].end, voices[index].decoded == end.frames else { return }
    release(index, end.reason)
  }

  /// Ends a request wherever it is, at once. Nothing happens if it has ended.
  mutating func end(_ id: RequestID, _ reason: EndReason) {
    if let index = voiceIndex[id] {
      release(index, reason)
    } else if let queued = queue.remove(id) {
      dismiss(queued, reason)
    }
  }

  private mutating func dismiss(_ queued: QueuedRequest, _ reason: EndReason) {
    startFollower(of: queued.request.id, at: now)
    endings.append(
      Ending(
        request: queued.request.id, slot: nil, reason: reason, frames: 0,
        timing: RequestTiming(submitted: queued.submitted)))
  }

  /// Frees a voice's slot and pages.
  private mutating func release(_ index: Int, _ reason: EndReason) {
    releasePages(of: index)
    let voice = voices[index]
    voices.swapAt(index, voices.count - 1)
    voices.removeLast()
    voiceIndex[voice.id] = nil
    if index < voices.count { voiceIndex[voices[index].id] = index }
    freeSlots.append(voice.slot)
    startFollower(of: voice.id, at: max(now, voice.dryAt ?? voice.startsAt ?? now))
    endings.append(
      Ending(
        request: voice.id, slot: voice.slot, reason: reason, frames: voice.decoded,
        timing: voice.timing))
  }

  /// Fixes when the part that follows an ended one begins to play.
  private mutating func startFollower(of id: RequestID, at instant: Instant) {
    queue.predecessorEnded(id, at: instant)
    for index in voices.indices where voices[index].request.follows == id {
      voices[index].begin(at: instant, configuration)
    }
  }

  /// Ends everything.
  mutating func abort(_ state: Lifecycle) {
    lifecycle = state
    while let voice = voices.last { end(voice.id, .aborted(state)) }
    for queued in queue.removeAll() { dismiss(queued, .aborted(state)) }
    // What a lost device had in flight never completes.
    if state == .failed { inFlight = [] }
  }
}
