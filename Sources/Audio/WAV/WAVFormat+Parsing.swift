// SPDX-License-Identifier: MIT

extension WAVFormat {
  /// The largest `fmt ` chunk that means anything: the extensible form.
  static let largestChunk = 40

  /// Reads the content of a `fmt ` chunk.
  ///
  /// - Parameters:
  ///   - chunk: The first bytes of the chunk, up to `largestChunk`.
  ///   - isBigEndian: Whether the file is RIFX.
  ///   - file: The file, for messages.
  ///   - warnings: Takes what was worked around.
  /// - Throws: `AudioError`, `unsupported` for encodings that are known to exist and
  ///   `malformed` for values that make no sense.
  init(
    chunk: [UInt8], isBigEndian: Bool, file: String, warnings: inout [AudioWarning]
  ) throws(AudioError) {
    guard chunk.count >= 16 else {
      throw AudioError(
        .malformed, file: file,
        problem: "the format chunk has \(chunk.count) bytes, expected at least 16")
    }
    func number(_ offset: Int, _ count: Int) -> Int {
      (0..<count).reduce(0) {
        $0 << 8 | Int(chunk[offset + (isBigEndian ? $1 : count - 1 - $1)])
      }
    }
    var tag = number(0, 2)
    let bits = number(14, 2)
    let blockAlign = number(12, 2)
    self.isBigEndian = isBigEndian
    channelCount = number(2, 2)
    sampleRate = number(4, 4)
    encoding = .muLaw
    if tag == 0xFFFE {
      tag = try Self.subFormat(of: chunk, number: number, file: file)
    }
    guard channelCount > 0 else {
      throw AudioError(.malformed, file: file, problem: "the header says 0 channels")
    }
    guard Self.sampleRates.contains(sampleRate) else {
      throw AudioError(
        .malformed, file: file,
        problem: "the header says \(sampleRate) samples per second, expected 1000 to 768000")
    }
    encoding = try Self.encoding(
      tag: tag, bits: bits, sampleBytes: Self.container(blockAlign, channelCount), file: file)
    if blockAlign != frameByteCount {
      guard blockAlign == 0 else {
        throw AudioError(
          .malformed, file: file,
          problem: "the header says \(blockAlign) bytes for each moment, expected "
            + "\(frameByteCount) for \(channelCount) channels of \(name)")
      }
      warnings.append(.repairedHeader("0 bytes for each moment, expected \(frameByteCount)"))
    }
  }

  /// The rates that are taken, in samples per second.
  static let sampleRates = 1_000...768_000

  /// Bytes that each sample takes in the file when the block size divides evenly.
  private static func container(_ blockAlign: Int, _ channelCount: Int) -> Int? {
    blockAlign > 0 && blockAlign % channelCount == 0 ? blockAlign / channelCount : nil
  }

  /// The encoding for a format tag.
  ///
  /// A sample may sit in more bytes than its bits need (24 bits in 4 bytes, 12 in 2); it is then
  /// at the upper end of them, as the format prescribes.
  private static func encoding(
    tag: Int, bits: Int, sampleBytes: Int?, file: String
  ) throws(AudioError) -> Encoding {
    switch (tag, bits) {
    case (1, 1...32):
      let needed = (bits + 7) / 8
      guard let sampleBytes, (needed...4).contains(sampleBytes) else {
        return .integer(byteCount: needed)
      }
      return .integer(byteCount: sampleBytes)
    case (3, 32): return .float32
    case (3, 64): return .float64
    case (6, 8): return .aLaw
    case (7, 8): return .muLaw
    default:
      let name = names[tag].map { "\($0), format \(tag)" } ?? "format \(tag)"
      throw AudioError(
        .unsupported, file: file, problem: "\(name) with \(bits) bits is not read directly",
        advice: "Convert it to 16-bit PCM, for example with ffmpeg")
    }
  }

  /// The format tag inside an extensible format chunk.
  private static func subFormat(
    of chunk: [UInt8], number: (Int, Int) -> Int, file: String
  ) throws(AudioError) -> Int {
    guard chunk.count >= largestChunk else {
      throw AudioError(
        .malformed, file: file,
        problem: "the extensible format chunk has \(chunk.count) bytes, expected 40")
    }
    let isWaveFormat =
      number(24, 4) <= 0xFFFF && number(28, 2) == 0 && number(30, 2) == 0x10
      && chunk[32..<40].elementsEqual([0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71])
    guard isWaveFormat else {
      throw AudioError(
        .unsupported, file: file, problem: "the extensible format is of an unknown kind",
        advice: "Convert it to 16-bit PCM, for example with ffmpeg")
    }
    return number(24, 4)
  }

  /// Encodings that are met in WAV files and are not read here.
  private static let names = [
    2: "Microsoft ADPCM", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x50: "MPEG audio", 0x55: "MP3",
    0x161: "Windows Media Audio", 0xFF: "AAC",
  ]
}
