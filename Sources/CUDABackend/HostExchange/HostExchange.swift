// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

/// Page-locked memory through which values pass between host and device.
final class HostStaging {
  private let memory: PinnedMemory
  private let stream: CUDAStream
  /// The first word that no copy in flight uses.
  private var used = 0
  private static var wordCount: Int { 1 << 20 }

  init(_ stream: CUDAStream) throws(CUDAError) {
    memory = try PinnedMemory(count: Self.wordCount, stream.context)
    self.stream = stream
  }

  /// Room in the memory, or `nil` when it is too small; waits when it is all under way.
  private func reserve(words: Int) throws(CUDAError) -> Int? {
    guard words <= Self.wordCount / 4 else { return nil }
    if used + words > Self.wordCount {
      try stream.synchronize()
      used = 0
    }
    defer { used += words }
    return used
  }

  func send<Element: BitwiseCopyable>(
    _ values: [Element], to address: UInt64
  ) throws(CUDAError) {
    guard !values.isEmpty else { return }
    if let first = try reserve(words: values.count) {
      try memory.upload(values, by: first, to: address, on: stream)
    } else {
      try stream.write(values, to: address)
    }
  }

  func receive<Element: BitwiseCopyable>(
    _ address: UInt64, count: Int, zero: Element
  ) throws(CUDAError) -> [Element] {
    guard count > 0 else { return [] }
    if let first = try reserve(words: count) {
      return try memory.download(address, count: count, zero: zero, by: first, on: stream)
    }
    return try stream.read(address, count: count, zero: zero)
  }

  /// Copies ranges of `bytes`, one after the other, to the device; false when there is no room for them.
  func send(_ bytes: RawSpan, _ ranges: [Range<Int>], to address: UInt64) throws(CUDAError) -> Bool
  {
    let size = ranges.reduce(0) { $0 + $1.count }
    guard let first = try reserve(words: (size + 3) / 4) else { return false }
    memory.fill(bytes, ranges, from: first)
    try memory.send(from: first, byteCount: size, to: address, on: stream)
    return true
  }
}

extension CUDABackend {
  package func writeRows(
    of table: HostTensor, ids: [Int32], to tensor: CUDATensor
  ) throws(CUDAError) {
    let width = table.count / table.shape[0]
    precondition(width == tensor.columns && ids.count <= tensor.rows)
    let start = table.byteRange.lowerBound
    let ranges = ids.map { start + 2 * Int($0) * width..<start + 2 * (Int($0) + 1) * width }
    precondition(ranges.allSatisfy { $0.upperBound <= table.byteRange.upperBound })
    guard table.elementType == .bfloat16, width % 2 == 0,
      2 * splitScratch.count >= ids.count * width,
      try table.storage.withBytes({ (bytes: RawSpan) throws(CUDAError) in
        try staging.send(bytes, ranges, to: splitScratch.address)
      })
    else {
      return try write(
        ids.flatMap { table.floats(Int($0) * width..<(Int($0) + 1) * width) }, to: tensor)
    }
    try launch(
      "widen_rows", over: ids.count * width / 2, splitScratch.address, tensor.address,
      ids.count * width / 2)
  }

  package func write(_ values: [Float], to tensor: CUDATensor) throws(CUDAError) {
    precondition(values.count <= tensor.count, "more values than the tensor holds")
    try staging.send(values, to: tensor.address)
  }

  package func write(_ values: [Int32], to indices: CUDAIndices) throws(CUDAError) {
    precondition(values.count <= indices.count, "more values than the indices hold")
    if indices.stride == 1 { return try staging.send(values, to: indices.address) }
    for (index, value) in values.enumerated() {
      try staging.send([value], to: indices.address + UInt64(4 * index * indices.stride))
    }
  }

  package func read(_ tensor: CUDATensor) throws(CUDAError) -> [Float] {
    try staging.receive(tensor.address, count: tensor.count, zero: 0)
  }

  package func read(_ indices: CUDAIndices) throws(CUDAError) -> [Int32] {
    guard indices.count > 0 else { return [] }
    let span = (indices.count - 1) * indices.stride + 1
    let words: [Int32] = try staging.receive(indices.address, count: span, zero: 0)
    return (0..<indices.count).map { words[$0 * indices.stride] }
  }

  package func clear(_ tensor: CUDATensor) throws(CUDAError) {
    try launch("fill", over: tensor.count, tensor.address, 1, tensor.count, UInt32(0))
  }

  package func clear(_ indices: CUDAIndices) throws(CUDAError) {
    try launch(
      "fill", over: indices.count, indices.address, indices.stride, indices.count, UInt32(0))
  }
}
