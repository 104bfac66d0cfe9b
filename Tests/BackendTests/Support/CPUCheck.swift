// SPDX-License-Identifier: MIT

import CCPUKernels
import CPUBackend
import ModelFiles
import SpeechModel
import Testing

/// Compares the CPU backend with the definitions of its operations, in odd sizes, on every instruction
/// set this machine has. Such a test is a process of its own: the instruction set is the process's.
struct CPUCheck {
  let backend = CPUBackend()
  var numbers = Numbers(seed: 1)

  /// With one thread and with several, on each instruction set.
  static func onEveryInstructionSet(_ body: (inout CPUCheck) throws -> Void) rethrows {
    for isa in [QT_PORTABLE, QT_AVX2, QT_AVX512] where qt_select_isa(isa) == isa {
      for threads in [1, 3] {
        qt_set_thread_count(Int32(threads))
        var check = CPUCheck()
        try body(&check)
      }
    }
  }

  func tensor(_ rows: [[Float]]) -> CPUTensor {
    let tensor = backend.makeTensor(rows: rows.count, columns: rows[0].count)
    backend.write(Array(rows.joined()), to: tensor)
    return tensor
  }

  func indices(_ values: [Int32]) -> CPUIndices {
    let indices = backend.makeIndices(count: values.count)
    backend.write(values, to: indices)
    return indices
  }

  func rows(_ tensor: CPUTensor) -> [[Float]] {
    let values = backend.read(tensor)
    return (0..<tensor.rows).map {
      Array(values[$0 * tensor.columns..<($0 + 1) * tensor.columns])
    }
  }

  /// A matrix at an odd address, and the numbers it holds after rounding to its type.
  func matrix(_ rows: [[Float]], _ type: ElementType = .float32) -> (CPUMatrix, [[Double]]) {
    let tensor = Self.stored(rows, type)
    let columns = rows[0].count
    let stored: [[Double]] = rows.indices.map { row in
      tensor.floats(row * columns..<(row + 1) * columns).map(Double.init)
    }
    return (backend.loadWeight([tensor], as: .stored), stored)
  }

  /// Numbers as a checkpoint stores them, at an odd address.
  static func stored(_ rows: [[Float]], _ type: ElementType) -> HostTensor {
    var bytes: [UInt8] = [0]
    for value in rows.joined() {
      switch type {
      case .bfloat16: withUnsafeBytes(of: UInt16(value.bitPattern >> 16)) { bytes += $0 }
      case .float16: withUnsafeBytes(of: half(value)) { bytes += $0 }
      default: withUnsafeBytes(of: value.bitPattern) { bytes += $0 }
      }
    }
    return HostTensor(
      name: "w", shape: [rows.count, rows[0].count], elementType: type,
      storage: MemoryStorage(byteCount: bytes.count) { span in
        for (offset, byte) in bytes.enumerated() {
          span.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
        }
      }, byteRange: 1..<bytes.count)
  }

  /// Half precision by dropping bits; small numbers become subnormal.
  private static func half(_ value: Float) -> UInt16 {
    let sign = UInt16(value.bitPattern >> 16) & 0x8000
    let exponent = Int32(value.bitPattern >> 23 & 0xFF) - 112
    let fraction = UInt16(value.bitPattern >> 13 & 0x3FF)
    if exponent <= 0 {
      return exponent < -9 ? sign : sign | (fraction | 0x400) >> UInt16(1 - exponent)
    }
    return sign | UInt16(exponent) << 10 | fraction
  }

  /// Expects `|a − r| ≤ 2e-5 · max(1, |r|)`, far below what a wrong term makes.
  func expect(
    _ actual: CPUTensor, _ reference: [[Double]], _ name: String, within tolerance: Double = 2e-5,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let worst =
      zip(rows(actual).joined(), reference.joined()).map {
        abs(Double($0) - $1) / max(1, abs($1))
      }.max() ?? .infinity
    let isEqual = actual.rows == reference.count && worst <= tolerance
    #expect(
      isEqual, "\(name), \(CPUBackend.instructionSet): off by \(worst)",
      sourceLocation: sourceLocation)
  }

  static func wide(_ rows: [[Float]]) -> [[Double]] { rows.map { $0.map(Double.init) } }
}

/// Small numbers under every name.
struct RandomWeights: WeightSource {
  func tensor(_ name: String, _ shape: [Int]) -> HostTensor {
    var numbers = Numbers(seed: UInt64(name.utf8.reduce(0) { $0 &* 31 &+ Int($1) } & 0xFFFF))
    return HostTensor(
      name: name, shape: shape,
      values: numbers.rows(1, shape.reduce(1, *), in: -0.2...0.2)[0])
  }
}
