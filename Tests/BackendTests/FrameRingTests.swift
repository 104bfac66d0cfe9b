// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Frames on their way to the host.
@Suite struct FrameRingTests {
  @Test func `frames are numbered from the first, and the last thousand are kept`() {
    let check = CPUCheck()
    let backend = check.backend
    let ring = backend.makeFrameRing(rowCount: 1, codebookCount: 2)
    let codes = check.indices([0, 100])
    #expect(backend.framesInFlight == 1)
    for frame in 0..<2500 {
      backend.publish(codes, to: ring)
      backend.increment(codes, by: 1)
      #expect(backend.collect(frame, count: 2, from: ring) == [Int32(frame), Int32(frame + 100)])
    }
    for frame in 2500 - 1024..<2500 {
      #expect(backend.collect(frame, count: 1, from: ring)[0] == Int32(frame))
    }
  }

  @Test func `a frame that was never published stops the program`() async {
    await #expect(processExitsWith: .failure) {
      let backend = CPUBackend()
      _ = backend.collect(0, count: 1, from: backend.makeFrameRing(rowCount: 1, codebookCount: 1))
    }
  }

  @Test func `rings count by themselves`() {
    let check = CPUCheck()
    let backend = check.backend
    let rings = (0..<2).map { _ in backend.makeFrameRing(rowCount: 1, codebookCount: 1) }
    backend.publish(check.indices([7]), to: rings[0])
    backend.publish(check.indices([8]), to: rings[1])
    backend.publish(check.indices([9]), to: rings[0])
    #expect(backend.collect(0, count: 1, from: rings[1]) == [8])
    #expect(backend.collect(1, count: 1, from: rings[0]) == [9])
  }

  @Test func `an entry has the rows that were published, and is there from then on`() {
    let check = CPUCheck()
    let backend = check.backend
    let ring = backend.makeFrameRing(rowCount: 3, codebookCount: 2)
    #expect(!backend.isPublished(0, in: ring))
    backend.publish(check.indices([1, 2, 3, 4]), to: ring)
    #expect(backend.isPublished(0, in: ring) && !backend.isPublished(1, in: ring))
    backend.publish(check.indices([5, 6, 7, 8, 9, 10]), to: ring)
    #expect(backend.collect(0, count: 4, from: ring) == [1, 2, 3, 4])
    #expect(backend.collect(1, count: 2, from: ring) == [5, 6])
  }
}
