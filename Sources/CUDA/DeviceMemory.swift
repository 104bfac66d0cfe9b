// SPDX-License-Identifier: MIT

import CCUDA

/// Memory on the device. Views of it are plain addresses and do not keep it alive.
package final class DeviceMemory {
  package let address: UInt64
  package let byteCount: Int
  private let context: CUDAContext

  /// At least 16 bytes, not initialised.
  package init(byteCount: Int, _ context: CUDAContext) throws(CUDAError) {
    var address: UInt64 = 0
    let size = max(byteCount, 16)
    try context.call("cuMemAlloc(\(size) bytes)") { ccuMemAlloc(&address, size) }
    context.countAllocation(byteCount: size)
    self.address = address
    self.byteCount = size
    self.context = context
  }

  deinit {
    context.release("cuMemFree") { ccuMemFree(address) }
    context.countRelease(byteCount: byteCount)
  }

  /// Sets every byte to zero.
  package func clear(on stream: CUDAStream) throws(CUDAError) {
    try context.call("cuMemsetD8Async") { ccuMemsetD8Async(address, 0, byteCount, stream.handle) }
  }

  /// Copies some bytes of `bytes` to `offset`. The source may change afterwards.
  package func upload(
    _ bytes: RawSpan, _ range: Range<Int>, to offset: Int = 0, on stream: CUDAStream
  ) throws(CUDAError) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.byteCount)
    precondition(offset >= 0 && offset + range.count <= byteCount, "more bytes than allocated")
    try context.call("cuMemcpyHtoDAsync") {
      bytes.withUnsafeBytes { buffer in
        guard let base = buffer.baseAddress else { return 0 }
        return ccuMemcpyHtoDAsync(
          address + UInt64(offset), base + range.lowerBound, range.count, stream.handle)
      }
    }
  }
}

extension CUDAStream {
  /// Copies numbers to the device. The array may go before the copy has run.
  package func write<Element: BitwiseCopyable>(
    _ values: [Element], to address: UInt64
  ) throws(CUDAError) {
    guard !values.isEmpty else { return }
    try context.call("cuMemcpyHtoDAsync") {
      values.withUnsafeBytes {
        ccuMemcpyHtoDAsync(address, $0.baseAddress, $0.count, handle)
      }
    }
  }

  /// Numbers from the device, once everything queued before has run.
  package func read<Element: BitwiseCopyable>(
    _ address: UInt64, count: Int, zero: Element
  ) throws(CUDAError) -> [Element] {
    var values = [Element](repeating: zero, count: count)
    guard count > 0 else { return values }
    try context.call("cuMemcpyDtoHAsync") {
      values.withUnsafeMutableBytes {
        let code = ccuMemcpyDtoHAsync($0.baseAddress, address, $0.count, handle)
        return code == 0 ? ccuStreamSynchronize(handle) : code
      }
    }
    return values
  }
}

/// Page-locked I32 words of the host that the device reads or writes.
package final class PinnedMemory {
  /// Where the device finds it.
  package let deviceAddress: UInt64
  package let count: Int
  private let base: UnsafeMutableRawPointer
  private let context: CUDAContext

  /// Words of zeros.
  package init(count: Int, _ context: CUDAContext) throws(CUDAError) {
    var memory: UnsafeMutableRawPointer?
    let flags = HostAllocationFlags.portable | HostAllocationFlags.deviceMapped
    try context.call("cuMemHostAlloc") { ccuMemHostAlloc(&memory, 4 * count, flags) }
    guard let memory else {
      throw CUDAError(driver: "cuMemHostAlloc", code: CUDAError.outOfMemory)
    }
    memory.initializeMemory(as: Int32.self, repeating: 0, count: count)
    var address: UInt64 = 0
    do {
      try context.call("cuMemHostGetDevicePointer") {
        ccuMemHostGetDevicePointer(&address, memory, 0)
      }
    } catch {
      context.release("cuMemFreeHost") { ccuMemFreeHost(memory) }
      throw error
    }
    context.countAllocation(byteCount: 0)
    base = memory
    deviceAddress = address
    self.count = count
    self.context = context
  }

  deinit {
    context.release("cuMemFreeHost") { ccuMemFreeHost(base) }
    context.countRelease(byteCount: 0)
  }

  /// A word, read before anything that follows.
  package func loadAcquire(_ index: Int) -> Int32 {
    precondition(index >= 0 && index < count)
    return Int32(bitPattern: ccudaLoadAcquire(base + 4 * index))
  }

  /// Some words.
  package func words(_ range: Range<Int>) -> [Int32] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return range.map { base.load(fromByteOffset: 4 * $0, as: Int32.self) }
  }

  /// Overwrites a word. Only while the device does not use the memory.
  package func store(_ value: Int32, at index: Int) {
    precondition(index >= 0 && index < count)
    base.storeBytes(of: value, toByteOffset: 4 * index, as: Int32.self)
  }

  /// Copies numbers to the device by way of the words from `first` on, which must not change before
  /// the copy has run.
  package func upload<Element: BitwiseCopyable>(
    _ values: [Element], by first: Int, to address: UInt64, on stream: CUDAStream
  ) throws(CUDAError) {
    let size = values.count * MemoryLayout<Element>.stride
    precondition(first >= 0 && 4 * first + size <= 4 * count, "more numbers than words")
    values.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      (base + 4 * first).copyMemory(from: start, byteCount: size)
    }
    try send(from: first, byteCount: size, to: address, on: stream)
  }

  /// Writes some bytes one after the other, from word `first` on.
  package func fill(_ bytes: RawSpan, _ ranges: [Range<Int>], from first: Int) {
    var offset = 4 * first
    bytes.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress else { return }
      for range in ranges {
        precondition(range.lowerBound >= 0 && range.upperBound <= buffer.count)
        precondition(offset + range.count <= 4 * count, "more bytes than words")
        (base + offset).copyMemory(from: start + range.lowerBound, byteCount: range.count)
        offset += range.count
      }
    }
  }

  /// Copies `size` bytes, from word `first` on, to the device.
  package func send(
    from first: Int, byteCount size: Int, to address: UInt64, on stream: CUDAStream
  ) throws(CUDAError) {
    precondition(first >= 0 && 4 * first + size <= 4 * count)
    try context.call("cuMemcpyHtoDAsync") {
      ccuMemcpyHtoDAsync(address, base + 4 * first, size, stream.handle)
    }
  }

  /// Numbers from the device by way of the words from `first` on, once everything queued has run.
  package func download<Element: BitwiseCopyable>(
    _ address: UInt64, count size: Int, zero: Element, by first: Int, on stream: CUDAStream
  ) throws(CUDAError) -> [Element] {
    try receive(
      address, byteCount: size * MemoryLayout<Element>.stride, from: first, on: stream)
    try stream.synchronize()
    return values(count: size, zero: zero, from: first)
  }

  /// Queues a copy of `size` bytes from the device to the words from `first` on.
  package func receive(
    _ address: UInt64, byteCount size: Int, from first: Int, on stream: CUDAStream
  ) throws(CUDAError) {
    precondition(first >= 0 && 4 * first + size <= 4 * count)
    try context.call("cuMemcpyDtoHAsync") {
      ccuMemcpyDtoHAsync(base + 4 * first, address, size, stream.handle)
    }
  }

  /// The numbers that the words from `first` on hold.
  package func values<Element: BitwiseCopyable>(
    count size: Int, zero: Element, from first: Int
  ) -> [Element] {
    let bytes = size * MemoryLayout<Element>.stride
    precondition(first >= 0 && 4 * first + bytes <= 4 * count)
    var values = [Element](repeating: zero, count: size)
    values.withUnsafeMutableBytes {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: base + 4 * first, count: bytes))
    }
    return values
  }

  /// Hints to the processor that this is a wait loop.
  package static func pause() { ccudaPause() }
}
