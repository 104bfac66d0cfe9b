// SPDX-License-Identifier: MIT

/// How much of a sound at 24 kHz is voiced, as vowels are, and how much is quiet, as pauses are.
struct Voicing: CustomStringConvertible {
  /// Of the loud windows, those that repeat after 60 to 400 Hz's worth of samples.
  let voicedShare: Double
  /// Of all windows, those below −40 dBFS.
  let quietShare: Double
  /// Root of the mean square.
  let level: Double

  var description: String { "voiced \(voicedShare), quiet \(quietShare), level \(level)" }

  init(of samples: [Float]) {
    let (window, lags) = (960, stride(from: 60, through: 400, by: 2))
    var (loud, voiced, count) = (0, 0, 0)
    for start in stride(from: 0, to: samples.count - window - 400, by: window) {
      count += 1
      func product(_ a: Int, _ b: Int) -> Double {
        var sum = 0.0
        for index in 0..<window { sum += Double(samples[a + index]) * Double(samples[b + index]) }
        return sum
      }
      let energy = product(start, start)
      guard energy / Double(window) > 1e-4 else { continue }
      loud += 1
      let isVoiced = lags.contains { lag in
        let later = product(start + lag, start + lag)
        return product(start, start + lag) > 0.6 * (energy * later).squareRoot()
      }
      if isVoiced { voiced += 1 }
    }
    voicedShare = loud == 0 ? 0 : Double(voiced) / Double(loud)
    quietShare = count == 0 ? 1 : Double(count - loud) / Double(count)
    let square = samples.reduce(0) { $0 + Double($1) * Double($1) }
    level = samples.isEmpty ? 0 : (square / Double(samples.count)).squareRoot()
  }
}
