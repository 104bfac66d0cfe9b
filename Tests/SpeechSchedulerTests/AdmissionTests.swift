// SPDX-License-Identifier: MIT

import SpeechScheduler
import Testing

@Suite struct AdmissionTests {
  @Test func `admits in order within a class`() {
    var rig = Rig(.small(slots: 1, queue: 8))
    let ids = (0..<4).map { rig.submit($0, frames: 3) }
    rig.run(for: .seconds(2))
    let admitted = ids.compactMap { rig.endings[$0]?.timing.admitted }
    #expect(admitted.count == 4 && admitted == admitted.sorted())
    #expect(Set(admitted).count == 4)
    #expect(rig.violations.isEmpty)
  }

  @Test func `refuses as overloaded when the queue is full, and takes more when it is not`() {
    var rig = Rig(.small(slots: 1, queue: 2))
    let ids = (0..<4).map { rig.submit($0, frames: 3) }
    rig.plan()
    #expect(rig.endings[ids[3]]?.reason == .refused(.overloaded))
    #expect(rig.endings[ids[2]] == nil)
    #expect(rig.scheduler.queuePosition(of: ids[1]) == 0)
    #expect(rig.scheduler.queuePosition(of: ids[2]) == 1)
    rig.run(for: .seconds(2))
    #expect(rig.endings[ids[2]]?.reason == .stop)
    rig.submit(9, frames: 3)
    rig.run(for: .seconds(1))
    #expect(rig.endings[RequestID(9)]?.reason == .stop)
  }

  @Test func `with no queue takes what has a slot`() {
    var rig = Rig(.small(slots: 1, queue: 0))
    rig.submit(0, frames: 3)
    rig.submit(1, frames: 3)
    rig.run(for: .seconds(1))
    #expect(rig.endings[RequestID(0)]?.reason == .stop)
    #expect(rig.endings[RequestID(1)]?.reason == .refused(.overloaded))
  }

  @Test func `a class is a head start and nobody waits for ever`() {
    var configuration = SchedulerConfiguration.small(slots: 1, queue: 100)
    configuration.classDelay = [.zero, .milliseconds(100), .seconds(1)]
    var rig = Rig(configuration)
    rig.submit(0, frames: 20)
    rig.run(for: .milliseconds(5))
    let background = rig.submit(1, frames: 3) { $0.priority = .background }
    rig.run(for: .milliseconds(5))
    let standard = rig.submit(2, frames: 3) { $0.priority = .standard }
    rig.run(for: .milliseconds(5))
    let first = rig.submit(3, frames: 3) { $0.priority = .interactive }
    // Interactive requests come without end, faster than they are served.
    for number in 4..<60 {
      rig.submit(UInt64(number), frames: 20) { $0.priority = .interactive }
      rig.run(for: .milliseconds(40))
    }
    let admitted = [first, standard, background].map { rig.endings[$0]?.timing.admitted }
    #expect(admitted.allSatisfy { $0 != nil })
    #expect(admitted.compactMap { $0 } == admitted.compactMap { $0 }.sorted())
    // Later interactive requests were overtaken by the background one.
    #expect(rig.scheduler.status.waiting > 10)
  }

  @Test func `background requests take only their share of the slots`() {
    var configuration = SchedulerConfiguration.small(slots: 4, queue: 20)
    configuration.backgroundSlots = 2
    var rig = Rig(configuration)
    for number in 0..<6 {
      rig.submit(UInt64(number)) {
        $0.priority = .background
        $0.deadlines = .throughput
      }
    }
    rig.submit(9)
    rig.run(for: .milliseconds(50))
    #expect(rig.scheduler.status.voices.values.reduce(0, +) == 3)
    #expect(rig.scheduler.phase(of: RequestID(9)) != nil)
  }

  @Test func `admits no more listeners than the device can serve in real time`() {
    var configuration = SchedulerConfiguration.small(slots: 8, queue: 20)
    configuration.stepBuckets = [1, 2]
    configuration.maximumLoad = 0.5
    // Two rows of 15 ms and a frame of 1 ms: three listeners need 33 ms of 80, four 34.
    let costs = StepCosts(
      models: [
        .init(
          prefill: CostCurve([1: .milliseconds(1)]),
          step: CostCurve([1: .milliseconds(15), 2: .milliseconds(15)]))
      ],
      codec: CostCurve([1: .milliseconds(1), 2: .milliseconds(2), 4: .milliseconds(4)]))
    var rig = Rig(configuration, costs: costs)
    #expect(rig.scheduler.load(listeners: [4]) < 0.5 && rig.scheduler.load(listeners: [5]) > 0.5)
    for number in 0..<8 { rig.submit(UInt64(number)) }
    rig.submit(8) {
      $0.priority = .background
      $0.deadlines = .throughput
    }
    rig.run(for: .milliseconds(100))
    // Those without a listener do not count.
    #expect(rig.scheduler.status.voices.values.reduce(0, +) == 5)
    #expect(rig.scheduler.status.waiting == 4)
  }

  @Test func `a request that needs many pages is not overtaken`() {
    var configuration = SchedulerConfiguration.small(slots: 4, queue: 8, pages: 10)
    configuration.pageSize = 16
    var rig = Rig(configuration)
    rig.submit(0, rows: 16, frames: 60, limit: 100)
    rig.submit(1, rows: 16, frames: 60, limit: 120) { $0.expectedFrames = 120 }
    rig.submit(2, rows: 16, frames: 2, limit: 16)
    rig.run(for: .milliseconds(10))
    #expect(rig.scheduler.status.voices.values.reduce(0, +) == 1)
    rig.run(for: .seconds(10))
    let admitted = (0..<3).compactMap { rig.endings[RequestID($0)]?.timing.admitted }
    #expect(admitted.count == 3 && admitted == admitted.sorted())
  }

  @Test func `refuses what could never fit, with the pages it would need`() {
    var rig = Rig(.small(pages: 10))
    let id = rig.submit(0, rows: 100, limit: 1000)
    rig.plan()
    #expect(rig.endings[id]?.reason == .refused(.tooLong(pages: 18)))
  }

  @Test func `the part that follows a part waits ahead of a full queue`() {
    var rig = Rig(.small(slots: 2, queue: 1))
    let first = rig.submit(0, frames: 20)
    rig.submit(1, frames: 40)
    let waiting = rig.submit(2, frames: 20)
    rig.plan()
    let second = rig.submit(3, frames: 20) { $0.follows = first }
    #expect(rig.scheduler.queuePosition(of: second) == 0)
    #expect(rig.scheduler.queuePosition(of: waiting) == 1)
    rig.run(for: .seconds(5))
    #expect(rig.endings[second]?.reason == .stop && rig.endings[waiting]?.reason == .stop)
    let admitted = [second, waiting].compactMap { rig.endings[$0]?.timing.admitted }
    #expect(admitted.count == 2 && admitted[0] < admitted[1])
  }

  @Test func `the part that follows a part is neither refused nor kept waiting`() {
    var configuration = SchedulerConfiguration.small(slots: 3, queue: 1)
    configuration.continuationSlots = 1
    var rig = Rig(configuration)
    let first = rig.submit(0, frames: 20)
    rig.submit(1, frames: 20)
    rig.submit(2, frames: 20)
    rig.plan()
    #expect(rig.scheduler.phase(of: RequestID(2)) == nil)
    let second = rig.submit(3, frames: 20) { $0.follows = first }
    rig.plan()
    #expect(rig.scheduler.phase(of: second) == .prefilling)
    rig.run(for: .seconds(5))
    // It was ready before the first part had been played, and nothing was heard twice or too late.
    let (one, two) = (rig.endings[first]?.timing, rig.endings[second]?.timing)
    #expect(one?.gapCount == 0 && two?.gapCount == 0)
    if let start = one?.firstAudio, let next = two?.firstAudio {
      #expect(next < start + .milliseconds(80) * 20)
    }
    #expect(rig.violations.isEmpty)
  }
}
