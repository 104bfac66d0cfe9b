// SPDX-License-Identifier: MIT

extension Scheduler {
  /// What to queue on the device now: the most urgent work, until the device is busy for `lookahead`.
  ///
  /// To be asked after every event and at `Plan.wakeAt`. Work in a plan counts as launched.
  package mutating func plan(at instant: Instant) -> Plan {
    now = max(now, instant)
    refreshVoices()
    admit()
    var plan = Plan()
    while hasRoomForWork, let work = makeWork() { plan.work.append(work) }
    plan.endings = endings
    endings = []
    plan.wakeAt = nextWake()
    return plan
  }

  /// Work the device has left to do, by estimate.
  var backlog: Duration {
    let estimate = inFlight.reduce(Duration.zero) { $0 + costs.estimate($1.task) }
    return max(.zero, estimate - runningSince.duration(to: now))
  }

  private var hasRoomForWork: Bool {
    inFlight.isEmpty
      || (inFlight.count < configuration.workInFlight && backlog <= configuration.lookahead)
  }

  /// Launches the most urgent work that can be launched.
  ///
  /// When nothing is urgent, the codec goes before the model: its batches are full as soon as it is
  /// ready, it frees the slots of voices that have ended, and meanwhile more voices gather for the step.
  private mutating func makeWork() -> Work? {
    typealias Candidate = (due: Instant?, make: (inout Scheduler) -> Work?)
    let candidates: [Candidate] = [
      (codecDue(), { $0.makeCodecBatch(isIdle: false) }),
      (prefillDue(), { $0.makePrefill(isIdle: false) }),
      (stepDue(), { $0.makeStep(isIdle: false) }),
    ]
    let order = candidates.enumerated().compactMap { rank, candidate in
      candidate.due.map { (isUrgent($0) ? $0 : .distantFuture, rank, candidate.make) }
    }
    for (_, _, make) in order.sorted(by: { ($0.0, $0.1) < ($1.0, $1.1) }) {
      if let work = make(&self) { return work }
    }
    // With nothing better to do, waiting for fuller batches or for pages gains nothing.
    guard inFlight.isEmpty else { return nil }
    return makeStep(isIdle: true) ?? makePrefill(isIdle: true) ?? makeCodecBatch(isIdle: true)
  }

  mutating func launch(_ task: WorkTask, pages: [PageOperation]) -> Work {
    let work = Work(id: WorkID(nextWork), pages: pages, task: task)
    nextWork += 1
    if inFlight.isEmpty { runningSince = now }
    inFlight.append(work)
    return work
  }

  /// Parks and resumes voices, and ends those whose client is gone.
  private mutating func refreshVoices() {
    for index in voices.indices {
      if let before = voices[index].request.follows, let other = voiceIndex[before] {
        let voice = voices[other]
        let frames = (voice.end?.frames ?? voice.launched) - voice.decoded
        voices[index].begin(
          at: max(now, voice.dryAt ?? now) + configuration.frameDuration * frames, configuration)
      }
      let voice = voices[index]
      let isFull = voice.isFull(configuration.window)
      let lead = voice.lead(configuration, at: now)
      voices[index].isParked =
        isFull || lead >= (voice.isParked ? configuration.resumeLead : configuration.leadLimit)
      let isBlocked = voice.end == nil && (isFull || voice.isStarved)
      voices[index].blockedSince = isBlocked ? voice.blockedSince ?? now : nil
    }
    let patience = configuration.clientPatience
    for voice in voices where voice.blockedSince.map({ $0 + patience <= now }) ?? false {
      end(voice.id, .timedOut)
    }
  }

  /// When a voice resumes or loses patience though nothing happens.
  private func nextWake() -> Instant? {
    // Rounded down to a nanosecond, a wait must not become none.
    let soonest = now + .nanoseconds(1)
    var wake: Instant?
    func consider(_ instant: Instant) {
      wake = min(wake ?? .distantFuture, max(instant, soonest))
    }
    for voice in voices {
      if let since = voice.blockedSince { consider(since + configuration.clientPatience) }
      if voice.isParked, !voice.isFull(configuration.window), voice.end == nil {
        let excess = voice.lead(configuration, at: now) - configuration.resumeLead
        consider(now + excess)
      }
    }
    for voice in voices where !voice.isRead {
      let patience = voice.admitted + configuration.prefillPatience
      if patience > now { consider(patience) }
    }
    if !inFlight.isEmpty, inFlight.count < configuration.workInFlight {
      let excess = backlog - configuration.lookahead
      if excess > .zero { consider(now + excess) }
    }
    return wake
  }

  /// Whether a voice needs its next frame so soon that fuller batches do not matter.
  func isUrgent(_ due: Instant) -> Bool { due < now + urgency }

  /// Two rounds of everything.
  var urgency: Duration {
    let step = costs.models.map { $0.step.estimate(min(voices.count, configuration.largestStep)) }
    let codec = costs.codec.estimate(configuration.largestCodecBatch)
    return (step.reduce(.zero, +) + codec) * 2
  }
}
