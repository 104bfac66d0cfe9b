// SPDX-License-Identifier: MIT
internal import CSoundFile

/// Reads a file of any format that libsndfile knows, block by block, averaged to one channel.
@safe package final class SoundFileReader: AudioStream {
  package let name: String
  package let encodingName: String
  package let sampleRate: Int
  package let channelCount: Int
  package let warnings: [AudioWarning] = []

  private let library: SoundFileLibrary
  private let file: OpaquePointer
  private var interleaved: [Float]

  /// Frames of all channels that are read at once.
  private static let blockFrames = 8_192

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - path: A file.
  ///   - library: Where the functions are; `nil` where the machine has none.
  /// - Throws: `AudioError`: `libraryMissing`, or `unsupported` with the library's reason.
  package init(
    path: String, library: SoundFileLibrary? = SoundFileLibrary.shared
  ) throws(AudioError) {
    guard let library else {
      throw AudioError(
        .libraryMissing, file: path,
        problem: "the file is no WAV file, and the library that reads other formats is missing",
        advice:
          "Install it (apt install \(SoundFileLibrary.packageName)), or convert the file to WAV")
    }
    var info = qt_sound_info()
    guard let file = unsafe qt_sound_open(library.functions, path, &info) else {
      throw AudioError(
        .unsupported, file: path,
        problem: "no audio that can be read: \(unsafe Self.reason(library, nil))",
        advice: "Convert it to WAV, for example: ffmpeg -i \(path) reference.wav")
    }
    let rates = WAVFormat.sampleRates
    guard rates.contains(Int(info.sample_rate)), (1...1_024).contains(info.channels) else {
      unsafe qt_sound_close(library.functions, file)
      throw AudioError(
        .malformed, file: path,
        problem: "\(info.sample_rate) samples per second in \(info.channels) channels, expected "
          + "\(rates.lowerBound) to \(rates.upperBound)")
    }
    name = path
    encodingName = Self.encodingName(info.format)
    sampleRate = Int(info.sample_rate)
    channelCount = Int(info.channels)
    interleaved = [Float](repeating: 0, count: Self.blockFrames * Int(info.channels))
    self.library = library
    unsafe self.file = file
  }

  deinit { unsafe qt_sound_close(library.functions, file) }

  /// The next samples, averaged over the channels, or none at the end.
  ///
  /// - Throws: `AudioError` when the library gives more than was asked for.
  package func nextBlock() throws(AudioError) -> [Float] {
    let wanted = Int64(Self.blockFrames)
    let count = unsafe interleaved.withUnsafeMutableBufferPointer { buffer in
      unsafe buffer.baseAddress.map {
        unsafe qt_sound_read(library.functions, file, $0, wanted)
      } ?? 0
    }
    guard (0...wanted).contains(count) else {
      throw AudioError(
        .malformed, file: name, problem: "reading failed: \(unsafe Self.reason(library, file))")
    }
    let channels = channelCount
    return (0..<Int(count)).map { frame in
      var sum: Float = 0
      for channel in 0..<channels { sum += interleaved[frame * channels + channel] }
      return channels == 1 ? sum : sum / Float(channels)
    }
  }

  private static func reason(_ library: SoundFileLibrary, _ file: OpaquePointer?) -> String {
    guard let words = unsafe qt_sound_error(library.functions, file) else {
      return "no reason given"
    }
    let reason = unsafe String(cString: words)
    return String(reason.trimmingPrefix("Error : ").reversed().drop { $0 == "." }.reversed())
  }

  /// The container, and the encoding where one container has several.
  private static func encodingName(_ format: Int32) -> String {
    switch (format & 0x0FFF_0000, format & 0xFFFF) {
    case (0x17_0000, _): "FLAC"
    case (0x20_0000, 0x60): "Ogg Vorbis"
    case (0x20_0000, 0x64): "Ogg Opus"
    case (0x20_0000, _): "Ogg"
    case (0x23_0000, _): "MPEG audio"
    case (0x02_0000, _): "AIFF"
    case (0x01_0000, _), (0x13_0000, _): "compressed WAV"
    default: "another format"
    }
  }
}
