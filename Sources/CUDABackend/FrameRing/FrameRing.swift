// SPDX-License-Identifier: MIT

package import CUDA

/// Entries in page-locked memory: word 0 counts those published, `depth` places follow.
///
/// The count wraps around; `depth` is a power of two, so an entry's place does not depend on that.
package final class CUDAFrameRing {
  static var depth: Int { 1024 }
  static var header: Int { 16 }

  let memory: PinnedMemory
  /// Codes that an entry has room for.
  let width: Int
  /// Entries published, on the device.
  let counter: CUDAIndices
  private let stream: CUDAStream

  init(width: Int, counter: CUDAIndices, _ stream: CUDAStream) throws(CUDAError) {
    memory = try PinnedMemory(count: Self.header + Self.depth * width, stream.context)
    self.width = width
    self.counter = counter
    self.stream = stream
  }

  deinit { stream.drain() }

  /// How many entries have been published from entry `index` on.
  fileprivate func publishedSince(_ index: Int) -> Int {
    // Wraps around as the count of those published does.
    Int(memory.loadAcquire(0) &- Int32(truncatingIfNeeded: index))
  }
}

extension CUDABackend {
  package func makeFrameRing(
    rowCount: Int, codebookCount: Int
  ) throws(CUDAError) -> CUDAFrameRing {
    try CUDAFrameRing(
      width: rowCount * codebookCount, counter: makeIndices(count: 1), stream)
  }

  package var framesInFlight: Int { 4 }

  package func publish(_ codes: CUDAIndices, to ring: CUDAFrameRing) throws(CUDAError) {
    precondition(codes.count <= ring.width, "an entry has room for the codes")
    try launch(
      "publish", grid: CUDAGrid(1), block: 128, codes.address, Int32(codes.stride),
      Int32(codes.count), Int32(ring.width), ring.counter.address,
      ring.memory.deviceAddress + UInt64(4 * CUDAFrameRing.header), Int32(CUDAFrameRing.depth),
      ring.memory.deviceAddress)
  }

  package func isPublished(
    _ index: Int, in ring: CUDAFrameRing
  ) throws(CUDAError) -> Bool {
    if ring.publishedSince(index) > 0 { return true }
    // A device that has failed throws here, and one that has nothing left to do publishes no more.
    guard try stream.isIdle(), ring.publishedSince(index) <= 0 else {
      return ring.publishedSince(index) > 0
    }
    throw CUDAError(neverPublished: index)
  }

  package func collect(
    _ index: Int, count: Int, from ring: CUDAFrameRing
  ) throws(CUDAError) -> [Int32] {
    precondition(count <= ring.width, "an entry has so many codes")
    var polls = 0
    while ring.publishedSince(index) <= 0 {
      polls += 1
      if polls % 4096 == 0, try stream.isIdle(), ring.publishedSince(index) <= 0 {
        throw CUDAError(neverPublished: index)
      }
      PinnedMemory.pause()
    }
    let start = CUDAFrameRing.header + index % CUDAFrameRing.depth * ring.width
    let codes = ring.memory.words(start..<start + count)
    guard ring.publishedSince(index) <= CUDAFrameRing.depth else {
      throw CUDAError(
        call: "collect", code: -1, name: "frame \(index) was overwritten",
        remedy: "collect a frame before \(CUDAFrameRing.depth) others follow it")
    }
    return codes
  }
}

extension CUDAError {
  fileprivate init(neverPublished index: Int) {
    self.init(
      call: "collect", code: -1, name: "frame \(index) was never published",
      remedy: "publish a frame before it is collected")
  }
}
