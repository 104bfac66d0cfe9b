// SPDX-License-Identifier: MIT

package import CUDA

/// Frames in page-locked memory: word 0 counts those published, `depth` places follow.
///
/// The count wraps around; `depth` is a power of two, so a frame's place does not depend on that.
package final class CUDAFrameRing {
  static var depth: Int { 1024 }
  static var header: Int { 16 }

  let memory: PinnedMemory
  /// Codes of a frame.
  let width: Int
  /// Frames published, on the device.
  let counter: CUDAIndices
  private let stream: CUDAStream

  init(width: Int, counter: CUDAIndices, _ stream: CUDAStream) throws(CUDAError) {
    memory = try PinnedMemory(count: Self.header + Self.depth * width, stream.context)
    self.width = width
    self.counter = counter
    self.stream = stream
  }

  deinit { stream.drain() }
}

extension CUDABackend {
  package func makeFrameRing(
    slotCount: Int, codebookCount: Int
  ) throws(CUDAError) -> CUDAFrameRing {
    try CUDAFrameRing(
      width: slotCount * codebookCount, counter: makeIndices(count: 1), stream)
  }

  package var framesInFlight: Int { 4 }

  package func publish(_ codes: CUDAIndices, to ring: CUDAFrameRing) throws(CUDAError) {
    precondition(codes.count == ring.width, "a frame has the ring's width")
    try launch(
      "publish", grid: CUDAGrid(1), block: 128, codes.address, Int32(codes.stride),
      Int32(ring.width), ring.counter.address,
      ring.memory.deviceAddress + UInt64(4 * CUDAFrameRing.header), Int32(CUDAFrameRing.depth),
      ring.memory.deviceAddress)
  }

  package func collect(
    _ index: Int, from ring: CUDAFrameRing
  ) throws(CUDAError) -> [Int32] {
    // Wraps around as the count of those published does.
    let number = Int32(truncatingIfNeeded: index)
    func publishedSince() -> Int { Int(ring.memory.loadAcquire(0) &- number) }
    var polls = 0
    while publishedSince() <= 0 {
      polls += 1
      if polls % 4096 == 0, try stream.isIdle(), publishedSince() <= 0 {
        throw CUDAError(
          call: "collect", code: -1, name: "frame \(index) was never published",
          remedy: "publish a frame before it is collected")
      }
      PinnedMemory.pause()
    }
    let start = CUDAFrameRing.header + index % CUDAFrameRing.depth * ring.width
    let codes = ring.memory.words(start..<start + ring.width)
    guard publishedSince() <= CUDAFrameRing.depth else {
      throw CUDAError(
        call: "collect", code: -1, name: "frame \(index) was overwritten",
        remedy: "collect a frame before \(CUDAFrameRing.depth) others follow it")
    }
    return codes
  }
}
