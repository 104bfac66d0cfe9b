// SPDX-License-Identifier: MIT
import Audio
import Foundation
import Testing

@Suite struct AudioEncoderTests {
  static let hasFFmpeg = ["/usr/bin/ffmpeg", "/usr/local/bin/ffmpeg"].contains {
    FileManager.default.isExecutableFile(atPath: $0)
  }
  static let hasLibraries = EncoderLibrary.allCases.allSatisfy(\.isAvailable)
  static let canDecode = SoundFileLibrary.shared != nil

  /// The bytes of speech cut into blocks, and the first call that gave any.
  func bytes(
    _ samples: [Float], _ format: AudioFormat, block: Int, speed: Double = 1, rate: Int? = nil
  ) throws -> (all: [UInt8], first: Int?) {
    let encoder = try AudioEncoder(format, sampleRate: rate, speed: speed)
    var all: [UInt8] = []
    var first: Int?
    for (index, start) in stride(from: 0, to: samples.count, by: block).enumerated() {
      all += try encoder.encode(Array(samples[start..<min(start + block, samples.count)]))
      if first == nil, !all.isEmpty { first = index }
    }
    return (try all + encoder.finish(), first)
  }

  /// What libsndfile reads from bytes.
  func decoded(_ bytes: [UInt8], ending: String) throws -> (samples: [Float], rate: Int) {
    let folder = try TemporaryFolder()
    let stream = try AudioDecoder.open(folder.write(bytes, to: "speech.\(ending)"))
    var samples: [Float] = []
    while case let block = try stream.nextBlock(), !block.isEmpty { samples += block }
    return (samples, stream.sampleRate)
  }

  @Test func `pcm is each sample rounded to sixteen bits`() throws {
    let samples = speechlike(seconds: 0.5)
    let bytes = try bytes(samples, .pcm, block: 1_920).all
    #expect(bytes.count == 2 * samples.count)
    let wrong = samples.indices.first { index in
      let value = Int16(bitPattern: UInt16(bytes[2 * index]) | UInt16(bytes[2 * index + 1]) << 8)
      return value != WAVSampleFormat.int16(samples[index])
    }
    #expect(wrong == nil)
  }

  @Test func `a WAV header states the length only where it is known`() throws {
    func header(_ count: Int?, speed: Double = 1) throws -> [UInt8] {
      let encoder = try AudioEncoder(.wav, speed: speed, sampleCount: count)
      return try Array((encoder.encode([Float](repeating: 0.1, count: 4_000))).prefix(44))
    }
    #expect(try Array(header(4_000)[40..<44]) == [0x40, 0x1F, 0, 0])
    #expect(try Array(header(nil)[40..<44]) == [255, 255, 255, 255])
    #expect(try Array(header(nil)[4..<8]) == [255, 255, 255, 255])
    // Stretched speech has another length.
    #expect(try Array(header(4_000, speed: 2)[40..<44]) == [255, 255, 255, 255])
  }

  @Test(
    .enabled(if: hasLibraries, "libmp3lame0, libopus0 or libsndfile1 is not installed"),
    arguments: AudioFormat.allCases.filter { $0 != .aac })
  func `makes the same bytes however samples are cut`(_ format: AudioFormat) throws {
    let samples = speechlike(seconds: 0.7)
    let whole = try bytes(samples, format, block: 100_000).all
    #expect(!whole.isEmpty)
    for block in [1, 7, 1_920] {
      #expect(try bytes(samples, format, block: block).all == whole, "blocks of \(block)")
    }
  }

  @Test(
    .enabled(if: hasLibraries, "libmp3lame0, libopus0 or libsndfile1 is not installed"),
    arguments: AudioFormat.allCases.filter { $0 != .aac })
  func `gives bytes with the first frame of 80 ms`(_ format: AudioFormat) throws {
    #expect(try bytes(speechlike(seconds: 0.4), format, block: 1_920).first == 0)
  }

  @Test(
    .enabled(
      if: hasLibraries && canDecode, "libmp3lame0, libopus0 or libsndfile1 is not installed"),
    arguments: [AudioFormat.mp3, .opus, .flac, .wav])
  func `is decoded to what was said`(_ format: AudioFormat) throws {
    let samples = speechlike(seconds: 1.5)
    let bytes = try bytes(samples, format, block: 1_920).all
    let result = try decoded(bytes, ending: format.rawValue)
    let heard = Resampler.resample(result.samples, from: result.rate)
    // An mp3 frame more than was said at each end; the others are cut to length.
    let slack = format == .mp3 ? 3 * 576 + 529 : 1
    #expect(abs(heard.count - samples.count) <= slack, "\(heard.count) samples")
    let match = correlation(samples, heard, most: slack)
    #expect(match.value > (format == .flac || format == .wav ? 0.9999 : 0.98))
  }

  @Test(
    .enabled(
      if: hasLibraries && canDecode, "libmp3lame0, libopus0 or libsndfile1 is not installed"),
    arguments: [AudioFormat.mp3, .opus, .flac])
  func `a stream that is cut plays up to the cut`(_ format: AudioFormat) throws {
    let samples = speechlike(seconds: 2)
    let bytes = try bytes(samples, format, block: 1_920).all
    let half = try decoded(Array(bytes.prefix(bytes.count / 2)), ending: format.rawValue)
    let seconds = Double(half.samples.count) / Double(half.rate)
    #expect(seconds > 0.75 && seconds < 1.25, "\(seconds) s")
  }

  @Test(.enabled(if: hasFFmpeg, "ffmpeg is not installed"))
  func `AAC by ffmpeg is a stream of whole ADTS frames`() throws {
    let samples = speechlike(seconds: 1)
    let bytes = try bytes(samples, .aac, block: 1_920).all
    var frames = 0
    var offset = 0
    while offset + 7 <= bytes.count {
      #expect(bytes[offset] == 0xFF && bytes[offset + 1] & 0xF6 == 0xF0, "a frame at \(offset)")
      let length =
        Int(bytes[offset + 3] & 3) << 11 | Int(bytes[offset + 4]) << 3 | Int(bytes[offset + 5]) >> 5
      guard length >= 7 else { break }
      offset += length
      frames += 1
    }
    #expect(offset == bytes.count)
    // 1,024 samples a frame, and the encoder's delay.
    #expect((24...26).contains(frames), "\(frames) frames")
  }

  @Test(.enabled(if: hasFFmpeg, "ffmpeg is not installed"))
  func `an encoder that is given up ends its process`() throws {
    for _ in 0..<3 {
      let encoder = try AudioEncoder(.aac)
      _ = try encoder.encode(speechlike(seconds: 0.1))
    }
  }

  @Test(.enabled(if: hasLibraries, "libmp3lame0, libopus0 or libsndfile1 is not installed"))
  func `speech of no samples is a file of no sound`() throws {
    #expect(try bytes([], .wav, block: 1).all.count == 44)
    #expect(try bytes([], .pcm, block: 1).all.isEmpty)
    #expect(try bytes([], .opus, block: 1).all.starts(with: Array("OggS".utf8)))
    #expect(try bytes([], .flac, block: 1).all.starts(with: Array("fLaC".utf8)))
  }

  @Test func `G711 decodes to within a step of what was said`() throws {
    // The decoders of ITU-T G.711, written from its tables of segments.
    func muLaw(_ byte: UInt8) -> Int {
      let bits = Int(~byte)
      let magnitude = (((bits & 15) << 3) + 132) << (bits >> 4 & 7)
      return bits & 128 == 0 ? magnitude - 132 : 132 - magnitude
    }
    func aLaw(_ byte: UInt8) -> Int {
      let bits = Int(byte ^ 0x55)
      let segment = bits >> 4 & 7
      let mantissa = (bits & 15) << 4
      let magnitude = segment == 0 ? mantissa + 8 : (mantissa + 264) << (segment - 1)
      return bits & 128 == 0 ? -magnitude : magnitude
    }
    let levels = stride(from: -32_767, through: 32_767, by: 13).map { Float($0) / 32_767 }
    for (format, decode) in [(AudioFormat.ulaw, muLaw), (.alaw, aLaw)] {
      let encoder = try AudioEncoder(format, sampleRate: 24_000)
      for (level, byte) in zip(levels, try encoder.encode(levels)) {
        let sample = Int(WAVSampleFormat.int16(level))
        // A step is a sixteenth of the segment; the loudest levels are clipped by a step.
        let step = max(16, abs(sample) / 16)
        #expect(abs(decode(byte) - sample) <= step, "\(format) of \(sample)")
      }
    }
    #expect(try AudioEncoder(.ulaw, sampleRate: 24_000).encode([0]) == [0xFF])
    #expect(try AudioEncoder(.alaw, sampleRate: 24_000).encode([0]) == [0xD5])
  }

  @Test func `telephone formats have 8 kHz`() throws {
    #expect(try bytes(speechlike(seconds: 1), .ulaw, block: 1_920).all.count == 8_000)
  }

  @Test(arguments: [
    (AudioFormat.mp3, 8_000, 1.0, "mp3: expected 16000, 22050, 24000, 32000, 44100, 48000 samples"),
    (
      .opus, 22_050, 1.0,
      "opus: expected 8000, 12000, 16000, 24000, 48000 samples per second, found 22050."
    ),
    (.pcm, 24_000, 5.0, "pcm: expected a speed of 0.25 to 4.0, found 5.0."),
    (.pcm, 24_000, Double.nan, "pcm: expected a speed of 0.25 to 4.0, found nan."),
  ])
  func `refuses what a format cannot be`(
    _ format: AudioFormat, _ rate: Int, _ speed: Double, _ message: String
  ) {
    let error = #expect(throws: AudioError.self) {
      try AudioEncoder(format, sampleRate: rate, speed: speed)
    }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [AudioFormat.wav, .pcm, .ulaw])
  func `a file has the bytes of the stream`(_ format: AudioFormat) throws {
    let folder = try TemporaryFolder()
    let samples = speechlike(seconds: 0.3)
    var writer = try AudioFileWriter(to: folder.file("speech.\(format.rawValue)"))
    try writer.write(Array(samples[..<3_000]))
    try writer.write(Array(samples[3_000...]))
    try writer.finish()
    try writer.finish()
    let encoder = try AudioEncoder(format, sampleCount: samples.count)
    #expect(
      try folder.bytes("speech.\(format.rawValue)") == encoder.encode(samples) + encoder.finish())
  }
}
