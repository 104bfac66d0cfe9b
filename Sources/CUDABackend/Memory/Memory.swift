// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

/// Memory on the device, freed with the last view of it, once what was queued before has run.
final class CUDAMemory {
  private let memory: DeviceMemory
  private let stream: CUDAStream

  /// Bytes that are not initialised, for work of `stream`.
  init(byteCount: Int, _ stream: CUDAStream) throws(CUDAError) {
    memory = try DeviceMemory(byteCount: byteCount, stream.context)
    self.stream = stream
  }

  deinit { stream.drain() }

  var address: UInt64 { memory.address }

  func clear() throws(CUDAError) { try memory.clear(on: stream) }

  /// Copies stored bytes there, one tensor after the other.
  func upload(_ parts: [HostTensor]) throws(CUDAError) {
    var offset = 0
    for part in parts {
      try part.storage.withBytes { (bytes: RawSpan) throws(CUDAError) in
        try memory.upload(bytes, part.byteRange, to: offset, on: stream)
      }
      offset += part.byteRange.count
    }
  }
}

/// A view of F32 numbers on the device.
package struct CUDATensor: BackendTensor {
  let memory: CUDAMemory
  let address: UInt64
  package let rows: Int
  package let columns: Int

  var count: Int { rows * columns }

  package func rows(_ range: Range<Int>) -> CUDATensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows outside the tensor")
    return CUDATensor(
      memory: memory, address: address + UInt64(4 * range.lowerBound * columns),
      rows: range.count, columns: columns)
  }

  package func reshaped(rows: Int, columns: Int) -> CUDATensor {
    precondition(rows * columns == count, "a reshaped tensor keeps its size")
    return CUDATensor(memory: memory, address: address, rows: rows, columns: columns)
  }
}

/// A view of I32 numbers on the device.
package struct CUDAIndices: BackendIndices {
  let memory: CUDAMemory
  let address: UInt64
  package let count: Int
  let stride: Int

  package func strided(from start: Int, count: Int, by stride: Int) -> CUDAIndices {
    precondition(
      start >= 0 && (count == 0 || start + (count - 1) * stride < self.count),
      "elements outside the indices")
    return CUDAIndices(
      memory: memory, address: address + UInt64(4 * start * self.stride), count: count,
      stride: stride * self.stride)
  }
}

/// A weight on the device, in its stored precision.
package struct CUDAMatrix {
  let memory: CUDAMemory
  let address: UInt64
  package let rows: Int
  package let columns: Int
  /// How it stands there.
  let format: WeightFormat
}

/// Keys and values on the device, `[layers][rows, kvWidth]`, in words of 32 bits.
package struct CUDACache {
  /// All keys, then all values.
  let all: CUDATensor
  let keys: [CUDATensor]
  let values: [CUDATensor]
  /// Positions of a slot.
  let capacity: Int
  let precision: CachePrecision
  /// Where they are (CacheRows.cuh); `nil`: slot after slot.
  let pages: PageTable<CUDAIndices>?
  /// Where blocks of one head leave what the product after them merges.
  let partial: CUDATensor

  var pagesAddress: UInt64 { pages?.indices.address ?? 0 }
}

extension CUDABackend {
  func allocate(byteCount: Int) throws(CUDAError) -> CUDAMemory {
    try CUDAMemory(byteCount: byteCount, stream)
  }

  static func zeros(
    rows: Int, columns: Int, _ stream: CUDAStream
  ) throws(CUDAError) -> CUDATensor {
    let memory = try CUDAMemory(byteCount: 4 * rows * columns, stream)
    try memory.clear()
    return CUDATensor(memory: memory, address: memory.address, rows: rows, columns: columns)
  }

  static func zeros(count: Int, _ stream: CUDAStream) throws(CUDAError) -> CUDAIndices {
    let memory = try CUDAMemory(byteCount: 4 * count, stream)
    try memory.clear()
    return CUDAIndices(memory: memory, address: memory.address, count: count, stride: 1)
  }

  package func makeTensor(rows: Int, columns: Int) throws(CUDAError) -> CUDATensor {
    try Self.zeros(rows: rows, columns: columns, stream)
  }

  package func makeIndices(count: Int) throws(CUDAError) -> CUDAIndices {
    try Self.zeros(count: count, stream)
  }

  /// As the weights are, which halves what a long context takes of the device's memory.
  package func cachePrecision(weights: ElementType) -> CachePrecision {
    CachePrecision(weights: weights)
  }

  package func makeCache(
    layerCount: Int, slotCount: Int, capacity: Int, kvWidth: Int, precision: CachePrecision
  ) throws(CUDAError) -> CUDACache {
    try makeCache(
      layerCount: layerCount, rows: slotCount * capacity, capacity: capacity, pages: nil,
      kvWidth: kvWidth, precision: precision)
  }

  package func makeCache(
    layerCount: Int, pages table: PageTable<CUDAIndices>, pageCount: Int, kvWidth: Int,
    precision: CachePrecision
  ) throws(CUDAError) -> CUDACache {
    precondition(table.indices.stride == 1, "a table lies in one piece")
    let size = PageTable<CUDAIndices>.pageSize
    return try makeCache(
      layerCount: layerCount, rows: pageCount * size, capacity: table.pagesPerSlot * size,
      pages: table, kvWidth: kvWidth, precision: precision)
  }

  private func makeCache(
    layerCount: Int, rows: Int, capacity: Int, pages: PageTable<CUDAIndices>?, kvWidth: Int,
    precision: CachePrecision
  ) throws(CUDAError) -> CUDACache {
    precondition(kvWidth % 2 == 0, "a row of the cache is whole words")
    let all = try makeTensor(
      rows: 2 * layerCount * rows, columns: kvWidth * precision.byteCount / 4)
    func layers(from first: Int) -> [CUDATensor] {
      (first..<first + layerCount).map { all.rows($0 * rows..<($0 + 1) * rows) }
    }
    return CUDACache(
      all: all, keys: layers(from: 0), values: layers(from: layerCount), capacity: capacity,
      precision: precision, pages: pages,
      partial: try makeTensor(rows: 1, columns: Self.attentionPartials))
  }

  /// Matrices as they are stored.
  func loadStored(_ parts: [HostTensor]) throws(CUDAError) -> CUDAMatrix {
    let rows = parts.reduce(0) { $0 + $1.shape[0] }
    let columns = parts[0].count / parts[0].shape[0]
    precondition(parts.allSatisfy { $0.count == $0.shape[0] * columns }, "parts have one width")
    let type = parts[0].elementType
    guard parts.allSatisfy({ $0.elementType == type }) else {
      // Parts stored in different ways become F32.
      let tensor = try makeTensor(rows: rows, columns: columns)
      try write(parts.flatMap { $0.floats() }, to: tensor)
      return CUDAMatrix(
        memory: tensor.memory, address: tensor.address, rows: rows, columns: columns,
        format: .stored(.f32))
    }
    if type == .bfloat16 { try reserveSplitScratch(columns: columns) }
    let memory = try allocate(byteCount: rows * columns * type.byteCount)
    try memory.upload(parts)
    return CUDAMatrix(
      memory: memory, address: memory.address, rows: rows, columns: columns,
      format: .stored(ElementFormat(parts[0])))
  }

  package func loadVector(_ values: [Float]) throws(CUDAError) -> CUDATensor {
    let tensor = try makeTensor(rows: 1, columns: values.count)
    try write(values, to: tensor)
    return tensor
  }
}
