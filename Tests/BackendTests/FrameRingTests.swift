// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Frames on their way to the host.
@Suite struct FrameRingTests {
  @Test func `frames are numbered from the first, and the last thousand are kept`() {
    let check = CPUCheck()
    let backend = check.backend
    let ring = backend.makeFrameRing(slotCount: 1, codebookCount: 2)
    let codes = check.indices([0, 100])
    #expect(backend.framesInFlight == 1)
    for frame in 0..<2500 {
      backend.publish(codes, to: ring)
      backend.increment(codes, by: 1)
      #expect(backend.collect(frame, from: ring) == [Int32(frame), Int32(frame + 100)])
    }
    for frame in 2500 - 1024..<2500 {
      #expect(backend.collect(frame, from: ring)[0] == Int32(frame))
    }
  }

  @Test func `a frame that was never published stops the program`() async {
    await #expect(processExitsWith: .failure) {
      let backend = CPUBackend()
      _ = backend.collect(0, from: backend.makeFrameRing(slotCount: 1, codebookCount: 1))
    }
  }

  @Test func `rings count by themselves`() {
    let check = CPUCheck()
    let backend = check.backend
    let rings = (0..<2).map { _ in backend.makeFrameRing(slotCount: 1, codebookCount: 1) }
    backend.publish(check.indices([7]), to: rings[0])
    backend.publish(check.indices([8]), to: rings[1])
    backend.publish(check.indices([9]), to: rings[0])
    #expect(backend.collect(0, from: rings[1]) == [8])
    #expect(backend.collect(1, from: rings[0]) == [9])
  }
}
