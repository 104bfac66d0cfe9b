// SPDX-License-Identifier: MIT

/// How a WAV file written by this package stores a sample.
package enum WAVSampleFormat: String, Sendable, CaseIterable {
  /// Signed 16-bit integers, full scale ±32,767: what every player understands.
  case int16

  /// 32-bit floating point, nominal range -1…1; nothing is clipped or rounded.
  case float32

  /// Bytes per sample.
  package var byteCount: Int {
    switch self {
    case .int16: 2
    case .float32: 4
    }
  }

  /// The format tag of the `fmt ` chunk: 1 for integers, 3 for floating point.
  var tag: UInt16 {
    switch self {
    case .int16: 1
    case .float32: 3
    }
  }

  /// Appends samples in this format, little endian.
  package func append(_ samples: Span<Float>, to bytes: inout [UInt8]) {
    bytes.reserveCapacity(bytes.count + samples.count * byteCount)
    switch self {
    case .int16:
      for index in samples.indices {
        bytes.append(littleEndian: UInt16(bitPattern: Self.int16(samples[index])))
      }
    case .float32:
      for index in samples.indices { bytes.append(littleEndian: samples[index].bitPattern) }
    }
  }

  /// The 16-bit value of a sample.
  ///
  ///     clamp(round(sample · 32767), -32768, 32767)
  ///
  /// Ties round to the even neighbour, no dither is added, not-a-number becomes 0. Scaling by
  /// 32,767 keeps full scale free of clipping in both directions.
  package static func int16(_ sample: Float) -> Int16 {
    let scaled = (sample * 32_767).rounded(.toNearestOrEven)
    guard scaled == scaled else { return 0 }
    return Int16(max(-32_768, min(32_767, scaled)))
  }
}

extension [UInt8] {
  /// Appends an integer with its lowest byte first.
  mutating func append<Value: FixedWidthInteger & UnsignedInteger>(littleEndian value: Value) {
    var rest = value
    for _ in 0..<(Value.bitWidth / 8) {
      append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }
}
