// SPDX-License-Identifier: MIT
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// Makes speech faster or slower and leaves its pitch, block by block.
///
/// Waveform-similarity overlap-add: windows of the input, `hop · speed` apart, are added `hop` apart
/// in the output. Each is moved by up to `tolerance` samples to where it best continues the one
/// before, so that periods of the voice meet in phase. The output depends on the input alone, not on
/// how it is cut into calls.
///
/// - Source: W. Verhelst, M. Roelands, *An overlap-add technique based on waveform similarity (WSOLA)
///   for high quality time-scale modification of speech* (1993).
package struct TimeStretch {
  /// Speeds that can be asked for.
  package static let speeds = 0.25...4.0

  private let speed: Double
  /// Samples between windows of the output: 15 ms, longer than a period of any voice.
  private let hop: Int
  /// Samples by which a window may move either way: 10 ms, half a period of the lowest voice.
  private let tolerance: Int
  /// A Hann window of two hops, which adds up to 1 with its neighbours.
  private let window: [Float]

  /// Input from sample `firstInput` on.
  private var input: [Float] = []
  private var firstInput = 0
  private var inputCount = 0
  /// Windows that were added, and where the last began.
  private var windowCount = 0
  private var lastStart = 0
  /// The second half of the last window, waiting for the next one's first half.
  private var tail: [Float]
  private var outputCount = 0

  /// - Parameters:
  ///   - speed: How much faster, in `speeds`; 1 changes nothing.
  ///   - sampleRate: Samples per second.
  package init(speed: Double, sampleRate: Int = 24_000) {
    precondition(Self.speeds.contains(speed), "speed is 0.25…4")
    self.speed = speed
    hop = sampleRate * 15 / 1_000
    tolerance = sampleRate / 100
    let length = 2 * hop
    window = (0..<length).map { index in
      let phase = (Double(index) + 0.5) / Double(length)
      return Float(0.5 - 0.5 * cos(2 * .pi * phase))
    }
    tail = [Float](repeating: 0, count: hop)
  }

  /// Takes in samples and gives those that they complete.
  package mutating func process(_ samples: [Float]) -> [Float] {
    guard speed != 1 else { return samples }
    input += samples
    inputCount += samples.count
    return drain(limit: .max)
  }

  /// Gives the samples that are left at the end of the input.
  ///
  /// - Postcondition: round(n / speed) samples were given for n.
  package mutating func finish() -> [Float] {
    guard speed != 1 else { return [] }
    input += [Float](repeating: 0, count: 4 * hop + 2 * tolerance + Int(Double(hop) * speed) + 1)
    return drain(limit: Int((Double(inputCount) / speed).rounded()))
  }

  private mutating func drain(limit: Int) -> [Float] {
    var output: [Float] = []
    while outputCount < limit {
      let target = Int((Double(windowCount) * Double(hop) * speed).rounded())
      // The window that would continue the last one, and all that the next may be.
      let continuation = windowCount == 0 ? 0 : lastStart + hop
      let end = max(target + tolerance, continuation) + 2 * hop
      guard end <= firstInput + input.count else { break }
      let start = windowCount == 0 ? 0 : bestStart(near: target, like: continuation)
      let offset = start - firstInput
      // The first window has none before it to fade from.
      for index in 0..<hop {
        let sample = input[offset + index]
        output.append(
          windowCount == 0 ? sample : tail[index] + window[index] * sample)
      }
      for index in 0..<hop { tail[index] = window[hop + index] * input[offset + hop + index] }
      lastStart = start
      windowCount += 1
      outputCount += hop
      dropInput()
    }
    if outputCount > limit {
      output.removeLast(min(output.count, outputCount - limit))
      outputCount = limit
    }
    return output
  }

  /// Where the window near `target` begins that is most like the one at `continuation`: the largest
  /// correlation over the square root of its energy, the first of equal ones.
  private func bestStart(near target: Int, like continuation: Int) -> Int {
    let first = max(target - tolerance, firstInput)
    let last = target + tolerance
    guard first <= last else { return max(target, firstInput) }
    // Half a window decides: it is what overlaps.
    let pattern = input.span.extracting(
      continuation - firstInput..<continuation - firstInput + hop)
    var best = target
    var bestScore = -Float.infinity
    for start in first...last {
      let part = input.span.extracting(start - firstInput..<start - firstInput + hop)
      var products = SIMD8<Float>.zero
      var energies = SIMD8<Float>.zero
      var index = 0
      while index + 8 <= hop {
        var a = SIMD8<Float>.zero
        var b = SIMD8<Float>.zero
        for lane in 0..<8 {
          a[lane] = pattern[index + lane]
          b[lane] = part[index + lane]
        }
        products += a * b
        energies += b * b
        index += 8
      }
      let score = products.sum() / (energies.sum() + 1e-6).squareRoot()
      if score > bestScore {
        bestScore = score
        best = start
      }
    }
    return best
  }

  /// Forgets input that no later window can reach.
  private mutating func dropInput() {
    let nextTarget = Int((Double(windowCount) * Double(hop) * speed).rounded())
    let needed = min(nextTarget - tolerance, lastStart + hop)
    let count = needed - firstInput
    // In pieces, since each moves what stays.
    guard count > 8_192 else { return }
    input.removeFirst(count)
    firstInput = needed
  }
}
