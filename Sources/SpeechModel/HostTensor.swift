// SPDX-License-Identifier: MIT

/// How the numbers of a stored tensor are laid out.
package enum ElementType: String, Sendable, CaseIterable {
  case bfloat16 = "BF16"
  case float16 = "F16"
  case float32 = "F32"
  case int32 = "I32"
  case int64 = "I64"
  case int16 = "I16"
  case uint8 = "U8"

  /// Bytes of one element.
  package var byteCount: Int {
    switch self {
    case .bfloat16, .float16, .int16: 2
    case .float32, .int32: 4
    case .int64: 8
    case .uint8: 1
    }
  }
}

/// Bytes that stay where they are for as long as the object lives: a mapped file or a buffer.
package protocol TensorStorage: AnyObject, Sendable {
  /// Lends all bytes. The address is the same at every call.
  func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result
}

/// A stored tensor on the host: a name, a shape and a range of some storage. Copies share bytes.
package struct HostTensor: Sendable {
  package let name: String
  /// Row-major, the last dimension contiguous.
  package let shape: [Int]
  package let elementType: ElementType
  package let storage: any TensorStorage
  /// Where the tensor lies in the storage.
  package let byteRange: Range<Int>

  package init(
    name: String, shape: [Int], elementType: ElementType, storage: any TensorStorage,
    byteRange: Range<Int>
  ) {
    precondition(
      byteRange.count == shape.reduce(elementType.byteCount, *), "the range must hold the shape")
    self.name = name
    self.shape = shape
    self.elementType = elementType
    self.storage = storage
    self.byteRange = byteRange
  }

  /// Number of elements.
  package var count: Int { shape.reduce(1, *) }

  /// The same bytes under another shape of equal size.
  package func reshaped(_ shape: [Int]) -> HostTensor {
    HostTensor(
      name: name, shape: shape, elementType: elementType, storage: storage, byteRange: byteRange)
  }

  /// Rows of a two-dimensional tensor, as a view.
  package func rows(_ range: Range<Int>) -> HostTensor {
    let rowBytes = byteRange.count / shape[0]
    let start = byteRange.lowerBound
    return HostTensor(
      name: name, shape: [range.count] + shape.dropFirst(), elementType: elementType,
      storage: storage,
      byteRange: start + range.lowerBound * rowBytes..<start + range.upperBound * rowBytes)
  }

  /// The elements of `range`, widened to `Float`.
  ///
  /// - Precondition: The element type is a floating-point one.
  package func floats(_ range: Range<Int>) -> [Float] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range outside the tensor")
    let first = byteRange.lowerBound
    return storage.withBytes { bytes in
      switch elementType {
      case .float32:
        range.map { Float(bitPattern: bytes.load32(first + 4 * $0)) }
      case .bfloat16:
        range.map { Float(bitPattern: UInt32(bytes.load16(first + 2 * $0)) << 16) }
      case .float16:
        range.map { Float(halfPrecision: bytes.load16(first + 2 * $0)) }
      case .int32, .int64, .int16, .uint8:
        preconditionFailure("\(name) holds integers")
      }
    }
  }

  /// All elements, widened to `Float`.
  package func floats() -> [Float] { floats(0..<count) }
}

extension RawSpan {
  // Safety: `floats` checks its range against the tensor, and the tensor lies inside its storage.
  fileprivate func load16(_ offset: Int) -> UInt16 {
    UInt16(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  fileprivate func load32(_ offset: Int) -> UInt32 {
    UInt32(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }
}

extension Float {
  /// Widens an IEEE half-precision number given by its bits.
  package init(halfPrecision bits: UInt16) {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = Int32((bits >> 10) & 0x1F)
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:
      // Zero and subnormal: fraction · 2⁻²⁴ is exact in single precision.
      let magnitude = Float(fraction) * 0x1p-24
      self = sign == 0 ? magnitude : -magnitude
    case 31:
      self = Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default:
      self = Float(bitPattern: sign | UInt32(exponent + 112) << 23 | fraction << 13)
    }
  }
}

/// Where layers take their weights from. Names are the checkpoint's.
package protocol WeightSource {
  /// The tensor of that name; an error that names file, tensor, expected and found when it is
  /// missing or its shape differs.
  func tensor(_ name: String, _ shape: [Int]) throws -> HostTensor
}

extension WeightSource {
  /// A source that puts `prefix` before every name.
  package func scoped(_ prefix: String) -> ScopedWeights {
    ScopedWeights(base: self, prefix: prefix)
  }
}

/// A part of a checkpoint: names are taken relative to a prefix.
package struct ScopedWeights: WeightSource {
  let base: any WeightSource
  let prefix: String

  package func tensor(_ name: String, _ shape: [Int]) throws -> HostTensor {
    try base.tensor(prefix + name, shape)
  }
}
