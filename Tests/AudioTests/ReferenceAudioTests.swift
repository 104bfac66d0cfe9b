// SPDX-License-Identifier: MIT
import Audio
import Foundation
import SystemIO
import Testing

@Suite struct ReferenceAudioTests {
  /// Samples of a stream that a test makes up.
  final class MadeUpStream: AudioStream {
    let name = "made-up.wav"
    let encodingName = "16-bit PCM"
    let sampleRate: Int
    let channelCount = 1
    let warnings: [AudioWarning] = []
    private var rest: ArraySlice<Float>
    /// Blocks handed out.
    private(set) var blockCount = 0

    init(_ samples: [Float], rate: Int = 24_000) {
      rest = samples[...]
      sampleRate = rate
    }

    func nextBlock() -> [Float] {
      blockCount += 1
      let block = Array(rest.prefix(8_192))
      rest = rest.dropFirst(8_192)
      return block
    }
  }

  /// A tone of 300 Hz with an amplitude for each moment.
  static func tone(
    seconds: Double, rate: Int = 24_000, _ amplitude: (Double) -> Double = { _ in 0.5 }
  ) -> [Float] {
    (0..<Int(seconds * Double(rate))).map { index in
      let time = Double(index) / Double(rate)
      return Float(amplitude(time) * sin(2 * .pi * 300 * time))
    }
  }

  func failure(
    _ samples: [Float], _ limits: ReferenceAudio.Limits = .init()
  ) -> AudioError? {
    do throws(AudioError) { _ = try ReferenceAudio(MadeUpStream(samples), limits: limits) } catch {
      return error
    }
    return nil
  }

  @Test(arguments: [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
  func `brings every rate to 24 kHz`(_ rate: Int) throws {
    let stream = MadeUpStream(Self.tone(seconds: 1.0, rate: rate), rate: rate)
    let audio = try ReferenceAudio(stream)
    #expect(audio.samples.count == 24_000)
    #expect(audio.warnings.isEmpty)
    let expected = Self.tone(seconds: 1.0)
    let inside = 2_400..<21_600
    #expect(inside.allSatisfy { abs(audio.samples[$0] - expected[$0]) < 1e-3 })
  }

  @Test func `refuses what is too short, and says how much is needed`() {
    let error = failure(Self.tone(seconds: 0.07))
    #expect(error?.code == .tooShort)
    #expect(error?.problem == "the recording has 0.07 seconds, expected at least 0.5")
    #expect(failure([])?.code == .tooShort)
    #expect(failure(Self.tone(seconds: 0.5)) == nil)
  }

  @Test func `refuses silence, also with a constant offset`() {
    #expect(failure([Float](repeating: 0, count: 48_000))?.code == .silent)
    #expect(failure([Float](repeating: 0.3, count: 48_000))?.code == .silent)
    #expect(failure(Self.tone(seconds: 1) { _ in 0.000_5 })?.code == .silent)
    #expect(failure(Self.tone(seconds: 1) { _ in 0.01 }) == nil)
    var limits = ReferenceAudio.Limits()
    limits.needsSound = false
    #expect(failure([Float](repeating: 0, count: 48_000), limits) == nil)
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity]) func `refuses what is not finite`(
    _ value: Float
  ) {
    var samples = Self.tone(seconds: 3)
    samples[60_000] = value
    let error = failure(samples)
    #expect(error?.code == .notFinite)
    #expect(error?.problem.contains("at 2 seconds") == true)
  }

  @Test func `refuses samples far out of range`() {
    #expect(failure(Self.tone(seconds: 1) { _ in 32_768 })?.code == .malformed)
  }

  @Test func `stops reading at the limit`() throws {
    let stream = MadeUpStream(Self.tone(seconds: 200))
    let error = #expect(throws: AudioError.self) { try ReferenceAudio(stream) }
    #expect(error?.code == .tooLarge)
    #expect(stream.blockCount <= 120 * 24_000 / 8_192 + 2)
  }

  @Test func `warns about clipping, length and silence`() throws {
    func warnings(_ samples: [Float]) throws -> [AudioWarning] {
      try ReferenceAudio(MadeUpStream(samples)).warnings
    }
    let overdriven = Self.tone(seconds: 2) { _ in 2 }.map { max(-1, min(1, $0)) }
    guard case .clipped(let share) = try #require(try warnings(overdriven).first) else {
      Issue.record("no warning about clipping")
      return
    }
    #expect(abs(share - 2.0 / 3) < 0.02)
    // Touching full scale once a period is no clipping.
    #expect(try warnings(Self.tone(seconds: 2) { _ in 1 }).isEmpty)
    #expect(try warnings(Self.tone(seconds: 31)) == [.long(seconds: 31)])
    let pauses = Self.tone(seconds: 10) { $0 < 2 ? 0.5 : 0 }
    #expect(try warnings(pauses) == [.mostlySilent(share: 0.8)])
  }

  // MARK: Files of other formats

  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/audio")

  static func fixture(_ name: String) -> String { fixtures.appending(path: name).path }

  @Test(
    .enabled(if: SoundFileLibrary.shared != nil, "libsndfile1 is not installed"),
    arguments: [
      ("tone.flac", "FLAC", 0.001), ("tone.ogg", "Ogg Vorbis", 0.03),
      ("tone.opus", "Ogg Opus", 0.05), ("tone.mp3", "MPEG audio", 0.06),
    ])
  func `reads other formats through libsndfile`(
    _ name: String, _ encoding: String, _ tolerance: Float
  ) throws {
    let stream = try AudioDecoder.open(Self.fixture(name))
    #expect(stream.encodingName == encoding)
    #expect(stream.channelCount == 2)
    let samples = try ReferenceAudio(stream).samples
    #expect(abs(samples.count - 14_400) <= 1_500)
    // A tone of 440 Hz that rises to 0.5, averaged with half of itself.
    let peaks = samples[7_000..<7_400].map { abs($0) }.max() ?? 0
    #expect(abs(peaks - 0.375 * 0.5) < 0.02 + tolerance)
    guard name == "tone.flac" else { return }
    let expected = (0..<14_400).map { index in
      let time = Double(index) / 24_000
      return Float(0.375 * sin(2 * .pi * 440 * time) * time / 0.6)
    }
    #expect((500..<13_900).allSatisfy { abs(samples[$0] - expected[$0]) < tolerance })
  }

  @Test func `a missing library is named with its package`() {
    #expect(SoundFileLibrary(name: "libnothing-at-all.so.1") == nil)
    let error = #expect(throws: AudioError.self) {
      try AudioDecoder.open(Self.fixture("tone.flac"), library: nil)
    }
    #expect(error?.code == .libraryMissing)
    #expect(error?.description.contains("apt install libsndfile1") == true)
  }

  @Test func `WAV needs no library`() throws {
    let folder = try TemporaryFolder()
    var writer = try WAVWriter(to: folder.file("a.wav"))
    try writer.write(Self.tone(seconds: 1))
    try writer.finish()
    let stream = try AudioDecoder.open(folder.file("a.wav"), library: nil)
    #expect(try ReferenceAudio(stream).samples.count == 24_000)
  }

  @Test func `what is no audio is refused with advice`() throws {
    let folder = try TemporaryFolder()
    for (name, bytes) in [
      ("empty", []), ("text.wav", Array("This is a text, not a recording.".utf8)),
      ("cut.flac", Array("fLaC\u{0}\u{0}\u{0}".utf8)),
    ] {
      let path = try folder.write(bytes, to: name)
      let error = #expect(throws: AudioError.self) { try ReferenceAudio(path: path) }
      #expect([.unsupported, .libraryMissing].contains(error?.code), "\(name)")
    }
    #expect(throws: AudioError.self) { try ReferenceAudio(path: folder.file("none")) }
    #expect(throws: AudioError.self) { try ReferenceAudio(path: folder.path) }
  }

  @Test func `a huge file is refused before it is read`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array("fLaC".utf8), to: "huge.flac")
    try FileDescriptor(opening: path, for: .update).truncate(
      to: AudioDecoder.largestFile + (1 << 20))
    let error = #expect(throws: AudioError.self) { try AudioDecoder.open(path) }
    #expect(error?.code == .tooLarge)
  }
}
