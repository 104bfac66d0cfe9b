// SPDX-License-Identifier: MIT

import CPUBackend
import Digest
import SpeechModel
import Testing

@Suite struct SamplingTests {
  /// Draws with frame after frame of fresh numbers.
  static func draws(
    _ scores: [Float], _ settings: SamplingSettings, count: Int,
    rule: SamplingRule = SamplingRule(codebook: 1), seen: Set<Int> = []
  ) -> [Int32] {
    (0..<count).map { frame in
      var scores = scores
      return Sampling.draw(
        &scores, rule: rule,
        row: SamplingRow(settings: settings, seed: 42, utterance: 0, frame: UInt32(frame + 2)),
        seen: { seen.contains($0) })
    }
  }

  @Test func `draws tokens as often as their probabilities say`() {
    let scores: [Float] = [0, 1, 2, -1]
    var settings = SamplingSettings(temperature: 1, topK: 0)
    settings.topP = 1
    let count = 20_000
    let drawn = Self.draws(scores, settings, count: count)
    let weights: [Double] = [1, 2.718281828, 7.389056099, 0.3678794412]
    let total = weights.reduce(0, +)
    var chiSquare = 0.0
    for token in 0..<4 {
      let expected = Double(count) * weights[token] / total
      let found = Double(drawn.count { $0 == Int32(token) })
      chiSquare += (found - expected) * (found - expected) / expected
    }
    // Three degrees of freedom: 16.3 is exceeded once in a thousand.
    #expect(chiSquare < 16.3)
  }

  @Test func `keeps ties of the last of top-k and nothing below`() {
    let settings = SamplingSettings(temperature: 1, topK: 2)
    let drawn = Set(Self.draws([3, 2, 2, 1], settings, count: 400))
    #expect(drawn == [0, 1, 2])
  }

  @Test func `keeps the likeliest token whatever top-p says`() {
    let settings = SamplingSettings(temperature: 1, topK: 0, topP: 0.01)
    #expect(Set(Self.draws([1, 5, 2], settings, count: 50)) == [1])
  }

  @Test func `penalises, suppresses and delays the end, also when greedy`() {
    let rule = SamplingRule(codebook: 0, endToken: 3, suppressed: 2..<5, minimumTokens: 2)
    let greedy = SamplingSettings(samples: false, repetitionPenalty: 2)
    #expect(Self.draws([4, 3, 9, 1, 9], greedy, count: 1, rule: rule) == [0])
    #expect(Self.draws([4, 3, 9, 1, 9], greedy, count: 1, rule: rule, seen: [0]) == [1])
    #expect(Self.draws([4, 3, 9, 8, 9], greedy, count: 1, rule: rule) == [3])
    var scores: [Float] = [4, 3, 9, 8, 9]
    let early = Sampling.draw(
      &scores, rule: rule,
      row: SamplingRow(settings: greedy, seed: 0, utterance: 0, frame: 1), seen: { _ in false })
    #expect(early == 0)
  }

  @Test func `Philox gives the published numbers`() {
    // Known answers of the Random123 distribution.
    let zeros = Philox.words(key: (0, 0), counter: (0, 0, 0, 0))
    #expect(zeros == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = Philox.words(
      key: (.max, .max), counter: (.max, .max, .max, .max))
    #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
  }

  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
  ]) func `SHA-256 gives the published digests`(_ text: String, _ hex: String) {
    var hash = SHA256()
    hash.update(text.utf8)
    let digits = hash.finalize().map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }
    #expect(digits.joined() == hex)
  }
}
