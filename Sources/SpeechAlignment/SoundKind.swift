// SPDX-License-Identifier: MIT

/// Kinds of sound that can be told apart by how loud they are and where in the spectrum, in any voice.
enum SoundKind: Int, CaseIterable, Sendable {
  case silence
  case vowel
  /// m, n
  case nasal
  /// l, r, w
  case liquid
  /// b, d, g, v
  case voiced
  /// p, t, k
  case stop
  /// s, z
  case hiss
  /// sh, ch, j
  case hush
  /// f, h, th
  case breath
  /// Some sound.
  case any
  // Letters that stand for one of two.
  case hissOrStop, voicedOrHush

  /// What hops of it are like (see `SoundMeter.measure`): on average, and how far they vary.
  private typealias Shape = (mean: SIMD4<Float>, spread: SIMD4<Float>)

  /// Of something that says nothing.
  private static let anything: Float = 1e6

  private var shapes: [Shape] {
    switch self {
    case .silence: [([-52, 0, 0, 0], [9, Self.anything, Self.anything, Self.anything])]
    case .vowel: [([-5, -1.7, -14.5, -18], [7, 2, 4.5, 5.5])]
    case .nasal: [([-7, -0.6, -19.5, -24], [8, 1.2, 5, 6])]
    case .liquid: [([-9, -1.3, -15, -19], [8, 1.5, 4, 5])]
    case .voiced: [([-19, -1.5, -14, -15], [9, 3, 6, 8])]
    case .stop: [([-30, -4, -10, -9], [11, 6, 5, 6])]
    case .hiss: [([-14, -20, -11, -4], [8, 9, 3, 3])]
    case .hush: [([-14, -18, -8, -5], [8, 8, 2.5, 3])]
    case .breath: [([-24, -9, -10, -7], [9, 7, 4, 5])]
    case .any: [([-8, -3, -14, -17], [10, 12, 10, 12])]
    case .hissOrStop: Self.hiss.shapes + Self.stop.shapes
    case .voicedOrHush: Self.voiced.shapes + Self.hush.shapes
    }
  }

  private static let shapes = allCases.map(\.shapes)
  /// Neighbouring hops are alike, so each counts for less than a measurement of its own.
  private static let weight: Float = 0.2
  /// The least log likelihood, so that no hop rules out a path.
  private static let least: Float = -7

  /// The weighted log likelihood of a hop for each kind, in the order of the cases.
  static func scores(of hop: SIMD4<Float>) -> [Float] {
    shapes.map { shapes in
      shapes.reduce(least) { best, shape in
        let off = (hop - shape.mean) / shape.spread
        return max(best, -0.5 * (off * off).sum())
      } * weight
    }
  }
}
