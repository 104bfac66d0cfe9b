// SPDX-License-Identifier: MIT

import SpeechScheduler
import SpeechSimulation
import Testing

@Suite struct StepCostsTests {
  @Test func `the median follows what is measured and ignores one slow step`() {
    var median = MovingMedian(estimate: .milliseconds(9))
    #expect(median.value == .milliseconds(9))
    for _ in 0..<5 { median.record(.milliseconds(2)) }
    median.record(.seconds(1))
    #expect(median.value == .milliseconds(2))
    for _ in 0..<MovingMedian.length { median.record(.milliseconds(3)) }
    #expect(median.value == .milliseconds(3))
  }

  @Test func `costs between and beyond the sizes that are known`() {
    var curve = CostCurve([10: .milliseconds(2), 20: .milliseconds(4)])
    #expect(curve.estimate(1) == .milliseconds(2))
    #expect(curve.estimate(15) == .milliseconds(3))
    #expect(curve.estimate(40) == .milliseconds(8))
    curve.record(15, .milliseconds(2))
    #expect(curve.estimate(15) == .milliseconds(2) && curve.estimate(20) == .milliseconds(4))
    #expect(CostCurve().estimate(7) == .zero)
  }

  @Test func `the scheduler learns from measured times`() {
    var rig = Rig(costs: StepCosts(models: [.init()]))
    rig.submit(0)
    let plan = rig.plan()
    guard let work = plan.work.first else {
      Issue.record("expected a prefill")
      return
    }
    rig.send(.completed(work.id, took: .milliseconds(7)))
    #expect(rig.scheduler.costs.models[0].prefill.estimate(10) == .milliseconds(7))
  }

  @Test func `a table of costs is in milliseconds by size`() {
    #expect(CostTable.largeGPU.costs.codec.estimate(1) == .microseconds(630))
    #expect(CostTable.largeGPU.stepSizes.last == 64)
  }
}
