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

  /// Makes sure that a file of this name can be encoded here, before there is something to write.
  ///
  /// - Throws: `AudioError`: `unsupported` for a name that is none of ours, or `libraryMissing` with the
  ///   package to install.
  package static func check(_ path: String) throws(AudioError) {
    try AudioEncoder.check(AudioFormat(ofFileNamed: path))
  }

  /// Starts a file, or a stream on standard output.
  ///
  /// - Parameter path: A file, which is replaced; its name decides the format. `-` is WAV on standard
  ///   output.
  /// - Throws: `AudioError` as `check`, or when the file cannot be made; it is then left as it was.
  package init(to path: String) throws(AudioError) {
    let format = try AudioFormat(ofFileNamed: path)
    guard format != .wav else {
      wav = try WAVWriter(to: path)
      return
    }
    encoder = try AudioEncoder(format)
    do { file = try FileDescriptor(opening: path, for: .replace) } catch {
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
