// SPDX-License-Identifier: MIT
import Foundation

/// Harmonics of a gliding pitch under a moving envelope: as much like a voice as encoders need.
func speechlike(seconds: Double, pitch: Double = 140, rate: Double = 24_000) -> [Float] {
  var phase = 0.0
  return (0..<Int(seconds * rate)).map { index in
    let time = Double(index) / rate
    phase += 2 * .pi * pitch * (1 + 0.1 * sin(2 * .pi * 0.7 * time)) / rate
    let syllable = 0.55 + 0.45 * sin(2 * .pi * 3.1 * time)
    let value = (1...24).reduce(0.0) { sum, harmonic in
      let frequency = pitch * Double(harmonic)
      let formants =
        exp(-pow((frequency - 600) / 400, 2)) + 0.5 * exp(-pow((frequency - 1_700) / 500, 2))
      return sum + formants * sin(phase * Double(harmonic))
    }
    return Float(0.12 * syllable * value)
  }
}

/// The largest correlation of `b` with `a` over delays of 0 to `most` samples, and where it is.
func correlation(_ a: [Float], _ b: [Float], most: Int) -> (value: Double, delay: Int) {
  var best = (value: -1.0, delay: 0)
  for delay in 0...most {
    let count = min(a.count, b.count - delay)
    guard count > 0 else { break }
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    for index in 0..<count {
      let (x, y) = (Double(a[index]), Double(b[index + delay]))
      ab += x * y
      aa += x * x
      bb += y * y
    }
    let value = ab / (aa * bb).squareRoot()
    if value > best.value { best = (value, delay) }
  }
  return best
}
