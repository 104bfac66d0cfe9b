// SPDX-License-Identifier: MIT
/// What the chunks before the samples say.
struct WAVChunks {
  /// How samples are stored.
  private(set) var format: WAVFormat

  /// Bytes of samples, `nil` for "until the end".
  private(set) var dataBytes: Int?

  /// What was worked around.
  private(set) var warnings: [AudioWarning] = []

  /// Bytes before the samples that are searched; pictures and notes are kept there.
  static let searchLimit = 64 << 20

  /// Reads up to the first byte of samples.
  ///
  /// - Throws: `AudioError` when the bytes are no WAV file or cannot be read.
  init(_ reader: inout ByteReader, file: String) throws(AudioError) {
    let form = try Form(reader.take(12), file: file)
    var found: WAVFormat?
    var largeDataBytes: Int?
    while true {
      let head = try reader.take(8)
      guard head.count == 8, reader.position < Self.searchLimit else {
        throw Self.missing(found == nil ? "format" : "data", reader.position, file)
      }
      let size = form.number(head[4...])
      switch String(decoding: head[..<4], as: UTF8.self) {
      case "fmt ":
        let chunk = try reader.take(min(size, WAVFormat.largestChunk))
        found = try WAVFormat(
          chunk: chunk, isBigEndian: form.isBigEndian, file: file, warnings: &warnings)
        _ = try reader.skip(size - min(size, WAVFormat.largestChunk))
      case "ds64" where form.isLarge:
        let chunk = try reader.take(min(size, 16))
        if chunk.count == 16 { largeDataBytes = form.longNumber(chunk[8...]) }
        _ = try reader.skip(size - min(size, 16))
      case "data":
        guard let found else {
          throw AudioError(
            .malformed, file: file, problem: "the samples come before their format")
        }
        format = found
        dataBytes = Self.dataBytes(size, form, large: largeDataBytes)
        if dataBytes == nil, size != UInt32.max {
          warnings.append(.repairedHeader("it states no length"))
        }
        return
      default:
        _ = try reader.skip(min(size, Self.searchLimit))
      }
      // A chunk of odd size is followed by a zero byte, which some writers leave out.
      if size % 2 == 1, try reader.peek() == 0 { _ = try reader.skip(1) }
    }
  }

  /// The length of the samples, `nil` where the header leaves it open.
  ///
  /// Streams carry the largest size; a recorder that was killed leaves zeros in both places.
  private static func dataBytes(_ size: Int, _ form: Form, large: Int?) -> Int? {
    if size == UInt32.max { return form.isLarge ? large : nil }
    if size == 0, form.size == 0 { return nil }
    return size
  }

  private static func missing(_ chunk: String, _ position: Int, _ file: String) -> AudioError {
    let place =
      position < searchLimit ? "in the file's \(position) bytes" : "in the first 64 MiB"
    return AudioError(
      .malformed, file: file, problem: "no \(chunk) chunk \(place)",
      advice: "The file may be cut short or damaged")
  }
}

/// The first 12 bytes of a WAV file.
private struct Form {
  /// Whether numbers have their highest byte first.
  let isBigEndian: Bool

  /// Whether sizes beyond 4 GB are in a `ds64` chunk.
  let isLarge: Bool

  /// Bytes that follow, as stated.
  private(set) var size = 0

  init(_ head: [UInt8], file: String) throws(AudioError) {
    let kind = String(decoding: head.prefix(4), as: UTF8.self)
    isBigEndian = kind == "RIFX"
    isLarge = kind == "RF64" || kind == "BW64"
    guard head.count == 12, isBigEndian || isLarge || kind == "RIFF",
      head[8...].elementsEqual("WAVE".utf8)
    else {
      throw AudioError(
        .unsupported, file: file,
        problem: head.isEmpty ? "the file is empty" : "not a WAV file")
    }
    size = number(head[4..<8])
  }

  /// A number of 32 bits.
  func number(_ bytes: ArraySlice<UInt8>) -> Int {
    let value = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return Int(isBigEndian ? value.byteSwapped : value)
  }

  /// A number of 64 bits, little endian; `nil` beyond what a file can hold.
  func longNumber(_ bytes: ArraySlice<UInt8>) -> Int? {
    Int(exactly: bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }
}
