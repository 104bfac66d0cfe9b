// SPDX-License-Identifier: MIT

/// Turns 16-bit mono samples into the bytes of one format, as they come.
///
/// The bytes do not depend on how the samples are cut into calls, and what `encode` returns can be
/// sent at once.
protocol SampleEncoder: AnyObject {
  /// The bytes that these samples complete.
  ///
  /// - Throws: `AudioError` `unwritable` when the encoder fails.
  func encode(_ samples: [Int16]) throws(AudioError) -> [UInt8]
  /// The bytes that are left; nothing may be encoded afterwards.
  ///
  /// - Throws: `AudioError` `unwritable` when the encoder fails.
  func finish() throws(AudioError) -> [UInt8]
}

/// Samples as they are, after a WAV header or none.
final class PCMEncoder: SampleEncoder {
  private var header: [UInt8]

  /// - Parameter header: What comes before the first samples.
  init(header: [UInt8] = []) { self.header = header }

  func encode(_ samples: [Int16]) -> [UInt8] {
    var bytes = takeHeader()
    bytes.reserveCapacity(bytes.count + 2 * samples.count)
    for sample in samples { bytes.append(littleEndian: UInt16(bitPattern: sample)) }
    return bytes
  }

  func finish() -> [UInt8] { takeHeader() }

  private func takeHeader() -> [UInt8] {
    defer { header = [] }
    return header
  }
}

/// A byte a sample, by a table of G.711.
final class G711Encoder: SampleEncoder {
  private let table: [UInt8]

  /// - Parameter law: `G711.muLaw` or `G711.aLaw`.
  init(_ law: (Int16) -> UInt8) {
    table = (0...UInt16.max).map { law(Int16(bitPattern: $0)) }
  }

  func encode(_ samples: [Int16]) -> [UInt8] {
    samples.map { table[Int(UInt16(bitPattern: $0))] }
  }

  func finish() -> [UInt8] { [] }
}

/// The two companding laws of ITU-T G.711.
enum G711 {
  /// µ-law: sign, three bits of segment, four of mantissa, all inverted.
  static func muLaw(_ sample: Int16) -> UInt8 {
    let bias = 0x84
    let magnitude = min(abs(Int(sample)), 32_635) + bias
    // The highest bit set, 7…14, names the segment.
    let segment = Int.bitWidth - 1 - magnitude.leadingZeroBitCount - 7
    let mantissa = magnitude >> (segment + 3) & 0x0F
    return ~UInt8((sample < 0 ? 0x80 : 0) | segment << 4 | mantissa)
  }

  /// A-law: sign, three bits of segment, four of mantissa, every other bit inverted.
  static func aLaw(_ sample: Int16) -> UInt8 {
    // 13 bits of magnitude; negative numbers count from −1.
    let magnitude = (sample < 0 ? ~Int(sample) : Int(sample)) >> 3
    let sign = sample < 0 ? 0 : 0x80
    guard magnitude >= 32 else { return UInt8(sign | magnitude >> 1) ^ 0x55 }
    let segment = Int.bitWidth - 1 - magnitude.leadingZeroBitCount - 4
    let mantissa = magnitude >> segment & 0x0F
    return UInt8(sign | segment << 4 | mantissa) ^ 0x55
  }
}
