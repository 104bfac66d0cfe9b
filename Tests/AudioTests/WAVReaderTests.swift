// SPDX-License-Identifier: MIT
import Audio
import Foundation
import FuzzSupport
import SystemIO
import Testing

@Suite struct WAVReaderTests {
  /// All samples of a file, and its reader.
  func read(_ bytes: [UInt8]) throws(AudioError) -> (samples: [Float], reader: WAVReader) {
    let reader = try WAVReader(ArrayByteSource(bytes), name: "test.wav")
    var samples: [Float] = []
    while true {
      let block = try reader.nextBlock()
      if block.isEmpty { return (samples, reader) }
      samples += block
    }
  }

  /// The error that reading gives.
  func error(_ wav: WAVBytes) -> AudioError? {
    do { _ = try read(wav.bytes) } catch { return error }
    return nil
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var tag = 1
    var bits: Int
    var blockAlign: Int?
    var data: [UInt8]
    var expected: [Float]
  }

  static let cases: [Case] = [
    Case(
      testDescription: "u8", bits: 8, data: [0, 64, 128, 255], expected: [-1, -0.5, 0, 127.0 / 128]),
    Case(
      testDescription: "s16", bits: 16, data: [0, 0x80, 0, 0x40, 0xFF, 0xFF],
      expected: [-1, 0.5, -0x1p-15]),
    Case(
      testDescription: "s24", bits: 24, data: [0, 0, 0x80, 0, 0, 0x40, 0xFF, 0xFF, 0xFF],
      expected: [-1, 0.5, -0x1p-23]),
    Case(
      testDescription: "s32", bits: 32, data: [0, 0, 0, 0x80, 0, 0, 0, 0x40], expected: [-1, 0.5]),
    Case(
      testDescription: "24 bits in 4 bytes", bits: 24, blockAlign: 4,
      data: [0, 0, 0, 0x80, 0, 0, 0, 0x40], expected: [-1, 0.5]),
    Case(
      testDescription: "12 bits in 2 bytes", bits: 12, data: [0, 0x80, 0xF0, 0x7F],
      expected: [-1, 32_752.0 / 32_768]),
    Case(
      testDescription: "float32", tag: 3, bits: 32, data: [0, 0, 0x80, 0x3F, 0, 0, 0, 0xBF],
      expected: [1, -0.5]),
    Case(
      testDescription: "float64", tag: 3, bits: 64,
      data: [0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0, 0, 0, 0xE0, 0xBF], expected: [1, -0.5]),
    Case(
      testDescription: "A-law", tag: 6, bits: 8, data: [0xD5, 0x55, 0xAA, 0x2A, 0x80],
      expected: [8, -8, 32_256, -32_256, 5_504].map { $0 / 32_768 }),
    Case(
      testDescription: "µ-law", tag: 7, bits: 8, data: [0xFF, 0x7F, 0x80, 0x00, 0xC5],
      expected: [0, 0, 32_124, -32_124, 1_564].map { $0 / 32_768 }),
  ]

  @Test(arguments: cases, [false, true])
  func `reads every sample format, plain and extensible`(one: Case, extensible: Bool) throws {
    let wav = WAVBytes(
      tag: one.tag, bits: one.bits, blockAlign: one.blockAlign, extensible: extensible,
      data: one.data)
    let (samples, reader) = try read(wav.bytes)
    #expect(samples == one.expected)
    #expect(reader.warnings.isEmpty)
  }

  /// The sums are those of an independent decoder over all 256 bytes.
  @Test(arguments: [(6, 100_139_008), (7, 98_107_392)])
  func `decodes every A-law and µ-law byte`(tag: Int, weightedSum: Int) throws {
    let samples = try read(WAVBytes(tag: tag, bits: 8, data: Array(0...255)).bytes).samples
    #expect(
      samples.enumerated().reduce(0) { $0 + $1.offset * Int($1.element * 32_768) } == weightedSum)
  }

  @Test(arguments: [(2, 16), (3, 24), (4, 32)])
  func `reads big-endian files`(width: Int, bits: Int) throws {
    let data = [0x40] + [UInt8](repeating: 0, count: width - 1)
    #expect(try read(WAVBytes(kind: "RIFX", bits: bits, data: data).bytes).samples == [0.5])
  }

  @Test func `reads big-endian floating point`() throws {
    let wav = WAVBytes(kind: "RIFX", tag: 3, bits: 32, extensible: true, data: [0x3F, 0x80, 0, 0])
    #expect(try read(wav.bytes).samples == [1])
  }

  @Test func `averages any number of channels`() throws {
    let stereo = WAVBytes(channels: 2, data: [0, 0x40, 0, 0x20, 0, 0x80, 0, 0])
    #expect(try read(stereo.bytes).samples == [0.375, -0.5])
    let frame = (0..<65_535).flatMap { [UInt8](arrayLiteral: 0, $0 % 2 == 0 ? 0x40 : 0x20) }
    let many = WAVBytes(channels: 65_535, blockAlign: 0, data: frame)
    #expect(abs(try #require(try read(many.bytes).samples.first) - 0.375) < 1e-4)
  }

  @Test func `reads beyond one block in order`() throws {
    let data = (0..<100_000).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8 & 0x3F)] }
    let samples = try read(WAVBytes(data: data).bytes).samples
    #expect(samples.count == 100_000)
    #expect(samples.indices.allSatisfy { samples[$0] == Float($0 & 0x3FFF) / 32_768 })
  }

  @Test func `reads RF64 and its 64-bit length`() throws {
    var wav = WAVBytes(kind: "RF64", claimedDataBytes: 0xFFFF_FFFF, data: [0, 0x40, 0, 0x40])
    wav.before = [
      ("ds64", wav.number(100, 8) + wav.number(2, 8) + wav.number(1, 8) + [0, 0, 0, 0])
    ]
    let (samples, reader) = try read(wav.bytes)
    #expect(samples == [0.5])
    #expect(reader.warnings.isEmpty)
  }

  @Test func `skips other chunks, odd ones with and without their padding`() throws {
    var wav = WAVBytes(data: [0, 0x40])
    wav.before = [("LIST", [1, 2, 3]), ("JUNK", [UInt8](repeating: 9, count: 100_001))]
    wav.after = [("id3 ", [1, 2])]
    #expect(try read(wav.bytes).samples == [0.5])
    var bytes = wav.bytes
    bytes.remove(at: 12 + 8 + 3)
    #expect(try read(bytes).samples == [0.5])
  }

  @Test func `a file cut short gives what is there and a warning`() throws {
    let (samples, reader) = try read(
      WAVBytes(claimedDataBytes: 1_000, data: [0, 0x40, 0, 0x40, 1]).bytes)
    #expect(samples.count == 3, "the padding byte completes a sample")
    #expect(reader.warnings == [.truncated(missing: 994)])
  }

  @Test func `a stream is read to its end without a warning`() throws {
    let wav = WAVBytes(
      claimedDataBytes: 0xFFFF_FFFF, claimedFileBytes: 0xFFFF_FFFF, data: [0, 0x40])
    let (samples, reader) = try read(wav.bytes)
    #expect(samples == [0.5])
    #expect(reader.warnings.isEmpty)
  }

  @Test func `a recorder that was killed leaves zeros, and its samples are read`() throws {
    let wav = WAVBytes(claimedDataBytes: 0, claimedFileBytes: 0, data: [0, 0x40])
    let (samples, reader) = try read(wav.bytes)
    #expect(samples == [0.5])
    #expect(reader.warnings.count == 1)
  }

  @Test func `a block size of zero is worked out`() throws {
    let (samples, reader) = try read(WAVBytes(blockAlign: 0, data: [0, 0x40]).bytes)
    #expect(samples == [0.5])
    #expect(reader.warnings.count == 1)
  }

  static let hostile: [(WAVBytes, AudioError.Code, String)] = [
    (WAVBytes(channels: 0, blockAlign: 2), .malformed, "0 channels"),
    (WAVBytes(rate: 999), .malformed, "999 samples per second"),
    (WAVBytes(rate: 768_001), .malformed, "768001 samples per second"),
    (WAVBytes(rate: 0), .malformed, "0 samples per second"),
    (WAVBytes(blockAlign: 5), .malformed, "5 bytes for each moment"),
    (WAVBytes(bits: 0), .unsupported, "0 bits"),
    (WAVBytes(bits: 33), .unsupported, "33 bits"),
    (WAVBytes(tag: 3, bits: 16), .unsupported, "format 3 with 16 bits"),
    (WAVBytes(tag: 2, bits: 4), .unsupported, "Microsoft ADPCM"),
    (WAVBytes(tag: 0x55, bits: 0), .unsupported, "MP3"),
    (WAVBytes(tag: 0x10001, extensible: true), .unsupported, "unknown kind"),
    (WAVBytes(kind: "RIFZ"), .unsupported, "not a WAV file"),
  ]

  @Test(arguments: hostile)
  func `refuses headers that make no sense`(wav: WAVBytes, code: AudioError.Code, says: String) {
    let error = error(wav)
    #expect(error?.code == code)
    #expect(error?.problem.contains(says) == true, "\(error.map(\.description) ?? "no error")")
  }

  @Test func `names the chunk that is missing`() {
    let head = Array("RIFF\u{0}\u{0}\u{0}\u{0}WAVE".utf8)
    let wav = WAVBytes(data: [1, 2])
    for (bytes, says) in [
      (head, "no format chunk"),
      (head + wav.chunk("fmt ", wav.format), "no data chunk"),
      (head + wav.chunk("data", [1, 2]) + wav.chunk("fmt ", wav.format), "before their format"),
      (head + wav.chunk("fmt ", [1, 0, 1, 0]), "4 bytes, expected at least 16"),
      (head + wav.chunk("LIST", [1], claimed: 0xFFFF_FFFF), "no format chunk"),
      ([], "the file is empty"),
    ] {
      do {
        _ = try read(bytes)
        Issue.record("read \(bytes)")
      } catch {
        #expect(error.problem.contains(says), "\(error)")
      }
    }
  }

  @Test func `what the writer writes is read back`() throws {
    let folder = try TemporaryFolder()
    let samples = (0..<1_000).map { Float($0 - 500) / 500 }
    for format in WAVSampleFormat.allCases {
      var writer = try WAVWriter(to: folder.file("w.wav"), format: format)
      try writer.write(samples)
      try writer.finish()
      let (again, reader) = try read(folder.bytes("w.wav"))
      #expect(reader.sampleRate == 24_000)
      #expect(again.count == 1_000)
      let step: Float = format == .int16 ? 2 / 32_768 : 0
      #expect(zip(samples, again).allSatisfy { abs($0 - $1) <= step })
    }
  }

  @Test func `a file that does not exist is named`() {
    do {
      _ = try WAVReader(path: "/nowhere/a.wav")
      Issue.record("opened a file that does not exist")
    } catch {
      #expect(error.code == .unreadable)
      #expect(error.description.contains("/nowhere/a.wav: cannot read the file: No such file"))
    }
  }

  /// In a process of its own, whose memory no other test touches.
  @Test func `damaged files never crash, hang or take memory`() async {
    await #expect(processExitsWith: .success) {
      let before = Fuzzing.peakMemory
      let slowest = try Fuzzing(name: "wav").run(seeds: WAVReaderTests.fuzzSeeds) { bytes in
        do {
          let samples = try WAVReaderTests().read(bytes).samples
          try #require(samples.count <= bytes.count)
        } catch let error as AudioError {
          try #require(!error.description.isEmpty)
        }
      }
      #expect(slowest.time < .seconds(1), "iteration \(slowest.iteration)")
      #expect(Fuzzing.peakMemory - before < 64 << 20)
    }
  }

  static var fuzzSeeds: [[UInt8]] {
    var seeds = Self.cases.flatMap { one in
      [false, true].map { extensible in
        WAVBytes(
          tag: one.tag, bits: one.bits, blockAlign: one.blockAlign, extensible: extensible,
          before: [("LIST", [1, 2, 3])], data: one.data + one.data
        ).bytes
      }
    }
    for kind in ["RIFX", "RF64"] {
      var wav = WAVBytes(
        kind: kind, channels: 3, claimedDataBytes: 0xFFFF_FFFF, data: [1, 2, 3, 4])
      wav.before = [("ds64", wav.number(100, 8) + wav.number(4, 8) + wav.number(1, 8))]
      seeds.append(wav.bytes)
    }
    return seeds
  }
}
