// SPDX-License-Identifier: MIT

import SpeechScheduler
import Testing

@Suite struct PageTests {
  private func configuration(pages: Int, host: Int, slots: Int = 4) -> SchedulerConfiguration {
    var configuration = SchedulerConfiguration.small(slots: slots, pages: pages)
    configuration.pageSize = 16
    configuration.hostPages = host
    configuration.leadLimit = .seconds(60)
    configuration.resumeLead = .seconds(59)
    return configuration
  }

  @Test func `takes pages as positions come, and frees them with the last frame`() {
    var rig = Rig(configuration(pages: 20, host: 0))
    let id = rig.submit(0, rows: 10, frames: 30, limit: 60)
    rig.plan()
    #expect(rig.scheduler.status.pagesUsed == 1)
    while rig.steps(of: id) < 7 {
      rig.completeNext()
      rig.plan()
    }
    // Prompt and six frames fill the first page.
    #expect(rig.scheduler.status.pagesUsed == 2)
    rig.run(for: .seconds(1))
    #expect(rig.endings[id]?.reason == .stop && rig.scheduler.status.pagesUsed == 0)
    #expect(rig.pageOperations.count == 3)
  }

  @Test func `without host pages the whole budget is reserved and nobody swaps`() {
    var rig = Rig(configuration(pages: 8, host: 0))
    for number in 0..<4 { rig.submit(UInt64(number), rows: 16, frames: 40, limit: 48) }
    rig.run(for: .milliseconds(20))
    #expect(rig.scheduler.status.voices.values.reduce(0, +) == 2)
    rig.run(for: .seconds(5))
    #expect((0..<4).allSatisfy { rig.endings[RequestID($0)]?.reason == .stop })
    #expect((0..<4).allSatisfy { rig.endings[RequestID($0)]?.timing.swaps == 0 })
  }

  @Test func `with host pages more are admitted, and who can wait longest swaps`() {
    var configuration = configuration(pages: 8, host: 40)
    configuration.swapGain = .milliseconds(500)
    var rig = Rig(configuration)
    // Each is expected to need two pages and needs five.
    for number in 0..<4 {
      rig.submit(UInt64(number), rows: 16, frames: 60, limit: 64) { $0.expectedFrames = 16 }
    }
    rig.plan()
    #expect(rig.scheduler.status.voices.values.reduce(0, +) == 4)
    rig.run(for: .seconds(10))
    #expect((0..<4).allSatisfy { rig.endings[RequestID($0)]?.reason == .stop })
    #expect((0..<4).allSatisfy { rig.endings[RequestID($0)]?.frames == 60 })
    let out = rig.pageOperations.count { if case .swapOut = $0 { true } else { false } }
    let back = rig.pageOperations.count { if case .swapIn = $0 { true } else { false } }
    #expect(out > 0 && out == back)
    #expect(rig.scheduler.status.hostPagesUsed == 0)
    #expect(rig.violations.isEmpty)
  }

  @Test func `admits no more than device and host can hold at worst`() {
    // Two pages are expected of each, and five committed: three need 15 of 8 + 6.
    var rig = Rig(configuration(pages: 8, host: 6))
    for number in 0..<3 {
      rig.submit(UInt64(number), rows: 16, frames: 60, limit: 64) { $0.expectedFrames = 16 }
    }
    rig.plan()
    #expect(rig.scheduler.status.voices.values.reduce(0, +) == 2)
    rig.run(for: .seconds(10))
    #expect((0..<3).allSatisfy { rig.endings[RequestID($0)]?.frames == 60 })
  }

  @Test func `voices that all need pages of each other come to an end`() {
    var configuration = configuration(pages: 9, host: 30)
    // Nobody is ever so much more urgent that it may take pages while others run.
    configuration.swapGain = .seconds(1000)
    var rig = Rig(configuration)
    for number in 0..<4 {
      rig.submit(UInt64(number), rows: 16, frames: 100, limit: 112) { $0.expectedFrames = 16 }
    }
    rig.run(for: .seconds(60))
    #expect((0..<4).allSatisfy { rig.endings[RequestID($0)]?.frames == 100 })
    #expect(rig.violations.isEmpty)
  }

  @Test func `a smaller pool is reached as pages become free, a larger one at once`() {
    var rig = Rig(configuration(pages: 16, host: 0))
    let id = rig.submit(0, rows: 16, frames: 100, limit: 112)
    rig.run(for: .milliseconds(100))
    rig.send(.devicePages(count: 4))
    #expect(rig.scheduler.status.pages == 8)
    // What could never be admitted is refused, now and when it waits.
    let large = rig.submit(1, rows: 16, limit: 112)
    rig.run(for: .seconds(2))
    #expect(rig.endings[large]?.reason == .refused(.tooLong(pages: 8)))
    #expect(rig.endings[id]?.frames == 100)
    #expect(rig.scheduler.status.pages == 4)
    rig.send(.devicePages(count: 12))
    #expect(rig.scheduler.status.pages == 12)
    let again = rig.submit(2, rows: 16, frames: 50, limit: 112)
    rig.run(for: .seconds(2))
    #expect(rig.endings[again]?.reason == .stop)
    #expect(rig.violations.isEmpty)
  }
}
