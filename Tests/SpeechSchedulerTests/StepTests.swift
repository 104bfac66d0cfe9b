// SPDX-License-Identifier: MIT

import SpeechScheduler
import Testing

@Suite struct StepTests {
  private func rows(_ task: WorkTask?) -> [StepRow] {
    if case .step(_, let rows, _) = task { rows } else { [] }
  }

  @Test func `one step makes a frame of every voice, padded to a bucket`() {
    var rig = Rig()
    for number in 0..<3 { rig.submit(UInt64(number)) }
    rig.plan()
    rig.completeNext()
    let plan = rig.plan()
    guard case .step(0, let rows, let bucket) = plan.work.first?.task else {
      Issue.record("expected a step, found \(plan.work)")
      return
    }
    #expect(rows.map(\.frame) == [0, 0, 0] && bucket == 4)
    #expect(Set(rows.map(\.slot)).count == 3)
  }

  @Test func `nothing comes between a request and its first chunk`() {
    var rig = Rig()
    for number in 0..<3 { rig.submit(UInt64(number)) }
    rig.run(for: .seconds(1))
    // The device is busy for 2 ms at most; then prompt 2 ms, step 2 ms, and the codec is asked.
    let id = rig.submit(9)
    let submitted = rig.now
    rig.run(for: .milliseconds(100))
    let start = rig.codecStart(id)
    #expect(start.map { $0 <= submitted + .milliseconds(6) } ?? false)
  }

  @Test func `when the step is full, who runs dry first goes first`() {
    var configuration = SchedulerConfiguration.small(slots: 3)
    configuration.stepBuckets = [1]
    configuration.leadLimit = .seconds(60)
    configuration.resumeLead = .seconds(60)
    var rig = Rig(configuration)
    let early = rig.submit(0)
    rig.run(for: .milliseconds(300))
    let late = rig.submit(1)
    rig.run(for: .milliseconds(100))
    // The first is eight seconds ahead: the device belongs to the second until it is as far ahead.
    let before = (rig.steps(of: early), rig.steps(of: late))
    rig.run(for: .milliseconds(50))
    #expect(rig.steps(of: early) - before.0 <= 1)
    #expect(rig.steps(of: late) - before.1 >= 10)
  }

  @Test func `a voice far enough ahead is parked and resumes`() {
    var configuration = SchedulerConfiguration.small()
    configuration.leadLimit = .milliseconds(800)
    configuration.resumeLead = .milliseconds(400)
    var rig = Rig(configuration)
    let id = rig.submit(0)
    rig.run(for: .milliseconds(100))
    #expect(rig.scheduler.phase(of: id) == .parked)
    #expect(rig.steps(of: id) <= 12)
    rig.run(for: .seconds(4))
    // Ten seconds of playback need so many frames, and no more than the limit beyond.
    let made = rig.steps(of: id)
    #expect(made >= 4100 / 80 && made <= 4100 / 80 + 12)
    rig.send(.cancel(id))
    rig.plan()
    #expect(rig.endings[id]?.timing.gapCount == 0)
  }

  @Test func `a reader that stops holds up its own voice only`() {
    var configuration = SchedulerConfiguration.small()
    configuration.window = 20
    configuration.clientPatience = .seconds(2)
    var rig = Rig(configuration)
    let deaf = rig.submit(0)
    rig.deaf = [deaf]
    let other = rig.submit(1, frames: 60)
    rig.run(for: .seconds(1))
    #expect(rig.steps(of: deaf) == 20 && rig.scheduler.phase(of: deaf) == .parked)
    #expect(rig.endings[other]?.reason == .stop && rig.endings[other]?.timing.gapCount == 0)
    rig.run(for: .seconds(2))
    #expect(rig.endings[deaf]?.reason == .timedOut)
  }

  @Test func `models take turns by the least slack`() {
    var configuration = SchedulerConfiguration.small()
    configuration.leadLimit = .milliseconds(500)
    configuration.resumeLead = .milliseconds(400)
    var rig = Rig(configuration, costs: .round(models: 2))
    let ids = (0..<4).map { number in rig.submit(number) { $0.model = Int(number % 2) } }
    rig.run(for: .seconds(4))
    for task in rig.tasks {
      guard case .step(let model, let rows, _) = task else { continue }
      #expect(rows.allSatisfy { Int($0.request.rawValue % 2) == model })
    }
    for id in ids {
      rig.send(.cancel(id))
      rig.plan()
      #expect(rig.endings[id]?.timing.gapCount == 0)
    }
    #expect(rig.violations.isEmpty)
  }

  @Test func `a voice nobody listens to is not forgotten`() {
    var configuration = SchedulerConfiguration.small(slots: 8)
    configuration.stepBuckets = [1]
    configuration.maximumLoad = 10
    // Listeners alone need more than the device has.
    var costs = StepCosts.round()
    costs.models[0].step = CostCurve([1: .milliseconds(30)])
    var rig = Rig(configuration, costs: costs)
    for number in 0..<4 { rig.submit(UInt64(number)) }
    let batch = rig.submit(9) { $0.deadlines = .throughput }
    rig.run(for: .seconds(20))
    #expect(rig.steps(of: batch) >= 10)
    #expect((0..<4).allSatisfy { rig.steps(of: RequestID($0)) > rig.steps(of: batch) })
  }

  @Test func `launches ahead of the codes only as far as allowed`() {
    var configuration = SchedulerConfiguration.small()
    configuration.framesInFlight = 2
    configuration.lookahead = .seconds(1)
    var rig = Rig(configuration)
    let id = rig.submit(0)
    rig.plan()
    // The first chunk has to be with the codec before a second frame is made.
    #expect(rig.steps(of: id) == 1)
    rig.run(for: .milliseconds(100))
    #expect(rig.violations.isEmpty && rig.steps(of: id) > 30)
  }
}
