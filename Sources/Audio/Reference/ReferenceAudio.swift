// SPDX-License-Identifier: MIT

/// A recording to take a voice from: mono, 24 kHz, fit for the encoders.
///
/// What cannot work is refused, what will sound bad is warned about. Nothing a file says about its
/// length is trusted: samples are counted as they come, and reading ends at the limit.
package struct ReferenceAudio: Sendable {
  /// Samples per second of every reference.
  package static let sampleRate = 24_000

  /// What is accepted, in seconds.
  package struct Limits: Sendable {
    /// Shorter recordings are refused: they hold too little of a voice.
    package var shortest = 0.5
    /// Longer ones are refused: the model's context holds about this much.
    package var longest = 120.0
    /// Longer ones are warned about.
    package var comfortable = 30.0
    /// Whether a recording without sound is refused.
    package var needsSound = true

    /// The limits of a voice's recording.
    package init() {}
  }

  /// Mono samples at 24 kHz, nominal range −1…1.
  package let samples: [Float]

  /// What will sound bad, and what was odd about the file.
  package let warnings: [AudioWarning]

  /// Length in seconds.
  package var seconds: Double { Double(samples.count) / Double(Self.sampleRate) }

  /// Reads a file of any format.
  ///
  /// - Throws: `AudioError`: `tooShort`, `tooLarge`, `silent`, `notFinite`, or why it cannot be read.
  package init(path: String, limits: Limits = Limits()) throws(AudioError) {
    try self.init(AudioDecoder.open(path), limits: limits)
  }

  /// Reads a stream to its end.
  ///
  /// - Throws: As the variant that takes a path.
  package init(_ stream: any AudioStream, limits: Limits = Limits()) throws(AudioError) {
    var resampler = Resampler(from: stream.sampleRate, to: Self.sampleRate)
    var quality = RecordingQuality()
    var samples: [Float] = []
    let longest = Int(limits.longest * Double(Self.sampleRate))
    while true {
      let block = try stream.nextBlock()
      if block.isEmpty { break }
      try quality.hear(block, of: stream)
      samples += resampler.process(block)
      guard samples.count <= longest else {
        throw AudioError(
          .tooLarge, file: stream.name,
          problem: "the recording is longer than \(Int(limits.longest)) seconds",
          advice: "Cut out ten seconds of clear speech")
      }
    }
    samples += resampler.finish()
    let seconds = Double(samples.count) / Double(Self.sampleRate)
    guard seconds >= limits.shortest else {
      throw AudioError(
        .tooShort, file: stream.name,
        problem: samples.isEmpty && limits.shortest < 0.01
          ? "the recording has no samples"
          : "the recording has \(Self.hundredths(seconds)) seconds, expected at least "
            + "\(limits.shortest)",
        advice: limits.needsSound ? "Three to ten seconds of clear speech are best" : "")
    }
    let silence = SilenceMeasure(samples)
    guard !(limits.needsSound && silence.isSilent) else {
      throw AudioError(
        .silent, file: stream.name, problem: "there is nothing to hear in the recording",
        advice: "Check the microphone and the channel")
    }
    self.samples = samples
    warnings =
      stream.warnings + quality.warnings + silence.warnings
      + (seconds > limits.comfortable ? [.long(seconds: seconds)] : [])
  }

  /// Seconds for people: `0.05`, `12.30`.
  private static func hundredths(_ seconds: Double) -> String {
    let count = Int((seconds * 100).rounded(.down))
    return "\(count / 100).\(count % 100 < 10 ? "0" : "")\(count % 100)"
  }
}
