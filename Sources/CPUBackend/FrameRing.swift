// SPDX-License-Identifier: MIT

/// The last entries that were published.
package final class CPUFrameRing {
  static var depth: Int { 1024 }

  /// Entry `i` is at place `i mod depth`.
  fileprivate var entries: [[Int32]] = []
  /// Published since the ring was made.
  fileprivate var count = 0
}

extension CPUBackend {
  package func makeFrameRing(rowCount: Int, codebookCount: Int) -> CPUFrameRing {
    CPUFrameRing()
  }

  package func publish(_ codes: CPUIndices, to ring: CPUFrameRing) {
    if ring.count < CPUFrameRing.depth {
      ring.entries.append(codes.values)
    } else {
      ring.entries[ring.count % CPUFrameRing.depth] = codes.values
    }
    ring.count += 1
  }

  package func isPublished(_ index: Int, in ring: CPUFrameRing) -> Bool { index < ring.count }

  package func collect(_ index: Int, count: Int, from ring: CPUFrameRing) -> [Int32] {
    precondition(index < ring.count, "entry \(index) was never published")
    precondition(ring.count - index <= CPUFrameRing.depth, "entry \(index) was overwritten")
    return Array(ring.entries[index % CPUFrameRing.depth].prefix(count))
  }
}
