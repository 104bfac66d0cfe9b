// SPDX-License-Identifier: MIT
internal import SystemIO

/// Reads a WAV file block by block, whatever its sample format, rate and channel count.
///
/// Reads RIFF, RIFX (big endian), RF64 and BW64 with integers of 8 to 32 bits, 32- and 64-bit
/// floating point, A-law and µ-law, plain or extensible. Sizes in the file are upper bounds, never
/// amounts to allocate or to wait for; a file that ends early yields what is there and a warning.
package final class WAVReader: AudioStream {
  package let name: String
  package var encodingName: String { format.name }
  package var sampleRate: Int { format.sampleRate }
  package var channelCount: Int { format.channelCount }
  package private(set) var warnings: [AudioWarning] = []

  /// Bytes of samples the header promises; `nil` when it leaves the length open.
  package let claimedDataBytes: Int?

  private let format: WAVFormat
  private var reader: ByteReader
  private var rest: Int

  /// Reads a file's header.
  ///
  /// - Parameter path: A file or a named pipe.
  /// - Throws: `AudioError`; `unsupported` when the file is of another format.
  package convenience init(path: String) throws(AudioError) {
    let source: FileByteSource
    do { source = FileByteSource(try FileDescriptor(opening: path, for: .read)) } catch {
      throw AudioError(reading: error)
    }
    try self.init(source, name: path)
  }

  /// Reads the header at the start of a byte source.
  ///
  /// - Parameters:
  ///   - source: The bytes of the file.
  ///   - name: The file, for messages.
  /// - Throws: `AudioError`; `unsupported` when the bytes are of another format.
  package init(_ source: any ByteSource, name: String) throws(AudioError) {
    self.name = name
    var reader = ByteReader(source)
    let header = try WAVChunks(&reader, file: name)
    self.reader = reader
    format = header.format
    warnings = header.warnings
    claimedDataBytes = header.dataBytes
    rest = header.dataBytes ?? .max
  }

  /// The next samples, averaged over the channels, or none at the end.
  ///
  /// - Throws: `AudioError` when the file cannot be read.
  package func nextBlock() throws(AudioError) -> [Float] {
    let frameBytes = format.frameByteCount
    let wanted = min(rest - rest % frameBytes, max(1, 65_536 / frameBytes) * frameBytes)
    guard wanted > 0 else { return [] }
    let bytes = try reader.take(wanted)
    rest -= bytes.count
    if bytes.count < wanted {
      if claimedDataBytes != nil { warnings.append(.truncated(missing: rest)) }
      rest = 0
    }
    return format.mono(bytes.span)
  }
}
