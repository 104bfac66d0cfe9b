// SPDX-License-Identifier: MIT

/// Detects speech that will not end: the same few codes over and over, or lasting silence.
struct RunawayDetector {
  /// Frames of a repetition before it counts: 6.4 s, longer than any drawn-out sound.
  static let longestLoop = 80
  /// Periods looked for.
  static let periods = 1...8
  /// Silence that no text calls for, in samples: 6 s.
  static let longestSilence = 144_000
  /// Below −66 dBFS.
  static let silence: Float = 0.0005

  private var history: [Int32] = []
  private var silentSamples = 0

  mutating func hear(_ samples: [Float]) {
    if let last = samples.lastIndex(where: { abs($0) > Self.silence }) {
      silentSamples = samples.count - 1 - last
    } else {
      silentSamples += samples.count
    }
  }

  mutating func isStuck(after codes: [Int32]) -> Bool {
    history.append(codes[0])
    if history.count > Self.longestLoop + Self.periods.upperBound { history.removeFirst() }
    return silentSamples >= Self.longestSilence || Self.periods.contains { loops($0) }
  }

  private func loops(_ period: Int) -> Bool {
    guard history.count >= Self.longestLoop + period else { return false }
    let recent = history.suffix(Self.longestLoop + period)
    return zip(recent, recent.dropFirst(period)).allSatisfy { $0 == $1 }
  }
}
