// SPDX-License-Identifier: MIT

/// Watches the samples of a source for what no voice can be taken from.
struct RecordingQuality {
  /// Full scale, with room for the last bit of 16 and for averaged channels.
  private static let fullScale: Float = 0.999
  /// Samples in a row at full scale that a clean recording does not have.
  private static let shortestRun = 3
  /// Beyond this a file's samples are not in −1…1 at all.
  private static let loudest: Float = 16

  private var count = 0
  private var clipped = 0
  private var run = 0

  /// Takes in the next samples, at the source's own rate.
  ///
  /// - Throws: `AudioError`: `notFinite`, or `malformed` when samples are far out of range.
  mutating func hear(_ block: [Float], of stream: any AudioStream) throws(AudioError) {
    for sample in block {
      let size = abs(sample)
      guard size <= Self.loudest else {
        throw AudioError(
          sample.isFinite ? .malformed : .notFinite, file: stream.name,
          problem:
            "the sample at \(count / stream.sampleRate) seconds is \(sample), expected -1 to 1",
          advice: "The file is damaged or of another format than it says; export it again")
      }
      count += 1
      if size >= Self.fullScale {
        run += 1
      } else {
        closeRun()
      }
    }
  }

  private mutating func closeRun() {
    if run >= Self.shortestRun { clipped += run }
    run = 0
  }

  /// The warning about an overdriven recording, if there is one.
  var warnings: [AudioWarning] {
    var whole = self
    whole.closeRun()
    let share = Double(whole.clipped) / Double(max(1, count))
    return share > 0.001 ? [.clipped(share: share)] : []
  }
}

/// How much of a recording is silence, in pieces of 20 ms.
///
/// A piece's level is its deviation from its own mean, so a constant offset counts as silence.
struct SilenceMeasure {
  private static let piece = ReferenceAudio.sampleRate / 50
  /// −60 dB below full scale: nobody speaks.
  private static let threshold = 0.001
  /// −40 dB below the loudest piece: a pause.
  private static let pause = 0.01

  /// Whether there is nothing to hear anywhere.
  let isSilent: Bool
  /// The share of pauses, 0…1.
  let share: Double

  init(_ samples: [Float]) {
    let levels = stride(from: 0, to: samples.count, by: Self.piece).map { start in
      let piece = samples[start..<min(start + Self.piece, samples.count)]
      let mean = piece.reduce(0) { $0 + Double($1) } / Double(piece.count)
      let power = piece.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
      return (power / Double(piece.count)).squareRoot()
    }
    let loudest = levels.max() ?? 0
    isSilent = loudest < Self.threshold
    let limit = max(loudest * Self.pause, Self.threshold / 2)
    share = Double(levels.count { $0 < limit }) / Double(max(1, levels.count))
  }

  /// The warning about long pauses, if there is one.
  var warnings: [AudioWarning] { share > 0.6 ? [.mostlySilent(share: share)] : [] }
}
