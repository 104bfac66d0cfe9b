// SPDX-License-Identifier: MIT

import SpeechScheduler
import SpeechSimulation

/// Clients, a device and an operator that do anything they may, at random times.
struct RandomWorld {
  enum Outcome: Hashable {
    case stop, limit, runaway, cancelled, timedOut, failed, refused, aborted
  }

  /// What a client will do.
  private struct Client {
    var request: ScheduledRequest
    var submitted: Instant
    /// Frames the model will make of it.
    var speech: Int
    /// Text tokens still to be written, and when the next are.
    var textLeft = 0
    var nextText: Instant?
    /// Frames taken from the buffer at each reading, 0 for a reader that has stopped.
    var reads = Int.max
    var nextRead: Instant?
    var delivered = 0
    var consumed = 0
    var leavesAt: Instant?
    /// The frame at which the detector calls it a runaway.
    var loopsAt: Int?
  }

  private let seed: UInt64
  private var random: SplitMix
  private let configuration: SchedulerConfiguration
  private let costs: StepCosts
  private var scheduler: Scheduler
  private var checker: PlanChecker
  private var device = SimulatedDevice()
  private var clients: [RequestID: Client] = [:]
  private var nextID: UInt64 = 0
  private var now = Instant.zero
  private var nextArrival: Instant? = .zero
  /// Mean time between requests, in milliseconds.
  private let pace: Double
  private var admissions: [RequestClass: [(submitted: Instant, admitted: Instant)]] = [:]

  private(set) var eventCount = 0
  private(set) var endings: [Outcome: Int] = [:]
  private(set) var swaps = 0
  private(set) var problems: [String] = []

  init(seed: UInt64) {
    self.seed = seed
    var random = SplitMix(seed: seed)
    var configuration = SchedulerConfiguration.small(
      slots: [1, 3, 8, 24].randomElement(using: &random) ?? 1,
      queue: [0, 4, 40].randomElement(using: &random) ?? 0,
      pages: Int.random(in: 8...120, using: &random))
    configuration.hostPages = random.chance(0.6) ? Int.random(in: 1...150, using: &random) : 0
    configuration.pageSize = [4, 16, 64].randomElement(using: &random) ?? 64
    configuration.framesInFlight = Int.random(in: 1...3, using: &random)
    configuration.workInFlight = Int.random(in: 1...4, using: &random)
    configuration.lookahead = .milliseconds(Int.random(in: 0...4, using: &random))
    configuration.continuationSlots = min(configuration.slotCount - 1, random.chance(0.5) ? 1 : 0)
    configuration.backgroundSlots = Int.random(in: 1...4, using: &random)
    configuration.window = Int.random(in: 4...60, using: &random)
    configuration.leadLimit = .milliseconds(Int.random(in: 300...4000, using: &random))
    configuration.resumeLead = configuration.leadLimit * 3 / 4
    configuration.clientPatience = .seconds(2)
    configuration.classDelay = [.zero, .milliseconds(200), .seconds(2)]
    let models = Int.random(in: 1...3, using: &random)
    costs = StepCosts(
      models: (0..<models).map { _ in
        StepCosts.Model(
          prefill: CostCurve([16: .milliseconds(3), 64: .milliseconds(9)]),
          step: CostCurve([1: .milliseconds(2), 8: .milliseconds(4)]))
      }, codec: CostCurve([1: .milliseconds(1), 16: .milliseconds(5)]))
    device.hasCodecQueue = random.chance(0.5)
    pace = Double.random(in: 3...120, using: &random)
    self.configuration = configuration
    // The scheduler may begin with no idea of what work takes.
    scheduler = Scheduler(
      configuration,
      costs: random.chance(0.5)
        ? costs : StepCosts(models: costs.models.map { _ in StepCosts.Model() }))
    checker = PlanChecker(configuration)
    self.random = random
  }

  // MARK: - Time

  mutating func run(events: Int) {
    while eventCount < events && problems.isEmpty { advance() }
  }

  /// Lets everybody come to an end, in one of the ways an operator has.
  mutating func finish() {
    nextArrival = nil
    switch seed % 4 {
    case 0: send(.stop)
    case 1: send(.deviceFailed)
    default: send(.drain)
    }
    submit()
    if seed % 4 == 1 { device.removeAll() }
    // Drained, everything takes its own time; a voice nobody reads ends by the patience for it.
    let limit = now + .seconds(3600)
    while problems.isEmpty, now < limit, !(scheduler.isIdle && clients.isEmpty) { advance() }
    if !scheduler.isIdle || !clients.isEmpty { fail("not idle an hour after the end") }
    checker.expectNothingLeft()
    collectViolations()
    checkOrder()
  }

  private mutating func fail(_ problem: String) {
    problems.append("seed \(seed), event \(eventCount), \(now.nanoseconds) ns: \(problem)")
  }

  private mutating func collectViolations() {
    for violation in checker.violations { fail(violation) }
  }

  private mutating func send(_ event: SchedulerEvent) {
    eventCount += 1
    checker.observe(event)
    scheduler.handle(event, at: now)
  }

  private mutating func advance() {
    let plan = scheduler.plan(at: now)
    checker.follow(plan)
    for ending in plan.endings { end(ending) }
    for work in plan.work {
      let factor = Double.random(in: 0.5...2, using: &random)
      device.launch(work, cost: costs.estimate(work.task) * factor, at: now)
    }
    checkStatus()
    collectViolations()
    let next = [nextArrival, device.nextDone, plan.wakeAt, agenda.last?.at].compactMap { $0 }.min()
    guard let next else {
      if !clients.isEmpty { fail("\(clients.count) requests wait and nothing will happen") }
      return
    }
    now = max(now, next)
    while let done = device.nextDone, done <= now {
      if let (work, _) = device.takeDone() { complete(work) }
    }
    while let entry = agenda.last, entry.at <= now {
      agenda.removeLast()
      act(entry.id)
    }
    if let arrival = nextArrival, arrival <= now {
      submit()
      let wait = pace * Double.random(in: 0...2, using: &random)
      nextArrival = now + .microseconds(Int(wait * 1000))
    }
    if random.chance(0.0005) { send(.devicePages(count: Int.random(in: 8...120, using: &random))) }
  }

  // MARK: - Clients

  /// When clients act next, the latest first. An entry may be out of date: then nothing happens.
  private var agenda: [(at: Instant, id: RequestID)] = []

  private mutating func remind(_ id: RequestID, at instant: Instant?) {
    guard let instant else { return }
    var index = agenda.endIndex
    while index > 0, (agenda[index - 1].at, agenda[index - 1].id) < (instant, id) { index -= 1 }
    agenda.insert((instant, id), at: index)
  }

  private mutating func submit() {
    let id = RequestID(nextID)
    nextID += 1
    let limit = Int.random(in: 1...90, using: &random)
    var request = ScheduledRequest(
      id: id, promptRows: Int.random(in: 1...100, using: &random), budget: FrameBudget(limit),
      expectedFrames: Int.random(in: 1...limit, using: &random))
    request.model = Int.random(in: 0..<costs.models.count, using: &random)
    request.priority = RequestClass.allCases.randomElement(using: &random) ?? .standard
    request.deadlines = random.chance(0.2) ? .throughput : .playback
    request.chunks = ChunkSizes(
      first: Int.random(in: 1...4, using: &random), later: Int.random(in: 1...12, using: &random))
    var client = Client(
      request: request, submitted: now, speech: Int.random(in: 0...100, using: &random))
    if random.chance(0.3) {
      client.request.isTextOpen = true
      client.request.trailingTokens = Int.random(in: 0...3, using: &random)
      client.request.textTokens = client.request.trailingTokens
      client.request.budget = FrameBudget(base: 2, perToken: 3, limit: limit)
      client.textLeft = Int.random(in: 0...30, using: &random)
      // Some writers never come back.
      client.nextText = random.chance(0.05) ? nil : now
    }
    if random.chance(0.2) {
      client.reads = random.chance(0.2) ? 0 : Int.random(in: 1...6, using: &random)
    }
    if random.chance(0.2) {
      client.leavesAt = now + .milliseconds(Int.random(in: 0...3000, using: &random))
    }
    if random.chance(0.05) { client.loopsAt = Int.random(in: 0...limit, using: &random) }
    if random.chance(0.1), let before = speaking.randomElement(using: &random) {
      client.request.follows = before
    }
    clients[id] = client
    send(.submit(client.request))
    remind(id, at: client.nextText)
    remind(id, at: client.leavesAt)
  }

  /// Requests with a slot, in order.
  private var speaking: [RequestID] {
    clients.keys.filter { scheduler.phase(of: $0) != nil }.sorted()
  }

  /// What a client does now.
  private mutating func act(_ id: RequestID) {
    guard let client = clients[id] else { return }
    if let time = client.leavesAt, time <= now {
      clients[id]?.leavesAt = nil
      send(random.chance(0.8) ? .cancel(id) : .failed(id))
    }
    if let time = client.nextText, time <= now {
      clients[id]?.nextText = now + .milliseconds(Int.random(in: 0...600, using: &random))
      if client.textLeft == 0 {
        clients[id]?.nextText = nil
        send(.textEnded(id))
      } else {
        let tokens = Int.random(in: 1...min(4, client.textLeft), using: &random)
        clients[id]?.textLeft -= tokens
        send(.textAppended(id, tokens: tokens))
      }
      remind(id, at: clients[id]?.nextText)
    }
    if let time = client.nextRead, time <= now {
      let frames = min(client.reads, client.delivered - client.consumed)
      clients[id]?.consumed += frames
      let isLeft = client.consumed + frames < client.delivered && client.reads > 0
      clients[id]?.nextRead =
        isLeft ? now + .milliseconds(Int.random(in: 10...200, using: &random)) : nil
      if frames > 0 { send(.consumed(id, frames: frames)) }
      remind(id, at: clients[id]?.nextRead)
    }
  }

  // MARK: - The device

  private mutating func complete(_ work: Work) {
    var ended: [RequestID] = []
    if case .step(_, let rows, _) = work.task {
      ended = rows.filter { row in clients[row.request].map { row.frame >= $0.speech } ?? false }
        .map(\.request)
    }
    let took = random.chance(0.7) ? costs.estimate(work.task) : nil
    send(.completed(work.id, ended: ended, took: took))
    switch work.task {
    case .codec(let segments, _):
      for segment in segments where clients[segment.request] != nil {
        clients[segment.request]?.delivered = segment.frames.upperBound
        clients[segment.request]?.nextRead = now
        remind(segment.request, at: now)
      }
    case .step(_, let rows, _):
      for row in rows where clients[row.request]?.loopsAt == row.frame {
        send(.runaway(row.request, frames: max(0, row.frame - 3)))
      }
    case .prefill: break
    }
  }

  private mutating func end(_ ending: Ending) {
    guard let client = clients.removeValue(forKey: ending.request) else {
      return fail("\(ending.request) ended and is nobody's")
    }
    let outcome: Outcome =
      switch ending.reason {
      case .stop: .stop
      case .limit: .limit
      case .runaway: .runaway
      case .cancelled: .cancelled
      case .timedOut: .timedOut
      case .failed: .failed
      case .refused: .refused
      case .aborted: .aborted
      }
    endings[outcome, default: 0] += 1
    swaps += ending.timing.swaps
    if ending.reason == .stop && ending.frames != client.speech {
      fail("\(ending.request) made \(ending.frames) frames of \(client.speech)")
    }
    if let admitted = ending.timing.admitted, client.request.follows == nil {
      admissions[client.request.priority, default: []].append((client.submitted, admitted))
    }
  }

  private mutating func checkStatus() {
    let status = scheduler.status
    if status.waiting > configuration.queueLimit { fail("\(status.waiting) requests wait") }
    let voices = status.voices.values.reduce(0, +)
    if voices > configuration.slotCount { fail("\(voices) voices") }
    if status.pagesUsed < 0 || status.pagesUsed > status.pages { fail("\(status.pagesUsed) pages") }
  }

  /// Within a class nobody is admitted before those who came earlier.
  private mutating func checkOrder() {
    for (priority, times) in admissions {
      let inOrder = times.sorted { ($0.submitted, $0.admitted) < ($1.submitted, $1.admitted) }
      if !zip(inOrder, inOrder.dropFirst()).allSatisfy({ $0.admitted <= $1.admitted }) {
        fail("\(priority) requests were admitted out of order")
      }
    }
  }
}
