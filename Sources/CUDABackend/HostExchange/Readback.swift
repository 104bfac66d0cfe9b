// SPDX-License-Identifier: MIT

package import CUDA

/// A copy to page-locked memory that is under way. Its memory serves another one when it goes.
package final class CUDAReadback {
  fileprivate let place: ReadbackPool.Place
  fileprivate let count: Int
  private let pool: ReadbackPool

  fileprivate init(_ address: UInt64, count: Int, _ pool: ReadbackPool) throws(CUDAError) {
    place = try pool.take(words: count)
    self.count = count
    self.pool = pool
    try place.memory.receive(address, byteCount: 4 * count, from: 0, on: pool.stream)
    try place.event.record(on: pool.stream)
  }

  // Another copy into the same memory runs after this one: the stream is in order.
  deinit { pool.put(place) }
}

/// Page-locked memory for copies to the host, each with an event that passes when it is there. As much
/// is kept as was ever under way at once: making it keeps the driver busy and the queue waiting.
final class ReadbackPool {
  struct Place {
    let memory: PinnedMemory
    let event: CUDAEvent
  }

  let stream: CUDAStream
  private var free: [Place] = []

  init(_ stream: CUDAStream) { self.stream = stream }

  deinit { stream.drain() }

  fileprivate func take(words: Int) throws(CUDAError) -> Place {
    // Sizes of powers of two, so that the chunks of one stream find each other's.
    var size = 1 << 10
    while size < words { size *= 2 }
    if let index = free.lastIndex(where: { $0.memory.count == size }) {
      return free.remove(at: index)
    }
    return Place(
      memory: try PinnedMemory(count: size, stream.context), event: try CUDAEvent(stream.context))
  }

  fileprivate func put(_ place: Place) { free.append(place) }
}

extension CUDABackend {
  package func beginRead(_ tensor: CUDATensor) throws(CUDAError) -> CUDAReadback {
    try CUDAReadback(tensor.address, count: tensor.count, readbacks)
  }

  package func isRead(_ readback: CUDAReadback) throws(CUDAError) -> Bool {
    try readback.place.event.hasPassed()
  }

  package func finishRead(_ readback: CUDAReadback) throws(CUDAError) -> [Float] {
    try readback.place.event.synchronize()
    return readback.place.memory.values(count: readback.count, zero: 0, from: 0)
  }
}
