// SPDX-License-Identifier: MIT

// Who gets a slot: in order within a class, when slot, pages and time last.

extension Scheduler {
  /// Pages for the prompt and all frames there may be. The last frame needs no row, but has one.
  func committedPages(for request: ScheduledRequest) -> Int {
    configuration.pages(forPositions: request.promptRows + request.budget.limit)
  }

  mutating func admit() {
    admission: while !freeSlots.isEmpty {
      for lane in queue.order {
        guard let queued = queue.head(of: lane) else { continue }
        // A class that has its share, or listeners that there is no time for, let other classes pass…
        guard hasShare(queued.request, lane) else { continue }
        // …but not a request that needs many pages: it would never find them.
        guard hasPages(queued.request) else { return }
        queue.removeHead(of: lane)
        admit(queued)
        continue admission
      }
      return
    }
  }

  private mutating func admit(_ queued: QueuedRequest) {
    guard let slot = freeSlots.popLast() else { return }
    let pages = (
      committed: committedPages(for: queued.request), expected: expectedPages(for: queued.request)
    )
    voiceIndex[queued.request.id] = voices.count
    voices.append(Voice(queued, slot: slot, pages: pages, at: now))
    committedPages += pages.committed
    reservedPages += pages.expected
  }

  private func expectedPages(for request: ScheduledRequest) -> Int {
    configuration.pages(forPositions: request.promptRows + request.expectedFrames)
  }

  /// Whether the device holds what is expected of everybody, and device and host together the most that
  /// they may need. The second makes swapping safe: whoever is most urgent can always get its pages,
  /// because the others' fit on the host.
  private func hasPages(_ request: ScheduledRequest) -> Bool {
    let pages = min(devicePages.target, devicePages.total)
    return reservedPages + expectedPages(for: request) <= pages
      && committedPages + committedPages(for: request) <= pages + hostPages.total
  }

  private func hasShare(_ request: ScheduledRequest, _ lane: RequestQueue.Lane) -> Bool {
    if lane == .continuation { return true }
    guard freeSlots.count > configuration.continuationSlots else { return false }
    if request.priority == .background {
      let taken = voices.count { $0.request.priority == .background }
      guard taken < configuration.backgroundSlots else { return false }
    }
    return request.deadlines == .throughput || hasTime(for: request)
  }

  /// Whether all listeners, and one more, can be served in real time.
  private func hasTime(for request: ScheduledRequest) -> Bool {
    var listeners = [Int](repeating: 0, count: costs.models.count)
    for voice in voices where voice.request.deadlines == .playback && voice.end == nil {
      listeners[voice.request.model] += 1
    }
    // Alone, a request is served however slow the device is.
    if listeners.allSatisfy({ $0 == 0 }) { return true }
    listeners[request.model] += 1
    return load(listeners: listeners) <= configuration.maximumLoad
  }

  /// The share of real time that so many listeners of each model take.
  package func load(listeners: [Int]) -> Double {
    var time = Duration.zero
    for (model, count) in listeners.enumerated() {
      let (full, rest) = count.quotientAndRemainder(dividingBy: configuration.largestStep)
      time += costs.models[model].step.estimate(configuration.largestStep) * full
      if rest > 0 {
        let bucket = SchedulerConfiguration.bucket(for: rest, in: configuration.stepBuckets)
        time += costs.models[model].step.estimate(bucket)
      }
    }
    // Listeners' frames wait for each other, so that batches are as full as there are frames.
    let frames = listeners.reduce(0, +)
    let batch = SchedulerConfiguration.bucket(
      for: min(frames, configuration.largestCodecBatch), in: configuration.codecBuckets)
    time += costs.codec.estimate(batch) * frames / batch
    return time / configuration.frameDuration
  }
}
