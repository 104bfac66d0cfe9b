// SPDX-License-Identifier: MIT
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// A low-pass filter, sampled at the offsets that a change of rate needs.
///
/// A windowed sinc: with t in samples of the lower rate,
///
///     h(t) = cutoff · sinc(cutoff · t) · kaiser(t / radius)
///
/// The Kaiser window is made for 126 dB. As shares of the lower rate's Nyquist frequency, the pass
/// band ends at 0.91 and the stop band begins at 1, so nothing folds back; the cut-off lies halfway.
/// Row p holds the taps for an output that lies p / phaseCount input samples after an input. An
/// interpolated table has a row more on each side.
///
/// - Source: J. F. Kaiser, R. W. Schafer, *On the use of the I0-sinh window for spectrum analysis*
///   (1980), for the window's shape and the length it needs.
struct PolyphaseFilter {
  /// The share of the lower Nyquist frequency up to which nothing is changed.
  static let passBandEdge = 0.91

  /// How far the stop band is below the pass band by design, in dB.
  static let attenuation = 126.0

  /// Up to this many offsets the table holds each of them; beyond, it is interpolated.
  static let largestExactPhaseCount = 512

  /// Offsets per sample of the lower rate in an interpolated table. A parabola through three rows
  /// errs by up to (π/512)³/16 of a tap, 156 dB down.
  static let interpolatedPhaseCount = 512

  /// Taps of a row; even, with as many before the output as after it.
  let tapCount: Int

  /// Offsets in one input sample.
  let phaseCount: Int

  /// Whether outputs fall between rows.
  let isInterpolated: Bool

  /// Rows of taps, `[phaseCount, tapCount]`, or `[phaseCount + 3, tapCount]` from row -1 on when
  /// interpolated; each row sums to 1.
  let taps: [Double]

  /// Designs the filter for a change of rate by `up` / `down`, in lowest terms.
  init(up: Int, down: Int) {
    // The lower rate's samples are `stretch` times as long as the input's.
    let stretch = max(1, Double(down) / Double(up))
    let transition = (1 - Self.passBandEdge) * Double.pi
    let radius = (Self.attenuation - 7.95) / (2.285 * transition) / 2 * stretch
    let beta = 0.1102 * (Self.attenuation - 8.7)
    let cutoff = (1 + Self.passBandEdge) / 2 / stretch
    let half = Int(radius.rounded(.up))
    let isInterpolated = up > Self.largestExactPhaseCount
    let phaseCount =
      isInterpolated ? Int((Double(Self.interpolatedPhaseCount) / stretch).rounded(.up)) : up
    let rows = isInterpolated ? -1...(phaseCount + 1) : 0...(phaseCount - 1)
    self.tapCount = 2 * half
    self.phaseCount = phaseCount
    self.isInterpolated = isInterpolated
    var taps: [Double] = []
    taps.reserveCapacity(rows.count * 2 * half)
    for phase in rows {
      let offset = Double(phase) / Double(phaseCount)
      let row = (0..<2 * half).map { index in
        let time = Double(index - half + 1) - offset
        return Self.sinc(cutoff * time) * Self.kaiser(time / radius, beta)
      }
      let sum = row.reduce(0, +)
      for tap in row { taps.append(tap / sum) }
    }
    self.taps = taps
  }

  /// sin(πx) / πx.
  private static func sinc(_ x: Double) -> Double {
    x == 0 ? 1 : sin(.pi * x) / (.pi * x)
  }

  /// The Kaiser window on -1…1, 0 outside; not divided by I0(beta), which the rows' sums undo.
  private static func kaiser(_ x: Double, _ beta: Double) -> Double {
    abs(x) >= 1 ? 0 : besselI0(beta * (1 - x * x).squareRoot())
  }

  /// The modified Bessel function of the first kind and order 0, from its power series.
  private static func besselI0(_ x: Double) -> Double {
    let quarter = x * x / 4
    var term = 1.0
    var sum = 1.0
    var index = 1.0
    while term > sum * 1e-17 {
      term *= quarter / (index * index)
      sum += term
      index += 1
    }
    return sum
  }
}
