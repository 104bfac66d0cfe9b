// SPDX-License-Identifier: MIT

import SpeechScheduler
import Testing

@Suite struct TextTests {
  private func open(_ tokens: Int) -> (inout ScheduledRequest) -> Void {
    { request in
      request.isTextOpen = true
      request.textTokens = tokens
      request.trailingTokens = tokens
      request.budget = FrameBudget(base: 10, perToken: 5, limit: 200)
    }
  }

  @Test func `makes no frame without its text token, and waits without ending`() {
    var rig = Rig()
    let id = rig.submit(0, open(3))
    rig.run(for: .seconds(3))
    // The first frame needs none.
    #expect(rig.steps(of: id) == 4 && rig.scheduler.phase(of: id) == .starved)
    // All there was has been heard: a starved voice keeps nothing back.
    #expect(rig.heard[id] == 4)
    rig.send(.textAppended(id, tokens: 4))
    rig.run(for: .seconds(1))
    #expect(rig.steps(of: id) == 8 && rig.endings[id] == nil)
  }

  @Test func `a writer's pause is no gap of ours`() {
    var rig = Rig()
    let id = rig.submit(0, frames: 20, open(3))
    rig.run(for: .seconds(3))
    rig.send(.textAppended(id, tokens: 2))
    rig.run(for: .seconds(3))
    rig.send(.textEnded(id))
    rig.run(for: .seconds(3))
    #expect(rig.endings[id]?.reason == .stop && rig.endings[id]?.frames == 20)
    #expect(rig.endings[id]?.timing.gapCount == 0)
  }

  @Test func `the budget grows with the text and is final at its end`() {
    var rig = Rig()
    let id = rig.submit(0, open(2))
    rig.send(.textAppended(id, tokens: 2))
    rig.send(.textEnded(id))
    rig.run(for: .seconds(1))
    #expect(rig.endings[id]?.reason == .runaway && rig.endings[id]?.frames == 30)
  }

  @Test func `text may come and end while its request waits`() {
    var rig = Rig(.small(slots: 1))
    rig.submit(0, frames: 10)
    let id = rig.submit(1, frames: 12, open(0))
    rig.plan()
    rig.send(.textAppended(id, tokens: 5))
    rig.send(.textEnded(id))
    rig.run(for: .seconds(2))
    #expect(rig.endings[id]?.reason == .stop && rig.endings[id]?.frames == 12)
  }

  @Test func `a writer that never comes back loses its slot`() {
    var configuration = SchedulerConfiguration.small(slots: 1)
    configuration.clientPatience = .seconds(2)
    var rig = Rig(configuration)
    let id = rig.submit(0, open(1))
    let next = rig.submit(1, frames: 3)
    rig.run(for: .milliseconds(1900))
    #expect(rig.endings[id] == nil)
    rig.run(for: .seconds(1))
    #expect(rig.endings[id]?.reason == .timedOut)
    #expect(rig.endings[next]?.reason == .stop)
  }
}
