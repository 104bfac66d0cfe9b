// SPDX-License-Identifier: MIT

import SpeechModel

import CCPUKernels

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

// This target is pointers to C kernels throughout, which is its purpose: it is built without strict
// memory safety, because marking every expression would point at none. What makes them sound: a view
// keeps its memory alive, a `Matrix` its mapped storage, and views are cut with checked ranges.

/// The model on the CPU: F32 arithmetic over weights in their stored precision, on all cores.
///
/// It is the oracle of every other backend and a usable engine by itself. Not `Sendable`: one thread
/// uses it at a time. Operations are in a file each, named as in `Backend`; those without a file run
/// as `ComposedBackend` defines them.
package final class CPUBackend: ComposedBackend {
  package typealias Failure = Never
  package typealias Tensor = CPUTensor
  package typealias Indices = CPUIndices
  package typealias Matrix = CPUMatrix
  package typealias Cache = CPUCache
  package typealias FrameRing = CPUFrameRing
  package typealias Recording = CPURecording

  private let memory = CPUMemoryCount()
  /// Rows of a history and of what follows it; grown to the longest asked for.
  private var joined = ScratchBuffer()
  /// Scores of attention.
  private var scores = ScratchBuffer()

  package init() {}

  /// Bytes of the tensors, indices and caches in use; mapped, not necessarily touched.
  package var allocatedByteCount: Int { memory.byteCount }

  func allocate(byteCount: Int) -> CPUMemory { CPUMemory(byteCount: byteCount, memory) }

  /// Room for so many scores, not initialised.
  func reserveScores(_ count: Int) -> UnsafeMutablePointer<Float> { scores.reserve(count) }

  /// Whether so many bytes can be had at once, in addition to what there is.
  package static func canMap(byteCount: Int) -> Bool {
    let address = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let address, address != MAP_FAILED else { return false }
    munmap(address, byteCount)
    return true
  }

  /// The history followed by `count` numbers, which `fill` makes; afterwards the history holds the
  /// last rows.
  func join(
    _ history: CPUTensor, _ count: Int, fill: (UnsafeMutablePointer<Float>) -> Void
  ) -> UnsafeMutablePointer<Float> {
    let rows = joined.reserve(history.count + count)
    rows.update(from: history.base, count: history.count)
    fill(rows + history.count)
    history.base.update(from: rows + count, count: history.count)
    return rows
  }

  func join(_ history: CPUTensor, _ x: CPUTensor) -> UnsafeMutablePointer<Float> {
    precondition(history.columns == x.columns)
    return join(history, x.count) { $0.update(from: x.base, count: x.count) }
  }
}

/// Memory for one operation, kept for the next.
private struct ScratchBuffer: ~Copyable {
  private var base: UnsafeMutablePointer<Float>?
  private var capacity = 0

  /// At least `count` numbers, not initialised.
  mutating func reserve(_ count: Int) -> UnsafeMutablePointer<Float> {
    if let base, capacity >= count { return base }
    free(base)
    let size = count * MemoryLayout<Float>.size
    guard let memory = malloc(size) else { qt_out_of_memory(size) }
    let fresh = memory.bindMemory(to: Float.self, capacity: count)
    base = fresh
    capacity = count
    return fresh
  }

  deinit { free(base) }
}

extension CPUBackend {
  /// Threads in use.
  package static var threadCount: Int {
    get { Int(qt_thread_count()) }
    set { qt_set_thread_count(Int32(clamping: newValue)) }
  }

  /// Runs a body on one thread with the kernels that every processor has, the reference of the others.
  package static func withPlainKernels(_ body: () throws -> Void) rethrows {
    let (isa, threads) = (qt_current_isa(), qt_thread_count())
    defer {
      _ = qt_select_isa(isa)
      qt_set_thread_count(threads)
    }
    _ = qt_select_isa(QT_PORTABLE)
    qt_set_thread_count(1)
    try body()
  }

  /// The instruction set the kernels run in.
  package static var instructionSet: String {
    switch qt_current_isa() {
    case QT_AVX512: "AVX-512"
    case QT_AVX2: "AVX2"
    default:
      #if arch(arm64)
      "NEON"
      #else
      "SSE2"
      #endif
    }
  }
}
