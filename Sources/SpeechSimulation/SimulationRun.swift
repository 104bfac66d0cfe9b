// SPDX-License-Identifier: MIT

import SpeechScheduler

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// One run of a simulation: time goes from event to event. Requests arrive by its own clock (`toEnd`), or are
/// submitted by whoever drives several (`FleetSimulation`).
struct SimulationRun {
  private struct Speech {
    var frames: Int
    var arrived: Instant
    var isMeasured: Bool
    /// The frame after which the caller leaves.
    var leavesAfter: Int?
  }

  private let simulation: SchedulerSimulation
  private let load: SpeechLoad
  private var scheduler: Scheduler
  private var device = SimulatedDevice()
  private var random: SplitMix
  private var speeches: [RequestID: Speech] = [:]
  private var nextArrival: Instant?
  private var arrivals: UInt64 = 0
  private var now = Instant.zero
  /// When something happens next, in a run that is driven.
  private var pending: Instant?

  private var voiceTime = 0.0
  private var (stepCount, rowCount, frameCount) = (0, 0, 0)
  private(set) var result: LoadResult

  /// - Parameter isDriven: Whether requests are submitted from outside.
  init(_ simulation: SchedulerSimulation, _ load: SpeechLoad, isDriven: Bool = false) {
    self.simulation = simulation
    self.load = load
    scheduler = Scheduler(simulation.configuration, costs: simulation.costs)
    device.hasCodecQueue = simulation.hasCodecQueue
    random = SplitMix(seed: load.seed)
    result = LoadResult(load: load)
    if !isDriven { scheduleArrival() }
  }

  /// Requests that have no ending yet.
  var openCount: Int { speeches.count }

  /// Lets time pass, and then submits a request.
  mutating func submit(at instant: Instant) {
    run(until: instant)
    advance(to: instant)
    arrive()
    pending = step()
  }

  /// Lets everything happen that happens by then.
  mutating func run(until instant: Instant) {
    while let next = pending, next <= instant {
      advance(to: next)
      pending = step()
    }
  }

  mutating func toEnd() {
    while let next = step() { advance(to: next) }
    let seconds = max(now.nanoseconds, 1)
    result.firstAudio.sort()
    result.queued.sort()
    result.utilisation = Double(device.busy.wholeNanoseconds) / Double(seconds)
    result.meanVoices = voiceTime / Double(seconds)
    result.meanRows = Double(rowCount) / Double(max(stepCount, 1))
    let audio = simulation.configuration.frameDuration * frameCount
    result.audioRate = Double(audio.wholeNanoseconds) / Double(seconds)
  }

  /// Plans, launches, and says when something happens next.
  private mutating func step() -> Instant? {
    let plan = scheduler.plan(at: now)
    for ending in plan.endings { record(ending) }
    for work in plan.work {
      let cost = simulation.cost(work)
      let spread = Double.random(in: -simulation.jitter...simulation.jitter, using: &random)
      device.launch(work, cost: cost * (1 + spread), at: now)
    }
    let done = device.nextDone.map { $0 + simulation.hostLatency }
    return [nextArrival, done, plan.wakeAt].compactMap { $0 }.min()
  }

  private mutating func advance(to next: Instant) {
    voiceTime +=
      Double(max(0, next.nanoseconds - now.nanoseconds))
      * Double(scheduler.voiceCount)
    now = max(now, next)
    if let arrival = nextArrival, arrival <= now {
      arrive()
      scheduleArrival()
    }
    while let done = device.nextDone, done + simulation.hostLatency <= now {
      if let (work, _) = device.takeDone() { complete(work) }
    }
  }

  private mutating func scheduleArrival() {
    let wait = random.exponential() / load.requestsPerSecond
    let next = (nextArrival ?? .zero) + .nanoseconds(Int64(wait * 1e9))
    nextArrival = next < .zero + load.warmUp + load.measured ? next : nil
  }

  private mutating func arrive() {
    let mean = load.meanAudio / simulation.configuration.frameDuration
    // The mean of three exponentials, within limits: lengths of sentences.
    let spread = (random.exponential() + random.exponential() + random.exponential()) / 3
    let frames = max(2, Int((mean * min(max(spread, 0.4), 2.5)).rounded()))
    let id = RequestID(arrivals)
    arrivals += 1
    var request = ScheduledRequest(
      id: id, promptRows: Int.random(in: load.promptRows, using: &random),
      budget: FrameBudget(frames * 2), expectedFrames: frames)
    request.chunks = load.chunks
    let leaves = random.chance(load.cancelShare)
    speeches[id] = Speech(
      frames: frames, arrived: now, isMeasured: now >= .zero + load.warmUp,
      leavesAfter: leaves ? Int.random(in: 0..<frames, using: &random) : nil)
    scheduler.handle(.submit(request), at: now)
  }

  private mutating func complete(_ work: Work) {
    var ended: [RequestID] = []
    if case .step(_, let rows, _) = work.task {
      stepCount += 1
      rowCount += rows.count
      ended = rows.filter { $0.frame == speeches[$0.request]?.frames }.map(\.request)
    }
    scheduler.handle(.completed(work.id, ended: ended, took: simulation.cost(work)), at: now)
    guard case .codec(let segments, _) = work.task else { return }
    for segment in segments {
      frameCount += segment.frames.count
      scheduler.handle(.consumed(segment.request, frames: segment.frames.count), at: now)
      if let last = speeches[segment.request]?.leavesAfter, last < segment.frames.upperBound {
        scheduler.handle(.cancel(segment.request), at: now)
      }
    }
  }

  private mutating func record(_ ending: Ending) {
    guard let speech = speeches.removeValue(forKey: ending.request), speech.isMeasured else {
      return
    }
    result.requests += 1
    if case .refused = ending.reason { result.refused += 1 }
    if let first = ending.timing.firstAudio {
      result.firstAudio.append(speech.arrived.duration(to: first))
    }
    if let admitted = ending.timing.admitted {
      result.queued.append(speech.arrived.duration(to: admitted))
    }
    if ending.timing.gapCount > 0 { result.withGaps += 1 }
    result.longestGap = max(result.longestGap, ending.timing.longestGap)
  }
}

extension SplitMix {
  /// An exponentially distributed number with mean 1.
  mutating func exponential() -> Double {
    -log(1 - Double.random(in: 0..<1, using: &self))
  }
}
