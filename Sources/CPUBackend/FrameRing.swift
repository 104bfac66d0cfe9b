// SPDX-License-Identifier: MIT

/// The last frames that were published.
package final class CPUFrameRing {
  static var depth: Int { 1024 }

  /// Frame `i` is at place `i mod depth`.
  fileprivate var frames: [[Int32]] = []
  /// Published since the ring was made.
  fileprivate var count = 0
}

extension CPUBackend {
  package func makeFrameRing(slotCount: Int, codebookCount: Int) -> CPUFrameRing {
    CPUFrameRing()
  }

  package func publish(_ codes: CPUIndices, to ring: CPUFrameRing) {
    if ring.count < CPUFrameRing.depth {
      ring.frames.append(codes.values)
    } else {
      ring.frames[ring.count % CPUFrameRing.depth] = codes.values
    }
    ring.count += 1
  }

  package func collect(_ index: Int, from ring: CPUFrameRing) -> [Int32] {
    precondition(index < ring.count, "frame \(index) was never published")
    precondition(ring.count - index <= CPUFrameRing.depth, "frame \(index) was overwritten")
    return ring.frames[index % CPUFrameRing.depth]
  }
}
