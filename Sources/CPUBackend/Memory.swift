// SPDX-License-Identifier: MIT

package import SpeechModel

import CCPUKernels
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Bytes that a backend handed out and that are in use.
final class CPUMemoryCount: Sendable {
  private let bytes = Atomic(0)

  var byteCount: Int { bytes.load(ordering: .relaxed) }

  func add(_ count: Int) { bytes.add(count, ordering: .relaxed) }
}

/// Zeroed pages, unmapped with the last view of them; those never touched take no memory.
final class CPUMemory {
  let base: UnsafeMutableRawPointer
  private let byteCount: Int
  private let count: CPUMemoryCount

  init(byteCount: Int, _ count: CPUMemoryCount) {
    let size = max(byteCount, 64)
    guard
      let address = mmap(
        nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      address != MAP_FAILED
    else { qt_out_of_memory(size) }
    base = address
    self.byteCount = size
    self.count = count
    count.add(size)
  }

  deinit {
    munmap(base, byteCount)
    count.add(-byteCount)
  }
}

/// F32 numbers in host memory.
package struct CPUTensor: BackendTensor {
  let memory: CPUMemory
  let base: UnsafeMutablePointer<Float>
  package let rows: Int
  package let columns: Int

  var count: Int { rows * columns }

  package func rows(_ range: Range<Int>) -> CPUTensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows outside the tensor")
    return CPUTensor(
      memory: memory, base: base + range.lowerBound * columns, rows: range.count,
      columns: columns)
  }

  package func reshaped(rows: Int, columns: Int) -> CPUTensor {
    precondition(rows * columns == count, "a reshaped tensor keeps its size")
    return CPUTensor(memory: memory, base: base, rows: rows, columns: columns)
  }
}

/// I32 numbers in host memory.
package struct CPUIndices: BackendIndices {
  let memory: CPUMemory
  let base: UnsafeMutablePointer<Int32>
  package let count: Int
  let stride: Int

  subscript(index: Int) -> Int32 {
    get { base[index * stride] }
    nonmutating set { base[index * stride] = newValue }
  }

  package func strided(from start: Int, count: Int, by stride: Int) -> CPUIndices {
    precondition(
      start >= 0 && (count == 0 || start + (count - 1) * stride < self.count),
      "elements outside the indices")
    return CPUIndices(
      memory: memory, base: base + start * self.stride, count: count,
      stride: stride * self.stride)
  }

  /// The elements, contiguous.
  var values: [Int32] { (0..<count).map { self[$0] } }
}

/// Weights where they were mapped: parts stacked along their rows.
package struct CPUMatrix {
  struct Part {
    let base: UnsafeRawPointer
    let elementType: qt_dtype
    let elementSize: Int
    let rows: Int
    /// Keeps the bytes mapped.
    let storage: any TensorStorage
  }

  let parts: [Part]
  let rows: Int
  let columns: Int

  /// Address and type of a row.
  func row(_ index: Int) -> (UnsafeRawPointer, qt_dtype) {
    var index = index
    for part in parts {
      if index < part.rows {
        return (part.base + index * columns * part.elementSize, part.elementType)
      }
      index -= part.rows
    }
    preconditionFailure("row outside the matrix")
  }
}

/// Keys and values, `[layers][rows, kvWidth]`; memory never touched costs nothing.
package struct CPUCache {
  /// Of each layer.
  let keys: [CPUMemory]
  let values: [CPUMemory]
  /// Of a layer's keys of one slot.
  let byteCount: Int
  /// Positions of a slot.
  let capacity: Int
  let precision: CachePrecision
  /// Where they are; `nil`: slot after slot.
  let pages: PageTable<CPUIndices>?

  /// Where a position's key and value are.
  func row(slot: Int, position: Int) -> Int {
    guard let pages else { return slot * capacity + position % capacity }
    let size = PageTable<CPUIndices>.pageSize
    precondition(position < capacity, "the slot has room for the position")
    let page = pages.indices[slot * pages.pagesPerSlot + position / size]
    return Int(page) * size + position % size
  }

  /// Where they are, as the kernels take it.
  func withPages(_ body: (qt_pages) -> Void) {
    guard let pages else {
      return body(qt_pages(table: nil, pages_per_slot: 0, page_size: 0, capacity: Int32(capacity)))
    }
    body(
      qt_pages(
        table: pages.indices.base, pages_per_slot: Int32(pages.pagesPerSlot),
        page_size: Int32(PageTable<CPUIndices>.pageSize), capacity: Int32(capacity)))
  }

  var elementType: qt_dtype {
    switch precision {
    case .float32: QT_F32
    case .bfloat16: QT_BF16
    }
  }
}

extension CPUBackend {
  package func makeTensor(rows: Int, columns: Int) -> CPUTensor {
    let memory = allocate(byteCount: rows * columns * MemoryLayout<Float>.size)
    return CPUTensor(
      memory: memory, base: memory.base.bindMemory(to: Float.self, capacity: rows * columns),
      rows: rows, columns: columns)
  }

  package func makeIndices(count: Int) -> CPUIndices {
    let memory = allocate(byteCount: count * MemoryLayout<Int32>.size)
    return CPUIndices(
      memory: memory, base: memory.base.bindMemory(to: Int32.self, capacity: count), count: count,
      stride: 1)
  }

  /// F32 throughout: memory is not short here, and the codes are then those of the official model in
  /// F32.
  package func cachePrecision(weights: ElementType) -> CachePrecision { .float32 }

  package func makeCache(
    layerCount: Int, slotCount: Int, capacity: Int, kvWidth: Int, precision: CachePrecision
  ) -> CPUCache {
    let byteCount = capacity * kvWidth * precision.byteCount
    func layers() -> [CPUMemory] {
      (0..<layerCount).map { _ in allocate(byteCount: slotCount * byteCount) }
    }
    return CPUCache(
      keys: layers(), values: layers(), byteCount: byteCount, capacity: capacity,
      precision: precision, pages: nil)
  }

  package func makeCache(
    layerCount: Int, pages: PageTable<CPUIndices>, pageCount: Int, kvWidth: Int,
    precision: CachePrecision
  ) -> CPUCache {
    let rowBytes = kvWidth * precision.byteCount
    let size = PageTable<CPUIndices>.pageSize
    func layers() -> [CPUMemory] {
      (0..<layerCount).map { _ in allocate(byteCount: pageCount * size * rowBytes) }
    }
    let capacity = pages.pagesPerSlot * size
    return CPUCache(
      keys: layers(), values: layers(), byteCount: capacity * rowBytes, capacity: capacity,
      precision: precision, pages: pages)
  }

  /// The kernels read every layout as it is stored.
  package func loadWeight(_ parts: [HostTensor], as layout: WeightLayout) -> CPUMatrix {
    let columns = parts[0].count / parts[0].shape[0]
    let loaded = parts.map { tensor in
      precondition(tensor.count == tensor.shape[0] * columns, "stacked matrices have one width")
      let type: qt_dtype =
        switch tensor.elementType {
        case .float32: QT_F32
        case .bfloat16: QT_BF16
        case .float16: QT_F16
        case .int32, .int64, .int16, .uint8: preconditionFailure("\(tensor.name) holds integers")
        }
      // Safety: the storage never moves its bytes and is kept with the address.
      let address = tensor.storage.withBytes { bytes in
        bytes.withUnsafeBytes { buffer in
          buffer.baseAddress.map { $0 + tensor.byteRange.lowerBound }
        }
      }
      guard let address else { preconditionFailure("\(tensor.name) has no bytes") }
      return CPUMatrix.Part(
        base: address, elementType: type, elementSize: tensor.elementType.byteCount,
        rows: tensor.shape[0], storage: tensor.storage)
    }
    return CPUMatrix(
      parts: loaded, rows: loaded.reduce(0) { $0 + $1.rows }, columns: columns)
  }

  package func loadVector(_ values: [Float]) -> CPUTensor {
    let tensor = makeTensor(rows: 1, columns: values.count)
    write(values, to: tensor)
    return tensor
  }
}
