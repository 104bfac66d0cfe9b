// SPDX-License-Identifier: MIT

/// The 44 bytes before the samples of a mono WAV file, 56 for floating point.
///
/// Floating point files carry the `fact` chunk that the format asks of every non-integer file.
package struct WAVHeader: Sendable {
  /// Samples per second.
  package let sampleRate: Int

  /// How samples are stored.
  package let format: WAVSampleFormat

  /// Describes a mono file.
  package init(sampleRate: Int, format: WAVSampleFormat) {
    self.sampleRate = sampleRate
    self.format = format
  }

  /// The header's own size in bytes.
  package var byteCount: Int { format == .float32 ? 56 : 44 }

  /// The most bytes of samples that the 32-bit sizes of the header can describe.
  package var maximumDataBytes: Int {
    let limit = Int(UInt32.max) - byteCount - 1
    return limit - limit % format.byteCount
  }

  /// The header's bytes.
  ///
  /// - Parameter dataBytes: Bytes of samples that follow. `nil` writes the largest size a header
  ///   can state: players read that as "until the end", so a stream can be heard as it is made.
  /// - Returns: `byteCount` bytes.
  package func bytes(dataBytes: Int?) -> [UInt8] {
    let unknown = UInt32.max
    let frameBytes = format.byteCount
    var bytes: [UInt8] = []
    bytes.append(contentsOf: Array("RIFF".utf8))
    bytes.append(littleEndian: dataBytes.map { UInt32(byteCount - 8 + $0) } ?? unknown)
    bytes.append(contentsOf: Array("WAVEfmt ".utf8))
    bytes.append(littleEndian: UInt32(16))
    bytes.append(littleEndian: format.tag)
    bytes.append(littleEndian: UInt16(1))
    bytes.append(littleEndian: UInt32(sampleRate))
    bytes.append(littleEndian: UInt32(sampleRate * frameBytes))
    bytes.append(littleEndian: UInt16(frameBytes))
    bytes.append(littleEndian: UInt16(frameBytes * 8))
    if format == .float32 {
      bytes.append(contentsOf: Array("fact".utf8))
      bytes.append(littleEndian: UInt32(4))
      bytes.append(littleEndian: dataBytes.map { UInt32($0 / frameBytes) } ?? unknown)
    }
    bytes.append(contentsOf: Array("data".utf8))
    bytes.append(littleEndian: dataBytes.map(UInt32.init) ?? unknown)
    return bytes
  }
}
