// SPDX-License-Identifier: MIT
internal import CAudioEncoders

/// MPEG layer III by LAME.
@safe final class MP3Encoder: SampleEncoder {
  private let library: EncoderFunctions
  private let encoder: OpaquePointer

  /// Samples that one call takes; bounds the room for its bytes.
  private static let blockSize = 8_192

  /// - Throws: `AudioError` `libraryMissing`, or `unsupported` for a rate LAME does not take.
  init(
    sampleRate: Int, bitRate: Int, library: EncoderFunctions? = .lame
  ) throws(AudioError) {
    guard let library else { throw .missing(.lame, for: .mp3) }
    // 5 of 0…9: twice as fast as the best, and no worse to hear in speech.
    guard
      let encoder = unsafe qt_lame_open(
        library.table, Int32(sampleRate), Int32(bitRate / 1_000), 5)
    else {
      throw AudioError(
        .unsupported, file: "mp3",
        problem: "the encoder takes no \(bitRate) bits per second at \(sampleRate) Hz")
    }
    self.library = library
    unsafe self.encoder = encoder
  }

  deinit { unsafe qt_lame_close(library.table, encoder) }

  func encode(_ samples: [Int16]) throws(AudioError) -> [UInt8] {
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: samples.count, by: Self.blockSize) {
      let block = Array(samples[start..<min(start + Self.blockSize, samples.count)])
      bytes += try unsafe output { out, capacity in
        unsafe qt_lame_encode(
          library.table, encoder, block, Int32(block.count), out, capacity)
      }
    }
    return bytes
  }

  func finish() throws(AudioError) -> [UInt8] {
    try unsafe output { out, capacity in
      unsafe qt_lame_flush(library.table, encoder, out, capacity)
    }
  }

  /// Room for a call as LAME asks for it, cut to what the call wrote.
  private func output(
    _ call: (UnsafeMutablePointer<UInt8>?, Int32) -> Int32
  ) throws(AudioError) -> [UInt8] {
    let capacity = Self.blockSize * 5 / 4 + 7_200
    var result: Int32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      result = unsafe call(buffer.baseAddress, Int32(capacity))
      count = max(0, Int(result))
    }
    guard result >= 0 else { throw .failed(.mp3, "LAME returned \(result)") }
    return bytes
  }
}

/// Opus by libopus, in Ogg pages of four packets: 80 ms, as long as a frame of the codec.
@safe final class OpusEncoder: SampleEncoder {
  private let library: EncoderFunctions
  private let encoder: OpaquePointer
  private let sampleRate: Int
  /// Samples of a packet: 20 ms.
  private let packetSize: Int
  /// Samples of 48 kHz in one of ours: granules count those.
  private let granuleFactor: Int
  /// Samples of 48 kHz that a player drops at the start.
  private let preSkip: Int
  private var pages: OggPages
  private var pending: [Int16] = []
  private var packets: [[UInt8]] = []
  private var isStarted = false
  private var sampleCount = 0
  private var encodedCount = 0

  private static let packetsInPage = 4
  private static let largestPacket = 1_275

  /// - Throws: `AudioError` `libraryMissing`, or `unsupported` for a rate Opus does not have.
  init(
    sampleRate: Int, bitRate: Int, library: EncoderFunctions? = .opus
  ) throws(AudioError) {
    guard let library else { throw .missing(.opus, for: .opus) }
    var lookahead: Int32 = 0
    // 5 of 0…10: a fifth of the time of the best.
    guard
      let encoder = unsafe qt_opus_open(
        library.table, Int32(sampleRate), Int32(bitRate), 5, &lookahead)
    else {
      throw AudioError(
        .unsupported, file: "opus",
        problem: "the encoder takes no \(bitRate) bits per second at \(sampleRate) Hz")
    }
    self.library = library
    unsafe self.encoder = encoder
    self.sampleRate = sampleRate
    packetSize = sampleRate / 50
    granuleFactor = 48_000 / sampleRate
    preSkip = Int(lookahead) * granuleFactor
    // One stream a file, so its number need not differ from others'.
    pages = OggPages(serial: 1)
  }

  deinit { unsafe qt_opus_close(library.table, encoder) }

  func encode(_ samples: [Int16]) throws(AudioError) -> [UInt8] {
    sampleCount += samples.count
    pending += samples
    var bytes: [UInt8] = []
    while pending.count >= packetSize {
      bytes += try take(Array(pending.prefix(packetSize)))
      pending.removeFirst(packetSize)
    }
    return bytes
  }

  func finish() throws(AudioError) -> [UInt8] {
    var bytes: [UInt8] = []
    // Silence until the last sample has left the encoder; the last granule cuts it off again.
    let end = sampleCount + preSkip / granuleFactor
    while encodedCount < end || !isStarted {
      let padding = [Int16](repeating: 0, count: packetSize - pending.count)
      bytes += try take(pending + padding, isLast: encodedCount + packetSize >= end)
      pending = []
    }
    return bytes
  }

  /// Encodes a packet; returns a page when it is full or the last.
  private func take(_ samples: [Int16], isLast: Bool = false) throws(AudioError) -> [UInt8] {
    var result: Int32 = 0
    let packet = unsafe [UInt8](unsafeUninitializedCapacity: Self.largestPacket) { buffer, count in
      result = unsafe qt_opus_encode(
        library.table, encoder, samples, Int32(samples.count), buffer.baseAddress,
        Int32(Self.largestPacket))
      count = max(0, Int(result))
    }
    guard result > 0 else { throw .failed(.opus, "libopus returned \(result)") }
    encodedCount += samples.count
    packets.append(packet)
    guard packets.count == Self.packetsInPage || isLast else { return [] }
    var bytes: [UInt8] = []
    if !isStarted {
      isStarted = true
      bytes += pages.page([head], granule: 0)
      bytes += pages.page([Self.tags], granule: 0)
    }
    let granule = isLast ? preSkip + sampleCount * granuleFactor : encodedCount * granuleFactor
    bytes += pages.page(packets, granule: UInt64(granule), isLast: isLast)
    packets = []
    return bytes
  }

  /// The identification header.
  private var head: [UInt8] {
    var bytes = Array("OpusHead".utf8)
    bytes += [1, 1]
    bytes.append(littleEndian: UInt16(preSkip))
    bytes.append(littleEndian: UInt32(sampleRate))
    bytes += [0, 0, 0]
    return bytes
  }

  /// The comment header, with no comments.
  private static let tags: [UInt8] = {
    let vendor = Array("qwen3-tts".utf8)
    var bytes = Array("OpusTags".utf8)
    bytes.append(littleEndian: UInt32(vendor.count))
    bytes += vendor
    bytes.append(littleEndian: UInt32(0))
    return bytes
  }()
}

/// FLAC by libFLAC.
@safe final class FLACEncoder: SampleEncoder {
  private let encoder: OpaquePointer

  /// - Throws: `AudioError` `libraryMissing`, or `unsupported` for a rate FLAC does not have.
  init(sampleRate: Int, library: EncoderFunctions? = .flac) throws(AudioError) {
    guard let library else { throw .missing(.flac, for: .flac) }
    // The encoder holds a block back until the next begins; half a codec frame leaves with its frame.
    guard let encoder = unsafe qt_flac_open(library.table, Int32(sampleRate), 5, 960) else {
      throw AudioError(
        .unsupported, file: "flac", problem: "the encoder takes no \(sampleRate) Hz")
    }
    unsafe self.encoder = encoder
  }

  deinit { unsafe qt_flac_close(encoder) }

  func encode(_ samples: [Int16]) throws(AudioError) -> [UInt8] {
    guard unsafe qt_flac_encode(encoder, samples, Int32(samples.count)) == 0 else {
      throw .failed(.flac, "libFLAC refused samples")
    }
    return takeBytes()
  }

  func finish() throws(AudioError) -> [UInt8] {
    guard unsafe qt_flac_finish(encoder) == 0 else {
      throw .failed(.flac, "libFLAC could not finish")
    }
    return takeBytes()
  }

  private func takeBytes() -> [UInt8] {
    var count = 0
    let start = unsafe qt_flac_bytes(encoder, &count)
    defer { unsafe qt_flac_clear(encoder) }
    return unsafe Array(UnsafeBufferPointer(start: start, count: count))
  }
}
