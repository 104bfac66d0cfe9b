// SPDX-License-Identifier: MIT
internal import SystemIO

/// Opens a recording of any format.
package enum AudioDecoder {
  /// Files larger than this are refused; no format needs as much for two minutes.
  package static let largestFile = 1 << 30

  /// Opens a file: WAV by our own reader, everything else through libsndfile.
  ///
  /// - Parameters:
  ///   - path: A file; a named pipe must carry WAV.
  ///   - library: What reads other formats; `nil` where the machine has none.
  /// - Returns: The recording, at its beginning.
  /// - Throws: `AudioError`; `libraryMissing` when only libsndfile could read the file.
  package static func open(
    _ path: String, library: SoundFileLibrary? = SoundFileLibrary.shared
  ) throws(AudioError) -> any AudioStream {
    let file: FileDescriptor
    do { file = try FileDescriptor(opening: path, for: .read) } catch {
      throw AudioError(reading: error)
    }
    let head = try head(of: file)
    let isFile = head != nil
    let isWAV = ["RIFF", "RIFX", "RF64", "BW64"].contains(
      String(decoding: head ?? [], as: UTF8.self))
    if let head, !isWAV, !head.isEmpty { return try SoundFileReader(path: path, library: library) }
    do {
      return try WAVReader(FileByteSource(file), name: path)
    } catch  where isFile && isWAV && error.code == .unsupported && library != nil {
      // A WAV file with an encoding that only the library knows, ADPCM for example.
      return try SoundFileReader(path: path, library: library)
    }
  }

  /// The first bytes of a file, which stays where it is; `nil` for a pipe, which cannot go back.
  private static func head(of file: borrowing FileDescriptor) throws(AudioError) -> [UInt8]? {
    var head = [UInt8](repeating: 0, count: 4)
    do {
      let status = try file.status()
      guard status.isRegularFile else { return nil }
      let megabytes = status.size >> 20
      guard megabytes <= largestFile >> 20 else {
        throw AudioError(
          .tooLarge, file: file.path,
          problem: "the file has \(megabytes) MiB, expected at most \(largestFile >> 20)",
          advice: "Cut out ten seconds of clear speech")
      }
      let count = try file.read(into: &head)
      try file.seek(to: 0)
      return Array(head[..<count])
    } catch let error as SystemError {
      throw AudioError(reading: error)
    } catch {
      throw error as? AudioError
        ?? AudioError(.unreadable, file: file.path, problem: "cannot read the file: \(error)")
    }
  }
}
