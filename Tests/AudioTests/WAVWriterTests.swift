// SPDX-License-Identifier: MIT
import Audio
import Foundation
import Glibc
import SystemIO
import Testing

@Suite struct WAVWriterTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    signal(SIGPIPE, SIG_IGN)
  }

  /// The 32-bit number at `offset`.
  func number(_ bytes: [UInt8], at offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
  }

  @Test func `a 16-bit file is the canonical 44-byte header and the samples`() throws {
    var writer = try WAVWriter(to: folder.file("a.wav"))
    try writer.write([0, 1, -1, 0.5])
    try writer.finish()
    let bytes = try folder.bytes("a.wav")
    #expect(
      bytes == [
        0x52, 0x49, 0x46, 0x46, 44, 0, 0, 0, 0x57, 0x41, 0x56, 0x45,
        0x66, 0x6D, 0x74, 0x20, 16, 0, 0, 0, 1, 0, 1, 0,
        0xC0, 0x5D, 0, 0, 0x80, 0xBB, 0, 0, 2, 0, 16, 0,
        0x64, 0x61, 0x74, 0x61, 8, 0, 0, 0,
        0, 0, 0xFF, 0x7F, 0x01, 0x80, 0x00, 0x40,
      ])
  }

  @Test func `a floating point file keeps every bit`() throws {
    let samples: [Float] = [0, 1.5, -.pi, .leastNonzeroMagnitude]
    var writer = try WAVWriter(to: folder.file("f.wav"), format: .float32)
    try writer.write(samples)
    try writer.finish()
    let bytes = try folder.bytes("f.wav")
    #expect(bytes.count == 56 + 16)
    #expect(number(bytes, at: 4) == 64)
    #expect(number(bytes, at: 44) == 4, "the fact chunk counts samples")
    #expect(number(bytes, at: 52) == 16)
    for (index, sample) in samples.enumerated() {
      #expect(number(bytes, at: 56 + 4 * index) == sample.bitPattern)
    }
  }

  @Test func `the file can be played whole after every write, finished or not`() throws {
    var writer = try WAVWriter(to: folder.file("k.wav"))
    for round in 1...3 {
      try writer.write([Float](repeating: 0.25, count: 100))
      let bytes = try folder.bytes("k.wav")
      #expect(bytes.count == 44 + 200 * round)
      #expect(number(bytes, at: 4) == UInt32(36 + 200 * round))
      #expect(number(bytes, at: 40) == UInt32(200 * round))
    }
  }

  @Test func `an interrupted run may finish twice`() throws {
    var writer = try WAVWriter(to: folder.file("e.wav"))
    try writer.finish()
    try writer.finish()
    #expect(try folder.bytes("e.wav").count == 44)
  }

  @Test func `a longer file in its place is replaced`() throws {
    try folder.write([UInt8](repeating: 7, count: 5_000), to: "r.wav")
    var writer = try WAVWriter(to: folder.file("r.wav"))
    try writer.write([0])
    try writer.finish()
    #expect(try folder.bytes("r.wav").count == 46)
  }

  static let rounding: [(sample: Float, expected: Int16)] = [
    (0.99999, 32_767), (1, 32_767), (1.00002, 32_767), (4, 32_767),
    (-1, -32_767), (-1.00003, -32_768), (-9, -32_768),
    (0x1.8p0 / 32_767, 2), (0x1.4p1 / 32_767, 2), (-0x1.8p-2 / 32_767, 0),
    (.infinity, 32_767), (-.infinity, -32_768), (.nan, 0),
  ]

  @Test(arguments: rounding)
  func `samples are rounded to nearest and clamped`(sample: Float, expected: Int16) {
    #expect(WAVSampleFormat.int16(sample) == expected)
  }

  @Test func `a file at its size limit refuses more and stays playable`() throws {
    let path = folder.file("l.wav")
    var writer = try WAVWriter(
      to: FileDescriptor(opening: path, for: .replace), maximumDataBytes: 1_000)
    try writer.write([Float](repeating: 0, count: 500))
    do {
      try writer.write([0])
      Issue.record("a sample beyond the limit was taken")
    } catch {
      #expect(error.code == .tooLarge)
      #expect(error.description.contains("l.wav"))
    }
    try writer.finish()
    #expect(number(try folder.bytes("l.wav"), at: 40) == 1_000)
  }

  @Test func `the sizes of the largest file fit the header`() {
    for format in WAVSampleFormat.allCases {
      let header = WAVHeader(sampleRate: 24_000, format: format)
      let bytes = header.bytes(dataBytes: header.maximumDataBytes)
      #expect(bytes.count == header.byteCount)
      #expect(header.maximumDataBytes > 4_294_967_000)
    }
  }

  @Test func `a pipe gets a header without a length and every sample at once`() throws {
    let ends = try pipe()
    let reader = FileDescriptor(owning: ends[0], path: "pipe")
    var wav = try WAVWriter(to: FileDescriptor(owning: ends[1], path: "pipe"))
    let isStream = wav.isStream
    #expect(isStream)
    try wav.write([0.5])
    var buffer = [UInt8](repeating: 0, count: 100)
    let count = try reader.read(into: &buffer)
    #expect(count == 46)
    #expect(number(buffer, at: 4) == .max)
    #expect(number(buffer, at: 40) == .max)
    try wav.finish()
  }

  @Test func `a reader that goes away is a typed error`() throws {
    let ends = try pipe()
    let reader = FileDescriptor(owning: ends[0], path: "pipe")
    var wav = try WAVWriter(to: FileDescriptor(owning: ends[1], path: "pipe"))
    _ = consume reader
    do {
      try wav.write([0.5])
      Issue.record("a write to nobody succeeded")
    } catch {
      #expect(error.code == .consumerWentAway)
    }
  }

  @Test func `a full disk is a typed error`() throws {
    do {
      _ = try WAVWriter(to: "/dev/full")
      Issue.record("a write to a full device succeeded")
    } catch {
      #expect(error.code == .diskFull)
    }
  }

  @Test func `a folder that does not exist is a typed error that names the file`() throws {
    do {
      _ = try WAVWriter(to: folder.file("no/such/folder.wav"))
      Issue.record("a file was made in a folder that does not exist")
    } catch {
      #expect(error.code == .unwritable)
      #expect(
        error.description.contains("no/such/folder.wav: cannot write the audio: No such file"))
    }
  }

  @Test func `a file opened for appending is written as a stream`() throws {
    let path = try folder.write([1, 2, 3], to: "append.wav")
    let raw = unsafe open(path, O_WRONLY | O_APPEND)
    var wav = try WAVWriter(to: FileDescriptor(owning: raw, path: path))
    let isStream = wav.isStream
    #expect(isStream)
    try wav.write([0])
    try wav.finish()
    #expect(try folder.bytes("append.wav").count == 3 + 46)
  }

  @Test func `a stream has no end at 4 GB`() throws {
    let ends = try pipe()
    let reader = FileDescriptor(owning: ends[0], path: "pipe")
    var wav = try WAVWriter(to: FileDescriptor(owning: ends[1], path: "pipe"), maximumDataBytes: 2)
    try wav.write([0])
    try wav.write([0])
    let count = wav.sampleCount
    #expect(count == 2)
    _ = consume reader
  }

  /// Both ends of a pipe, the reader's first.
  func pipe() throws -> [Int32] {
    var ends: [Int32] = [0, 0]
    try #require(unsafe Glibc.pipe(&ends) == 0)
    return ends
  }
}
