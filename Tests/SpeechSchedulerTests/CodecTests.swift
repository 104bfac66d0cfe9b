// SPDX-License-Identifier: MIT

import SpeechScheduler
import Testing

@Suite struct CodecTests {
  private func chunks(_ rig: Rig, of id: RequestID) -> [Int] {
    rig.tasks.flatMap { task -> [CodecSegment] in
      if case .codec(let segments, _) = task { segments } else { [] }
    }.filter { $0.request == id }.map(\.frames.count)
  }

  @Test func `the first chunk goes at once and later ones are whole`() {
    var rig = Rig()
    let id = rig.submit(0, frames: 14) { $0.chunks = ChunkSizes(first: 2, later: 5) }
    rig.run(for: .seconds(1))
    #expect(chunks(rig, of: id) == [2, 5, 5, 2])
    #expect(rig.endings[id]?.frames == 14)
  }

  @Test func `streams of different chunk sizes share a batch`() {
    var rig = Rig()
    for number in 0..<4 {
      rig.submit(UInt64(number), frames: 40) {
        $0.chunks = ChunkSizes(first: 1, later: Int(number) + 2)
      }
    }
    rig.run(for: .seconds(2))
    let mixed = rig.tasks.contains { task in
      guard case .codec(let segments, _) = task else { return false }
      return Set(segments.map(\.frames.count)).count > 1
    }
    #expect(mixed)
    #expect((0..<4).allSatisfy { rig.heard[RequestID($0)] == 40 })
    #expect(rig.violations.isEmpty)
  }

  @Test func `a listener about to run dry gets less than a chunk`() {
    // A step takes most of a frame: eight frames would come far too late.
    var costs = StepCosts.round()
    costs.models[0].step = CostCurve([1: .milliseconds(60)])
    var configuration = SchedulerConfiguration.small()
    configuration.margin = .milliseconds(5)
    var rig = Rig(configuration, costs: costs)
    let id = rig.submit(0, frames: 20) { $0.chunks = ChunkSizes(first: 1, later: 8) }
    rig.run(for: .seconds(3))
    #expect(rig.endings[id]?.reason == .stop)
    #expect(rig.endings[id]?.timing.gapCount == 0)
    #expect((chunks(rig, of: id).dropFirst().first ?? 8) < 8)
  }

  @Test func `frames that others paid for fill the bucket`() {
    var rig = Rig()
    // Three frames are a bucket of four: the fourth comes from the stream whose chunk is not whole.
    rig.submit(0) { $0.chunks = ChunkSizes(first: 1, later: 3) }
    rig.submit(1) { $0.chunks = ChunkSizes(first: 1, later: 100) }
    rig.run(for: .milliseconds(200))
    for task in rig.tasks.dropFirst(4) {
      guard case .codec(let segments, let bucket) = task else { continue }
      #expect(segments.reduce(0) { $0 + $1.frames.count } == bucket)
    }
  }
}
