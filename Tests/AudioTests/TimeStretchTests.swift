// SPDX-License-Identifier: MIT
import Audio
import Foundation
import Testing

@Suite struct TimeStretchTests {
  func stretched(_ samples: [Float], speed: Double, block: Int) -> [Float] {
    var stretch = TimeStretch(speed: speed)
    var output: [Float] = []
    for start in stride(from: 0, to: samples.count, by: block) {
      output += stretch.process(Array(samples[start..<min(start + block, samples.count)]))
    }
    return output + stretch.finish()
  }

  /// Pitch in Hz by autocorrelation, in the middle of a sound.
  func pitch(_ samples: [Float]) -> Double {
    let start = samples.count / 2 - 1_200
    let scores = (80...400).map { lag in
      (start..<start + 2_000).reduce(0) { $0 + samples[$1] * samples[$1 + lag] }
    }
    let best = scores.indices.max { scores[$0] < scores[$1] } ?? 0
    return 24_000 / Double(80 + best)
  }

  @Test func `speed 1 changes nothing`() {
    let samples = speechlike(seconds: 0.2)
    #expect(stretched(samples, speed: 1, block: 77) == samples)
  }

  @Test(arguments: [0.25, 0.5, 0.8, 0.99, 1.25, 1.7, 2, 4])
  func `has the length of its speed and the pitch of the voice`(_ speed: Double) {
    let samples = speechlike(seconds: 1.5)
    let output = stretched(samples, speed: speed, block: 1_920)
    #expect(output.count == Int((Double(samples.count) / speed).rounded()))
    let (before, after) = (pitch(samples), pitch(output))
    #expect(abs(after / before - 1) < 0.1, "\(before) Hz, then \(after) Hz")
    #expect(output.allSatisfy { abs($0) < 1 })
  }

  @Test(arguments: [0.25, 0.7, 1.3, 4])
  func `does not depend on how samples are cut`(_ speed: Double) {
    let samples = speechlike(seconds: 0.9)
    let whole = stretched(samples, speed: speed, block: samples.count)
    for block in [1, 7, 1_920] {
      #expect(stretched(samples, speed: speed, block: block) == whole, "blocks of \(block)")
    }
  }

  @Test(arguments: [0.5, 1.5])
  func `joins windows in phase`(_ speed: Double) {
    // A steady tone stays a steady tone: where windows met out of phase its level would dip.
    let tone = (0..<24_000).map { Float(0.5 * sin(2 * .pi * 200 * Double($0) / 24_000)) }
    let output = stretched(tone, speed: speed, block: 1_920)
    let inside = stride(from: 2_400, to: output.count - 2_400, by: 120)
    for start in inside {
      let peak = output[start..<start + 120].map(abs).max() ?? 0
      #expect(abs(peak - 0.5) < 0.02, "at \(start): \(peak)")
    }
  }

  @Test(arguments: [0, 1, 100, 719, 720, 721])
  func `takes speech shorter than a window`(_ count: Int) {
    for speed in [0.25, 0.6, 3.3] {
      let samples = Array(speechlike(seconds: 0.1).prefix(count))
      let output = stretched(samples, speed: speed, block: 64)
      #expect(output.count == Int((Double(count) / speed).rounded()))
    }
  }
}
