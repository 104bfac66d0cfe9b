// SPDX-License-Identifier: MIT

import SpeechScheduler
import Testing

@Suite struct EndingTests {
  @Test func `a cancelled request in the queue never touches the device`() {
    var rig = Rig(.small(slots: 1))
    rig.submit(0, frames: 5)
    let id = rig.submit(1)
    rig.plan()
    rig.send(.cancel(id))
    #expect(rig.plan().endings.map(\.reason) == [.cancelled])
    rig.run(for: .seconds(1))
    #expect(rig.steps(of: id) == 0 && rig.endings[id]?.slot == nil)
  }

  /// In every phase: while its prompt is read, its frame made, its chunk decoded.
  @Test(arguments: 0..<6)
  func `a cancelled voice frees slot and pages at once`(completed: Int) {
    var rig = Rig(.small(slots: 1))
    let id = rig.submit(0)
    let next = rig.submit(1, frames: 3)
    rig.plan()
    for _ in 0..<completed {
      rig.completeNext()
      rig.plan()
    }
    rig.send(.cancel(id))
    #expect(rig.scheduler.status.pagesUsed == 0)
    let plan = rig.plan()
    #expect(plan.endings.first?.reason == .cancelled && plan.endings.first?.slot == 0)
    // What is still in flight for the first is not taken for the second's.
    #expect(rig.scheduler.phase(of: next) != nil)
    rig.run(for: .seconds(1))
    #expect(rig.endings[next]?.reason == .stop && rig.endings[next]?.frames == 3)
    #expect(rig.violations.isEmpty)
  }

  @Test func `ends at the caller's limit`() {
    var rig = Rig()
    let id = rig.submit(0, limit: 7)
    rig.run(for: .seconds(1))
    #expect(rig.endings[id]?.reason == .limit && rig.endings[id]?.frames == 7)
  }

  @Test func `ends as runaway past what its text can need`() {
    var rig = Rig()
    let id = rig.submit(0) {
      $0.textTokens = 3
      $0.budget = FrameBudget(base: 4, perToken: 5, limit: 200)
    }
    rig.run(for: .seconds(1))
    #expect(rig.endings[id]?.reason == .runaway && rig.endings[id]?.frames == 19)
  }

  @Test(
    arguments: [
      (7, 5, .runaway), (7, 7, .limit), (7, 9, .limit), (7, nil, .limit), (.max, 7, .runaway),
    ] as [(Int, Int?, EndReason)])
  func `what comes first of a limit and a text's bound is the reason`(
    limit: Int, text: Int?, reason: EndReason
  ) {
    var rig = Rig()
    let id = rig.submit(0) { $0.budget = FrameBudget(limit, text: text) }
    rig.run(for: .seconds(1))
    #expect(rig.endings[id]?.reason == reason)
    #expect(rig.endings[id]?.frames == min(limit, text ?? limit))
  }

  @Test func `cuts a runaway after its last good frame, or after what cannot be taken back`() {
    var rig = Rig()
    let id = rig.submit(0) { $0.chunks = ChunkSizes(first: 1, later: 30) }
    while rig.steps(of: id) < 20 {
      rig.plan()
      rig.completeNext()
    }
    rig.send(.runaway(id, frames: 12))
    rig.run(for: .seconds(1))
    #expect(rig.endings[id]?.reason == .runaway && rig.endings[id]?.frames == 12)
    let other = rig.submit(1) { $0.chunks = ChunkSizes(first: 1, later: 2) }
    rig.run(for: .milliseconds(50))
    rig.send(.runaway(other, frames: 1))
    rig.run(for: .seconds(1))
    #expect(rig.endings[other]?.frames == rig.heard[other])
    #expect((rig.heard[other] ?? 0) > 2)
    #expect(rig.violations.isEmpty)
  }

  @Test func `draining refuses the new and finishes the old, those in the queue too`() {
    var rig = Rig(.small(slots: 1))
    let ids = (0..<3).map { rig.submit($0, frames: 4) }
    rig.plan()
    rig.send(.drain)
    let late = rig.submit(9)
    rig.run(for: .seconds(2))
    #expect(rig.endings[late]?.reason == .refused(.notRunning(.draining)))
    #expect(ids.allSatisfy { rig.endings[$0]?.reason == .stop })
    #expect(rig.scheduler.isIdle)
  }

  @Test(arguments: [SchedulerEvent.stop, .deviceFailed])
  func `stopping and losing the device end everybody`(event: SchedulerEvent) {
    var rig = Rig(.small(slots: 2))
    let ids = (0..<4).map { rig.submit($0) }
    rig.run(for: .milliseconds(20))
    rig.send(event)
    let state: Lifecycle = event == .stop ? .stopped : .failed
    #expect(rig.plan().work.isEmpty)
    #expect(ids.allSatisfy { rig.endings[$0]?.reason == .aborted(state) })
    let late = rig.submit(9)
    rig.plan()
    #expect(rig.endings[late]?.reason == .refused(.notRunning(state)))
    // What was in flight may still be reported.
    rig.completeNext()
    rig.expectNothingLeft()
    #expect(rig.violations.isEmpty)
  }

  @Test func `one failed request ends alone`() {
    var rig = Rig()
    let bad = rig.submit(0, frames: 50)
    let good = rig.submit(1, frames: 50)
    rig.run(for: .milliseconds(30))
    rig.send(.failed(bad))
    rig.run(for: .seconds(1))
    #expect(rig.endings[bad]?.reason == .failed && rig.endings[good]?.reason == .stop)
  }

  @Test func `a clock that steps back stands still`() {
    var rig = Rig()
    let id = rig.submit(0, frames: 30)
    rig.run(for: .milliseconds(20))
    _ = rig.scheduler.plan(at: .zero)
    rig.run(for: .seconds(1))
    #expect(rig.endings[id]?.timing.gapCount == 0)
  }
}
