// SPDX-License-Identifier: MIT

/// Changes the rate of speech, block by block, without folding frequencies onto others.
///
///     var resampler = Resampler(from: 44_100)
///     let first = resampler.process(block)
///     let last = resampler.finish()
///
/// A band-limited, linear-phase polyphase filter for any whole rates; see `PolyphaseFilter` for its
/// figures. n samples become ceil(n · to / from), the first of each at the same instant. Silence is
/// assumed before the first sample and after the last.
package struct Resampler {
  private let up: Int
  private let down: Int
  private let filter: PolyphaseFilter?

  /// Input that outputs to come still need, from sample `firstPending` on.
  private var pending: [Double] = []
  private var firstPending: Int
  private var inputCount = 0
  private var outputCount = 0

  /// Prepares a change of rate.
  ///
  /// - Parameters:
  ///   - from: Samples per second of the input.
  ///   - to: Samples per second of the output.
  /// - Precondition: Both rates are positive.
  package init(from: Int, to: Int = 24_000) {
    precondition(from > 0 && to > 0, "rates are positive")
    let divisor = Self.greatestCommonDivisor(from, to)
    up = to / divisor
    down = from / divisor
    filter = from == to ? nil : PolyphaseFilter(up: up, down: down)
    let half = (filter?.tapCount ?? 2) / 2
    pending = [Double](repeating: 0, count: half - 1)
    firstPending = 1 - half
  }

  /// Takes in samples and returns those that they complete.
  package mutating func process(_ samples: [Float]) -> [Float] {
    inputCount += samples.count
    guard let filter else { return samples }
    for sample in samples { pending.append(Double(sample)) }
    return drain(filter, limit: .max)
  }

  /// Returns the samples that are left at the end of the input.
  ///
  /// - Postcondition: ceil(n · to / from) samples were returned for n.
  package mutating func finish() -> [Float] {
    guard let filter else { return [] }
    pending.append(contentsOf: repeatElement(0, count: filter.tapCount))
    return drain(filter, limit: (inputCount * up + down - 1) / down)
  }

  /// Changes the rate of a whole recording.
  package static func resample(_ samples: [Float], from: Int, to: Int = 24_000) -> [Float] {
    var resampler = Resampler(from: from, to: to)
    return resampler.process(samples) + resampler.finish()
  }

  /// Computes outputs for as long as their taps lie within the input.
  private mutating func drain(_ filter: PolyphaseFilter, limit: Int) -> [Float] {
    var output: [Float] = []
    let half = filter.tapCount / 2
    var first = 0
    while outputCount < limit {
      // Output m lies at input m · down / up.
      let (sample, rest) = (outputCount * down).quotientAndRemainder(dividingBy: up)
      first = sample - half + 1 - firstPending
      guard first + filter.tapCount <= pending.count else { break }
      output.append(Float(value(filter, at: first, rest)))
      outputCount += 1
    }
    let used = min(max(0, first), pending.count)
    pending.removeFirst(used)
    firstPending += used
    return output
  }

  /// The output that lies `rest` / `up` samples after an input.
  private func value(_ filter: PolyphaseFilter, at first: Int, _ rest: Int) -> Double {
    guard filter.isInterpolated else { return product(filter, row: rest, at: first) }
    let place = Double(rest) / Double(up) * Double(filter.phaseCount)
    let nearest = place.rounded()
    let t = place - nearest
    let row = Int(nearest)
    return t * (t - 1) / 2 * product(filter, row: row, at: first)
      + (1 - t * t) * product(filter, row: row + 1, at: first)
      + t * (t + 1) / 2 * product(filter, row: row + 2, at: first)
  }

  /// The scalar product of a row of taps, counted from the first in the table, and the input from `first` on.
  ///
  /// Four sums, because one would wait for each addition to end.
  private func product(_ filter: PolyphaseFilter, row: Int, at first: Int) -> Double {
    let count = filter.tapCount
    let taps = filter.taps.span.extracting(row * count..<(row + 1) * count)
    let input = pending.span.extracting(first..<first + count)
    var sums: (Double, Double, Double, Double) = (0, 0, 0, 0)
    var index = 0
    while index + 4 <= count {
      sums.0 += taps[index] * input[index]
      sums.1 += taps[index + 1] * input[index + 1]
      sums.2 += taps[index + 2] * input[index + 2]
      sums.3 += taps[index + 3] * input[index + 3]
      index += 4
    }
    while index < count {
      sums.0 += taps[index] * input[index]
      index += 1
    }
    return (sums.0 + sums.1) + (sums.2 + sums.3)
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
  }
}
