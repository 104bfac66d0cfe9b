// SPDX-License-Identifier: MIT

import SpeechModel

/// Measures sound every 10 ms: how loud it is, and where in the spectrum.
struct SoundMeter: Sendable {
  /// Samples of 24 kHz in a hop.
  static let hop = 240

  /// Two equal one-pole low passes, one after the other.
  private struct LowPass {
    let share: Float
    var first: Float = 0
    var second: Float = 0

    /// - Parameter share: Of the new sample in the output of each.
    init(_ share: Float) { self.share = share }

    mutating func pass(_ sample: Float) -> Float {
      first += share * (sample - first)
      second += share * (first - second)
      return second
    }
  }

  // 1 - exp(-2πf / 24,000) for 0.9, 2.5 and 5 kHz.
  private var low = LowPass(0.2099)
  private var middle = LowPass(0.4804)
  private var high = LowPass(0.7299)
  /// Level of the loudest hop of late in dB of full scale. It falls by 12 dB a second. The first is that of a quiet
  /// voice: before anybody speaks there may be noise.
  private var loudest: Float = -25
  private static let fall: Float = 0.12
  /// Levels so far below the loudest count as the same.
  private static let floor: Float = -60

  /// Measures a hop.
  ///
  /// - Returns: The level in dB of full scale, then the share of the power below 0.9 kHz, at 2.5…5 kHz and
  ///   above 5 kHz; all in dB.
  mutating func measure(_ samples: ArraySlice<Float>) -> SIMD4<Float> {
    // All, and the three bands.
    var power = SIMD4<Float>(repeating: 0)
    for sample in samples {
      let low = low.pass(sample)
      let middle = middle.pass(sample)
      let high = high.pass(sample)
      let bands = SIMD4(sample, low, high - middle, sample - high)
      power += bands * bands
    }
    power = power / Float(Self.hop) + 1e-9
    let level = Self.decibels(power[0])
    loudest = max(loudest - Self.fall, level)
    return [
      level, Self.decibels(power[1]) - level, Self.decibels(power[2]) - level,
      Self.decibels(power[3]) - level,
    ]
  }

  /// A hop that was measured a while ago, with its level below the loudest since then and shortly before.
  func relative(_ hop: SIMD4<Float>) -> SIMD4<Float> {
    var hop = hop
    hop[0] = max(hop[0] - loudest, Self.floor)
    return hop
  }

  private static func decibels(_ power: Float) -> Float { 4.342945 * Math.log(power) }
}
