// SPDX-License-Identifier: MIT

extension Scheduler {
  /// What to queue on the device now: the most urgent work, until the device is busy for `lookahead`.
  ///
  /// To be asked after every event and at `Plan.wakeAt`. Work in a plan counts as launched.
  package mutating func plan(at instant: Instant) -> Plan {
    now = max(now, instant)
    refreshVoices()
    admit()
    refreshUrgency()
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
    let due = [(codecDue(), Kind.codec), (prefillDue(), .prefill), (stepDue(), .step)]
    let order = due.compactMap { due, kind in
      due.map { (isUrgent($0) ? $0 : .distantFuture, kind) }
    }
    for (_, kind) in order.sorted(by: { ($0.0, $0.1.rawValue) < ($1.0, $1.1.rawValue) }) {
      if let work = make(kind, isIdle: false) { return work }
    }
    // With nothing better to do, waiting for fuller batches or for pages gains nothing.
    guard inFlight.isEmpty else { return nil }
    return make(.step, isIdle: true) ?? make(.prefill, isIdle: true) ?? make(.codec, isIdle: true)
  }

  /// Kinds of work, those that go first at the same due time first.
  private enum Kind: Int { case codec, prefill, step }

  private mutating func make(_ kind: Kind, isIdle: Bool) -> Work? {
    switch kind {
    case .codec: makeCodecBatch(isIdle: isIdle)
    case .prefill: makePrefill(isIdle: isIdle)
    case .step: makeStep(isIdle: isIdle)
    }
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
          at: max(now, voice.dryAt ?? voice.startsAt ?? now)
            + configuration.frameDuration * frames, configuration)
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

  /// Sets the urgency to two rounds of everything, as they are now.
  private mutating func refreshUrgency() {
    let rows = min(voices.count, configuration.largestStep)
    let step = costs.models.reduce(Duration.zero) { $0 + $1.step.estimate(rows) }
    urgency = (step + costs.codec.estimate(configuration.largestCodecBatch)) * 2
  }
}
