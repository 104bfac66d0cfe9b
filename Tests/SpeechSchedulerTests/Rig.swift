// SPDX-License-Identifier: MIT

import SpeechScheduler
import SpeechSimulation

/// A scheduler before a device that takes exactly what work costs, with readers that read at once, and
/// everything that happens written down.
struct Rig {
  var scheduler: Scheduler
  private var checker: PlanChecker
  private var device = SimulatedDevice()
  let costs: StepCosts
  var now = Instant.zero
  /// Frames until a request's end token; others never end.
  var lengths: [RequestID: Int] = [:]
  /// Requests whose listeners do not read.
  var deaf: Set<RequestID> = []
  private(set) var endings: [RequestID: Ending] = [:]
  private(set) var launched: [(at: Instant, work: Work)] = []
  private(set) var heard: [RequestID: Int] = [:]
  private var wakeAt: Instant?

  init(_ configuration: SchedulerConfiguration = .small(), costs: StepCosts = .round()) {
    self.costs = costs
    scheduler = Scheduler(configuration, costs: costs)
    checker = PlanChecker(configuration)
  }

  mutating func send(_ event: SchedulerEvent) {
    checker.observe(event)
    scheduler.handle(event, at: now)
  }

  /// Submits a request of `rows` prompt rows whose speech has `frames`.
  @discardableResult
  mutating func submit(
    _ number: UInt64, rows: Int = 10, frames: Int? = nil, limit: Int = 500,
    _ change: (inout ScheduledRequest) -> Void = { _ in }
  ) -> RequestID {
    let id = RequestID(number)
    var request = ScheduledRequest(
      id: id, promptRows: rows, budget: FrameBudget(limit), expectedFrames: min(40, limit))
    change(&request)
    lengths[id] = frames
    send(.submit(request))
    return id
  }

  /// Asks for a plan and queues its work.
  @discardableResult
  mutating func plan() -> Plan {
    let plan = scheduler.plan(at: now)
    checker.follow(plan)
    for ending in plan.endings { endings[ending.request] = ending }
    for work in plan.work {
      launched.append((now, work))
      device.launch(work, cost: costs.estimate(work.task), at: now)
    }
    wakeAt = plan.wakeAt
    return plan
  }

  /// Completes the next work that is done.
  mutating func completeNext() {
    guard let (work, done) = device.takeDone() else { return }
    now = max(now, done)
    var ended: [RequestID] = []
    if case .step(_, let rows, _) = work.task {
      ended = rows.filter { $0.frame == lengths[$0.request] }.map(\.request)
    }
    send(.completed(work.id, ended: ended))
    guard case .codec(let segments, _) = work.task else { return }
    for segment in segments {
      heard[segment.request, default: 0] += segment.frames.count
      if !deaf.contains(segment.request) {
        send(.consumed(segment.request, frames: segment.frames.count))
      }
    }
  }

  /// Lets time pass.
  mutating func run(for duration: Duration) {
    let end = now + duration
    while true {
      plan()
      guard let next = [device.nextDone, wakeAt].compactMap({ $0 }).min(), next <= end else {
        break
      }
      if device.nextDone == next { completeNext() } else { now = max(now, next) }
    }
    now = end
    plan()
  }

  /// What the device could not have done.
  var violations: [String] { checker.violations }

  mutating func expectNothingLeft() { checker.expectNothingLeft() }

  /// The tasks launched so far.
  var tasks: [WorkTask] { launched.map(\.work.task) }
  /// The page operations so far.
  var pageOperations: [PageOperation] { launched.flatMap(\.work.pages) }

  /// When a request's first chunk was queued.
  func codecStart(_ id: RequestID) -> Instant? {
    launched.first { entry in
      guard case .codec(let segments, _) = entry.work.task else { return false }
      return segments.contains { $0.request == id }
    }?.at
  }

  /// Steps that a request was in.
  func steps(of id: RequestID) -> Int {
    tasks.count {
      guard case .step(_, let rows, _) = $0 else { return false }
      return rows.contains { $0.request == id }
    }
  }
}
