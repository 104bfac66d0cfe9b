// SPDX-License-Identifier: MIT

/// How a WAV file stores its samples, from its `fmt ` chunk.
struct WAVFormat: Equatable {
  /// The stored form of one sample.
  enum Encoding: Equatable {
    /// Integers of 1 to 4 bytes; single bytes are unsigned with 128 as zero.
    case integer(byteCount: Int)
    case float32
    case float64
    case aLaw
    case muLaw
  }

  var encoding: Encoding
  var isBigEndian = false
  var channelCount: Int
  var sampleRate: Int

  /// Bytes of one sample of one channel.
  var sampleByteCount: Int {
    switch encoding {
    case .integer(let byteCount): byteCount
    case .float32: 4
    case .float64: 8
    case .aLaw, .muLaw: 1
    }
  }

  /// Bytes of one sample of all channels.
  var frameByteCount: Int { sampleByteCount * channelCount }

  /// The encoding in words.
  var name: String {
    switch encoding {
    case .integer(let byteCount): "\(byteCount * 8)-bit PCM"
    case .float32: "32-bit floating point"
    case .float64: "64-bit floating point"
    case .aLaw: "A-law"
    case .muLaw: "µ-law"
    }
  }

  /// Decodes whole frames and averages their channels.
  ///
  /// Integers are scaled by their full scale, so that 16-bit -32,768 becomes -1.
  ///
  /// - Parameter bytes: Frames; a part of a frame at the end is left out.
  /// - Returns: One sample per frame.
  func mono(_ bytes: Span<UInt8>) -> [Float] {
    switch encoding {
    case .integer(byteCount: 1):
      average(bytes) { (Float(bytes[$0]) - 128) / 128 }
    case .integer(let count):
      average(bytes) { offset in
        Float(
          Int32(
            bitPattern: UInt32(
              truncatingIfNeeded: word(bytes, offset, count) << (32 - 8 * UInt64(count)))))
          * 0x1p-31
      }
    case .float32:
      average(bytes) { Float(bitPattern: UInt32(truncatingIfNeeded: word(bytes, $0, 4))) }
    case .float64:
      average(bytes) { Float(Double(bitPattern: word(bytes, $0, 8))) }
    case .aLaw:
      average(bytes) { Float(Self.aLaw(bytes[$0])) * 0x1p-15 }
    case .muLaw:
      average(bytes) { Float(Self.muLaw(bytes[$0])) * 0x1p-15 }
    }
  }

  /// The unsigned number of `count` bytes at `offset`, in the file's byte order.
  @inline(__always)
  private func word(_ bytes: Span<UInt8>, _ offset: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<count {
      let place = isBigEndian ? index : count - 1 - index
      value = value << 8 | UInt64(bytes[offset + place])
    }
    return value
  }

  @inline(__always)
  private func average(_ bytes: Span<UInt8>, _ sample: (Int) -> Float) -> [Float] {
    let width = sampleByteCount
    let frameCount = bytes.count / frameByteCount
    var mono: [Float] = []
    mono.reserveCapacity(frameCount)
    var offset = 0
    for _ in 0..<frameCount {
      var sum: Float = 0
      for _ in 0..<channelCount {
        sum += sample(offset)
        offset += width
      }
      mono.append(channelCount == 1 ? sum : sum / Float(channelCount))
    }
    return mono
  }

  /// The 16-bit value of an A-law byte (ITU-T G.711).
  static func aLaw(_ byte: UInt8) -> Int32 {
    let bits = Int32(byte ^ 0x55)
    let exponent = bits >> 4 & 7
    let mantissa = bits & 15
    let size = exponent == 0 ? mantissa << 4 + 8 : (mantissa << 4 + 0x108) << (exponent - 1)
    return bits & 0x80 == 0 ? -size : size
  }

  /// The 16-bit value of a µ-law byte (ITU-T G.711).
  static func muLaw(_ byte: UInt8) -> Int32 {
    let bits = Int32(~byte)
    let size = ((bits & 15) << 3 + 0x84) << (bits >> 4 & 7) - 0x84
    return bits & 0x80 == 0 ? size : -size
  }
}
