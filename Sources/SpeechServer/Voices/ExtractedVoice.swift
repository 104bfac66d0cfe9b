// SPDX-License-Identifier: MIT
#if Server
/// A voice as qwentts.cpp extracts it from a recording: an embedding (`.spk`) and codes (`.rvq`).
enum ExtractedVoice {
  private static let codebooks = 16
  private static let codeBits = 11

  /// Numbers of 32 bits, little-endian; `nil` for bytes that are not whole numbers.
  static func embedding(_ bytes: [UInt8]) -> [Float]? {
    guard !bytes.isEmpty, bytes.count % 4 == 0 else { return nil }
    return stride(from: 0, to: bytes.count, by: 4).map { start in
      Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << (8 * $1) })
    }
  }

  /// Frames of 16 codes; `nil` for bytes that are not whole frames.
  ///
  /// A code has 11 bits, the lowest first, and all codes of a codebook come before those of the next.
  static func frames(_ bytes: [UInt8]) -> [[Int32]]? {
    let frameBytes = codebooks * codeBits / 8
    guard !bytes.isEmpty, bytes.count % frameBytes == 0 else { return nil }
    let count = bytes.count / frameBytes
    var codes: [Int32] = []
    codes.reserveCapacity(count * codebooks)
    var (bits, bitCount) = (UInt32(0), 0)
    for byte in bytes {
      bits |= UInt32(byte) << bitCount
      bitCount += 8
      guard bitCount >= codeBits else { continue }
      codes.append(Int32(bits & (1 << codeBits - 1)))
      bits >>= codeBits
      bitCount -= codeBits
    }
    return (0..<count).map { frame in (0..<codebooks).map { codes[$0 * count + frame] } }
  }
}
#endif
