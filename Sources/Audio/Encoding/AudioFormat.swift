// SPDX-License-Identifier: MIT

/// A format in which speech leaves the program, as the bytes of a file or of a stream.
package enum AudioFormat: String, Sendable, CaseIterable {
  /// RIFF with 16-bit samples.
  case wav
  /// 16-bit samples, little endian, without a header.
  case pcm
  /// MPEG layer III at a constant bit rate, without tags, so that a player may begin at any frame.
  case mp3
  /// Opus in Ogg pages of 80 ms.
  case opus
  /// AAC-LC in ADTS frames.
  case aac
  /// Native FLAC, 16 bits.
  case flac
  /// G.711 µ-law, without a header.
  case ulaw
  /// G.711 A-law, without a header.
  case alaw

  /// The format that a file's name asks for by its ending, in any case; here and nowhere else.
  ///
  /// `-`, which is standard output, and names without an ending, such as `/dev/stdout`, ask for none in
  /// particular and get WAV.
  ///
  /// - Throws: `AudioError` `unsupported` for an ending that is none of ours.
  package init(ofFileNamed path: String) throws(AudioError) {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else {
      self = .wav
      return
    }
    let ending = name[name.index(after: dot)...].lowercased()
    guard let format = Self.allCases.first(where: { $0.fileNameEndings.contains(ending) }) else {
      let known = Self.allCases.map { "." + $0.fileNameEndings[0] }
      throw AudioError(
        .unsupported, file: path,
        problem: "expected a name that ends in \(known.joined(separator: ", ")), found .\(ending)",
        advice: "Write a WAV file and convert it, for example: ffmpeg -i speech.wav \(path)")
    }
    self = format
  }

  /// Endings of file names, the usual one first.
  package var fileNameEndings: [String] {
    switch self {
    case .wav: ["wav", "wave"]
    case .pcm: ["pcm", "raw", "s16"]
    case .mp3: ["mp3"]
    case .opus: ["opus", "ogg", "oga"]
    case .aac: ["aac", "adts"]
    case .flac: ["flac"]
    case .ulaw: ["ulaw", "ul", "mulaw"]
    case .alaw: ["alaw", "al"]
    }
  }

  /// The media type of a response in this format.
  package var contentType: String {
    switch self {
    case .wav: "audio/wav"
    case .pcm: "audio/pcm"
    case .mp3: "audio/mpeg"
    case .opus: "audio/ogg"
    case .aac: "audio/aac"
    case .flac: "audio/flac"
    case .ulaw: "audio/basic"
    case .alaw: "audio/x-alaw-basic"
    }
  }

  /// Samples per second where nothing else is asked for: the codec's own, and 8,000 for G.711.
  package var standardSampleRate: Int {
    switch self {
    case .ulaw, .alaw: 8_000
    default: 24_000
    }
  }

  /// Rates that the format can have, in samples per second.
  package var sampleRates: [Int] {
    switch self {
    case .mp3: [16_000, 22_050, 24_000, 32_000, 44_100, 48_000]
    case .opus: [8_000, 12_000, 16_000, 24_000, 48_000]
    default: [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]
    }
  }

  /// Bits per second where nothing else is asked for; `nil` where the format has no choice.
  package var standardBitRate: Int? {
    switch self {
    case .mp3, .aac: 64_000
    case .opus: 32_000
    default: nil
    }
  }
}
