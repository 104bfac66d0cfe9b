// SPDX-License-Identifier: MIT
internal import SystemIO

/// Writes speech to a file or to standard output in any format, as it is made.
///
/// WAV is written by `WAVWriter`, whose files state their true length; the other formats are streams,
/// the same bytes in a file as over a network. What was written can be played at any moment.
package struct AudioFileWriter: ~Copyable {
  private var wav: WAVWriter?
  private var encoder: AudioEncoder?
  private var file: FileDescriptor?

  /// Starts a file, or a stream on standard output.
  ///
  /// - Parameters:
  ///   - path: A file, which is replaced, or `-` for standard output.
  ///   - format: The format of its bytes.
  /// - Throws: `AudioError` when the file cannot be made or the format's library is missing; the file
  ///   is then left as it was.
  package init(to path: String, format: AudioFormat) throws(AudioError) {
    guard format != .wav else {
      wav = try WAVWriter(to: path)
      return
    }
    encoder = try AudioEncoder(format)
    do {
      file = path == "-" ? .standardOutput : try FileDescriptor(opening: path, for: .replace)
    } catch {
      throw AudioError(writing: error)
    }
  }

  /// Appends samples, nominal range −1…1.
  ///
  /// - Throws: `AudioError`: `consumerWentAway`, `diskFull` or `unwritable`.
  package mutating func write(_ samples: [Float]) throws(AudioError) {
    try wav?.write(samples)
    if let bytes = try encoder?.encode(samples) { try append(bytes) }
  }

  /// Ends the file.
  ///
  /// - Throws: As `write`.
  package mutating func finish() throws(AudioError) {
    try wav?.finish()
    guard let encoder else { return }
    self.encoder = nil
    try append(encoder.finish())
  }

  private mutating func append(_ bytes: [UInt8]) throws(AudioError) {
    do { try file?.write(bytes.span) } catch { throw AudioError(writing: error) }
  }
}
