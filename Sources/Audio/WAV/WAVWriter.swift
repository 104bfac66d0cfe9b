// SPDX-License-Identifier: MIT
package import SystemIO

/// Writes mono speech as a WAV file or stream, as it is made.
///
///     var writer = try WAVWriter(to: "hello.wav")
///     for try await chunk in speech { try writer.write(chunk.samples) }
///     try writer.finish()
///
/// In a file the header is brought up to date after every `write`, so the file can be played
/// whole at any moment, also after the process was killed. A pipe, a terminal or a file opened for
/// appending cannot be corrected afterwards: there the header states the largest length, which
/// players take as "until the end", and `isStream` is true.
///
/// Nothing is buffered: a chunk handed to `write` is with the system when the call returns.
/// The process must ignore `SIGPIPE`; a reader that goes away is then the error
/// `consumerWentAway`.
package struct WAVWriter: ~Copyable {
  private let file: FileDescriptor
  private let header: WAVHeader

  /// Offset of the header when it can be corrected; `nil` for a stream.
  private let headerOffset: Int?

  private let maximumDataBytes: Int
  private var dataBytes = 0
  private var isFinished = false
  private var scratch: [UInt8] = []

  /// Starts a file, or a stream on standard output.
  ///
  /// The header is written at once. An existing file is replaced.
  ///
  /// - Parameters:
  ///   - path: A file, or `-` for standard output.
  ///   - sampleRate: Samples per second.
  ///   - format: How samples are stored.
  /// - Throws: `AudioError` when the file cannot be made.
  package init(
    to path: String, sampleRate: Int = 24_000, format: WAVSampleFormat = .int16
  ) throws(AudioError) {
    try self.init(
      to: path == "-" ? .standardOutput : Self.replace(path), sampleRate: sampleRate, format: format
    )
  }

  /// Starts a file or stream on an open descriptor, at its current position.
  ///
  /// - Parameters:
  ///   - file: The descriptor, which the writer owns from here on.
  ///   - sampleRate: Samples per second.
  ///   - format: How samples are stored.
  ///   - maximumDataBytes: Where to stop; by default what the header's 32-bit sizes can say.
  /// - Throws: `AudioError` when the header cannot be written.
  package init(
    to file: consuming FileDescriptor, sampleRate: Int = 24_000, format: WAVSampleFormat = .int16,
    maximumDataBytes: Int? = nil
  ) throws(AudioError) {
    header = WAVHeader(sampleRate: sampleRate, format: format)
    self.maximumDataBytes = min(maximumDataBytes ?? .max, header.maximumDataBytes)
    headerOffset = file.patchablePosition
    self.file = file
    let bytes = header.bytes(dataBytes: headerOffset == nil ? nil : 0)
    do { try self.file.write(bytes.span) } catch { throw AudioError(writing: error) }
  }

  /// Whether the length in the header is left open because it cannot be corrected.
  package var isStream: Bool { headerOffset == nil }

  /// Samples written.
  package var sampleCount: Int { dataBytes / header.format.byteCount }

  /// Appends samples, nominal range -1…1.
  ///
  /// - Throws: `AudioError`: `consumerWentAway`, `diskFull`, `unwritable`, or `tooLarge` when a
  ///   file would pass 4 GB (24 hours of 16-bit speech). What was written before stays playable.
  /// - Precondition: `finish` has not been called.
  package mutating func write(_ samples: Span<Float>) throws(AudioError) {
    precondition(!isFinished, "write after finish")
    if samples.isEmpty { return }
    scratch.removeAll(keepingCapacity: true)
    header.format.append(samples, to: &scratch)
    guard isStream || dataBytes + scratch.count <= maximumDataBytes else {
      throw AudioError(
        .tooLarge, file: file.path,
        problem: "a WAV file ends at 4 GB, here after \(sampleCount / header.sampleRate) seconds",
        advice: "Speak the text in parts, or write to standard output, which has no such end")
    }
    do {
      try file.write(scratch.span)
      dataBytes += scratch.count
      try updateHeader()
    } catch {
      throw AudioError(writing: error)
    }
  }

  /// Appends samples, nominal range -1…1.
  ///
  /// - Throws: As the variant that takes a span.
  package mutating func write(_ samples: [Float]) throws(AudioError) {
    try write(samples.span)
  }

  /// Ends the file: its header states its final length.
  ///
  /// May be called more than once, and from the path that handles an interruption. A writer that
  /// goes away unfinished leaves a playable file all the same.
  ///
  /// - Throws: `AudioError` when the last bytes cannot be written.
  package mutating func finish() throws(AudioError) {
    if isFinished { return }
    isFinished = true
    if isStream { return }
    do { try updateHeader() } catch { throw AudioError(writing: error) }
  }

  private static func replace(_ path: String) throws(AudioError) -> FileDescriptor {
    do { return try FileDescriptor(opening: path, for: .replace) } catch {
      throw AudioError(writing: error)
    }
  }

  private func updateHeader() throws(SystemError) {
    guard let headerOffset else { return }
    let bytes = header.bytes(dataBytes: dataBytes)
    try file.write(bytes.span, at: headerOffset)
  }
}
