// SPDX-License-Identifier: MIT
import Audio
import Foundation
import Testing

@Suite struct ResamplerTests {
  /// What became of a tone, both in dB relative to the tone that went in.
  struct Outcome {
    var gain: Double
    var rest: Double
  }

  /// Sends a sine through the resampler and fits it to the middle of what comes out.
  ///
  /// `rest` is the energy of everything that is not the tone: aliases, images, noise.
  func tone(_ frequency: Double, from: Int, to: Int = 24_000) -> Outcome {
    let seconds = 0.1 + 400 / Double(min(from, to))
    let input = (0..<Int(Double(from) * seconds)).map {
      Float(sin(2 * .pi * frequency * Double($0) / Double(from)))
    }
    let output = Resampler.resample(input, from: from, to: to)
    let margin = output.count / 3
    let middle = margin..<output.count - margin
    // Least squares for a·sin + b·cos.
    var (ss, sc, cc, xs, xc, xx) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for index in middle {
      let angle = 2 * Double.pi * frequency * Double(index) / Double(to)
      let (s, c, x) = (sin(angle), cos(angle), Double(output[index]))
      ss += s * s
      sc += s * c
      cc += c * c
      xs += x * s
      xc += x * c
      xx += x * x
    }
    let determinant = ss * cc - sc * sc
    let a = (xs * cc - xc * sc) / determinant
    let b = (xc * ss - xs * sc) / determinant
    let fitted = a * a * ss + 2 * a * b * sc + b * b * cc
    let rest = max(xx - fitted, 0) / Double(middle.count) * 2
    return Outcome(gain: 10 * log10(a * a + b * b), rest: 10 * log10(rest + 1e-30))
  }

  static let rates = [
    1_000, 8_000, 11_025, 12_347, 16_000, 22_050, 23_999, 32_000, 44_100, 47_951, 48_000, 88_200,
    96_000, 192_000,
  ]

  @Test(arguments: rates, [0.01, 0.2, 0.5, 0.8, 0.91])
  func `tones in the pass band stay as they are`(rate: Int, share: Double) {
    let outcome = tone(share * Double(min(rate, 24_000)) / 2, from: rate)
    #expect(abs(outcome.gain) < 0.001, "\(outcome.gain) dB")
    #expect(outcome.rest < -115, "everything else is at \(outcome.rest) dB")
  }

  @Test(arguments: rates.filter { $0 > 24_000 }, [1.0, 1.02, 1.1, 1.3, 1.7, 1.95])
  func `tones above the lower Nyquist frequency do not fold back`(rate: Int, share: Double) {
    let frequency = share * 12_000
    guard frequency < Double(rate) / 2 else { return }
    let input = (0..<rate / 20).map { Float(sin(2 * .pi * frequency * Double($0) / Double(rate))) }
    let output = Resampler.resample(input, from: rate)
    let middle = output[(output.count / 3)..<(2 * output.count / 3)]
    let power = middle.reduce(0) { $0 + Double($1) * Double($1) } / Double(middle.count) * 2
    #expect(10 * log10(power) < -115, "\(10 * log10(power)) dB")
  }

  @Test(arguments: rates + [768_000, 767_999], [0, 1, 7, 1_000, 4_801])
  func `as many samples come out as the ratio says, rounded up`(rate: Int, count: Int) {
    let output = Resampler.resample([Float](repeating: 0.5, count: count), from: rate)
    #expect(output.count == (count * 24_000 + rate - 1) / rate)
    #expect(output.allSatisfy { $0.isFinite && abs($0) < 1 })
  }

  @Test(arguments: [8_000, 12_347, 44_100, 48_000])
  func `blocks of any size give the samples of one pass`(rate: Int) {
    let input = (0..<4_000).map { Float(sin(Double($0 * $0) / 3_000)) }
    let whole = Resampler.resample(input, from: rate)
    for size in [1, 7, 128, 1_000] {
      var resampler = Resampler(from: rate)
      var parts: [Float] = []
      for start in stride(from: 0, to: input.count, by: size) {
        parts += resampler.process(Array(input[start..<min(input.count, start + size)]))
      }
      parts += resampler.finish()
      #expect(parts == whole)
    }
  }

  @Test func `an impulse stays at its instant`() {
    var input = [Float](repeating: 0, count: 4_410)
    input[2_205] = 1
    let output = Resampler.resample(input, from: 44_100)
    let peak = output.indices.max { output[$0] < output[$1] }
    #expect(peak == 1_200)
  }

  @Test func `an equal rate changes nothing`() {
    let input: [Float] = [0.1, -0.2, .infinity]
    #expect(Resampler.resample(input, from: 24_000) == input)
  }
}
