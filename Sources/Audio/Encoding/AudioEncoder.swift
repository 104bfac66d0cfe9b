// SPDX-License-Identifier: MIT

/// Turns speech into the bytes of a format, as it is made.
///
///     let encoder = try AudioEncoder(.mp3)
///     for try await chunk in speech { try send(encoder.encode(chunk.samples)) }
///     try send(encoder.finish())
///
/// Samples pass through speed, rate and sixteen bits to the format; what is not asked for changes
/// nothing, so `pcm` at the standard rate and speed is each sample of the codec, rounded. The bytes do
/// not depend on how the samples are cut into calls.
///
/// Used by one task at a time. Encoding costs about a hundredth of a core in real time, so it belongs
/// with the listener, not on the thread that makes the speech.
package final class AudioEncoder {
  /// The format of the bytes.
  package let format: AudioFormat
  /// Samples per second of the bytes.
  package let sampleRate: Int

  private var stretch: TimeStretch
  private var resampler: Resampler
  private let encoder: any SampleEncoder

  /// - Parameters:
  ///   - format: The format of the bytes.
  ///   - sampleRate: Samples per second; `nil`: the format's standard.
  ///   - bitRate: Bits per second, for mp3, opus and aac; `nil`: the format's standard.
  ///   - speed: How much faster than it was spoken, in `TimeStretch.speeds`.
  ///   - sampleCount: Samples of 24 kHz that will come, where that is known before: a WAV header then
  ///     states its true length. Otherwise it states the largest there is, which players take as
  ///     "until the end".
  /// - Throws: `AudioError`: `libraryMissing` names the package to install, `unsupported` the rates or
  ///   speeds that are possible.
  package init(
    _ format: AudioFormat, sampleRate: Int? = nil, bitRate: Int? = nil, speed: Double = 1,
    sampleCount: Int? = nil
  ) throws(AudioError) {
    let rate = sampleRate ?? format.standardSampleRate
    guard format.sampleRates.contains(rate) else {
      throw AudioError(
        .unsupported, file: format.rawValue,
        problem: "expected \(format.sampleRates.map(String.init).joined(separator: ", ")) samples "
          + "per second, found \(rate)")
    }
    guard TimeStretch.speeds.contains(speed) else {
      let speeds = TimeStretch.speeds
      throw AudioError(
        .unsupported, file: format.rawValue,
        problem: "expected a speed of \(speeds.lowerBound) to \(speeds.upperBound), found \(speed)")
    }
    let bits = bitRate ?? format.standardBitRate ?? 0
    self.format = format
    self.sampleRate = rate
    stretch = TimeStretch(speed: speed)
    resampler = Resampler(from: 24_000, to: rate)
    encoder =
      switch format {
      case .wav:
        PCMEncoder(header: Self.wavHeader(rate: rate, sampleCount: speed == 1 ? sampleCount : nil))
      case .pcm: PCMEncoder()
      case .mp3: try MP3Encoder(sampleRate: rate, bitRate: bits)
      case .opus: try OpusEncoder(sampleRate: rate, bitRate: bits)
      case .aac: try FFmpegEncoder(sampleRate: rate, bitRate: bits)
      case .flac: try FLACEncoder(sampleRate: rate)
      case .ulaw: G711Encoder(G711.muLaw)
      case .alaw: G711Encoder(G711.aLaw)
      }
  }

  /// The bytes that these samples, nominal range −1…1 at 24 kHz, complete.
  ///
  /// - Throws: `AudioError` `unwritable` when the encoder fails.
  package func encode(_ samples: [Float]) throws(AudioError) -> [UInt8] {
    try write(resampler.process(stretch.process(samples)))
  }

  /// The bytes that are left; nothing may be encoded afterwards.
  ///
  /// - Throws: `AudioError` `unwritable` when the encoder fails.
  package func finish() throws(AudioError) -> [UInt8] {
    let rest = try write(resampler.process(stretch.finish()) + resampler.finish())
    return rest + (try encoder.finish())
  }

  private func write(_ samples: [Float]) throws(AudioError) -> [UInt8] {
    samples.isEmpty ? [] : try encoder.encode(samples.map(WAVSampleFormat.int16))
  }

  /// Makes sure that a format can be made here.
  ///
  /// - Throws: `AudioError` `libraryMissing` with the package to install.
  package static func check(_ format: AudioFormat) throws(AudioError) {
    let library: EncoderLibrary? =
      switch format {
      case .mp3: .lame
      case .opus: .opus
      case .flac: .flac
      case .wav, .pcm, .aac, .ulaw, .alaw: nil
      }
    if let library, !library.isAvailable { throw .missing(library, for: format) }
    if format == .aac { _ = try FFmpegEncoder.program() }
  }

  private static func wavHeader(rate: Int, sampleCount: Int?) -> [UInt8] {
    let header = WAVHeader(sampleRate: rate, format: .int16)
    let bytes = sampleCount.map { 2 * (($0 * rate + 23_999) / 24_000) }
    return header.bytes(
      dataBytes: bytes.flatMap { $0 <= header.maximumDataBytes ? $0 : nil })
  }
}
