// SPDX-License-Identifier: MIT

import SpeechScheduler
import Testing

@Suite struct PrefillTests {
  private func slices(_ task: WorkTask?) -> [PromptSlice] {
    if case .prefill(_, let slices) = task { slices } else { [] }
  }

  @Test func `reads the prompts of several requests in one pass`() {
    var rig = Rig()
    for number in 0..<4 { rig.submit(UInt64(number), rows: 15) }
    let plan = rig.plan()
    #expect(plan.work.count == 1)
    #expect(slices(plan.work.first?.task).map(\.rows) == Array(repeating: 0..<15, count: 4))
  }

  @Test func `reads a long prompt in several passes`() {
    var rig = Rig()
    let id = rig.submit(0, rows: 150, frames: 1)
    rig.run(for: .seconds(1))
    let rows = rig.tasks.flatMap { slices($0) }.map(\.rows)
    #expect(rows == [0..<64, 64..<128, 128..<150])
    #expect(rig.endings[id]?.reason == .stop)
  }

  @Test func `a prompt takes no longer than those who speak can bear`() {
    var configuration = SchedulerConfiguration.small()
    configuration.leadLimit = .milliseconds(120)
    configuration.resumeLead = .milliseconds(100)
    configuration.margin = .milliseconds(60)
    var rig = Rig(configuration, costs: slowPrefill)
    let speaker = rig.submit(0, rows: 10)
    rig.run(for: .seconds(2))
    let newcomer = rig.submit(1, rows: 60, frames: 5)
    rig.run(for: .seconds(3))
    let newcomerSlices = rig.tasks.flatMap { slices($0) }.filter { $0.request == newcomer }
    // 60 rows would take 300 ms; the speaker is never further ahead than two frames and the limit.
    #expect(newcomerSlices.count > 1)
    #expect(rig.endings[newcomer]?.reason == .stop)
    rig.send(.cancel(speaker))
    rig.plan()
    #expect(rig.endings[speaker]?.timing.gapCount == 0)
  }

  /// A prefill of 5 ms a row.
  private var slowPrefill: StepCosts {
    var costs = StepCosts.round()
    costs.models[0].prefill = CostCurve([1: .milliseconds(5), 101: .milliseconds(505)])
    return costs
  }

  @Test func `a prompt that nobody leaves time for is read when its patience ends`() {
    var configuration = SchedulerConfiguration.small(slots: 8)
    configuration.maximumLoad = 10
    configuration.prefillPatience = .milliseconds(300)
    // A step takes longer than the frames it makes: everybody is always late.
    var costs = slowPrefill
    costs.models[0].step = CostCurve([1: .milliseconds(100)])
    var rig = Rig(configuration, costs: costs)
    for number in 0..<2 { rig.submit(UInt64(number)) }
    rig.run(for: .seconds(2))
    let newcomer = rig.submit(5, rows: 10, frames: 2)
    let submitted = rig.now
    rig.run(for: .seconds(5))
    let prefilled = rig.endings[newcomer]?.timing.prefilled
    #expect(prefilled.map { $0 >= submitted + .milliseconds(300) } ?? false)
    #expect(rig.endings[newcomer]?.reason == .stop)
  }
}
