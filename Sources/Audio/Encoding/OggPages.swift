// SPDX-License-Identifier: MIT

/// Puts packets into pages of one Ogg stream.
///
/// - Source: RFC 3533 for pages; RFC 7845 for Opus in them.
struct OggPages {
  /// Names the stream; any number.
  private let serial: UInt32
  private var sequence: UInt32 = 0

  /// A page has up to this many segments of 255 bytes.
  static let mostSegments = 255

  init(serial: UInt32) { self.serial = serial }

  /// The segments that a packet takes in a page.
  static func segmentCount(_ packet: [UInt8]) -> Int { packet.count / 255 + 1 }

  /// One page of whole packets.
  ///
  /// - Parameters:
  ///   - granule: Samples up to the end of the page, by the rule of the codec.
  ///   - isLast: Whether the stream ends with it.
  /// - Precondition: The packets fit a page.
  mutating func page(_ packets: [[UInt8]], granule: UInt64, isLast: Bool = false) -> [UInt8] {
    var lacing: [UInt8] = []
    for packet in packets {
      lacing += [UInt8](repeating: 255, count: packet.count / 255)
      lacing.append(UInt8(packet.count % 255))
    }
    precondition(lacing.count <= Self.mostSegments, "a page has up to 255 segments")
    var bytes = Array("OggS".utf8)
    bytes.append(0)
    bytes.append((sequence == 0 ? 2 : 0) | (isLast ? 4 : 0))
    bytes.append(littleEndian: granule)
    bytes.append(littleEndian: serial)
    bytes.append(littleEndian: sequence)
    let checksumOffset = bytes.count
    bytes.append(littleEndian: UInt32(0))
    bytes.append(UInt8(lacing.count))
    bytes += lacing
    for packet in packets { bytes += packet }
    var checksum = Self.checksum(bytes)
    for offset in 0..<4 {
      bytes[checksumOffset + offset] = UInt8(truncatingIfNeeded: checksum)
      checksum >>= 8
    }
    sequence += 1
    return bytes
  }

  /// CRC-32 with the polynomial 04C11DB7, highest bit first, from zero.
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    bytes.reduce(0) { sum, byte in
      sum << 8 ^ table[Int(UInt8(truncatingIfNeeded: sum >> 24) ^ byte)]
    }
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index) << 24) { value, _ in
      value << 1 ^ (value >> 31 == 1 ? 0x04C1_1DB7 : 0)
    }
  }
}
