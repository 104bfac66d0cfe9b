// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func sample() throws {
    let greedy = SamplingSettings(samples: false)
    let rules: [(String, SamplingSettings)] = [
      ("greedy", greedy), ("all", SamplingSettings(topK: 0)), ("top-k", SamplingSettings()),
      ("top-k 1", SamplingSettings(topK: 1)),
      ("top-p", SamplingSettings(topP: 0.8)), ("top-p alone", SamplingSettings(topK: 0, topP: 0.6)),
      ("cold", SamplingSettings(temperature: 0.3, topK: 7, topP: 0.95)),
    ]
    for vocabulary in [64, 1088, 2048, 3072] {
      for (name, base) in rules {
        for isTalker in [true, false] {
          try draw(name, base, vocabulary: vocabulary, isTalker: isTalker)
        }
      }
    }
  }

  private mutating func draw(
    _ name: String, _ base: SamplingSettings, vocabulary: Int, isTalker: Bool
  ) throws {
    // Rows draw for some of the slots, in any order.
    let slotCount = 5
    let slots: [Int32] = [3, 0, 4]
    var settings = base
    settings.repetitionPenalty = 1.3
    let end = Int32(vocabulary - 9)
    let rule =
      isTalker
      ? SamplingRule(
        codebook: 0, endToken: end, suppressed: Int32(vocabulary - 20)..<Int32(vocabulary),
        minimumTokens: 2) : SamplingRule(codebook: 5)
    let state = try SamplingState(slotCount: slotCount, vocabularySize: vocabulary, on: backend)
    for slot in 0..<slotCount {
      try backend.write(
        SamplingWord.row(
          talker: settings, predictor: base, seed: random.word(), utterance: UInt32(slot)),
        to: state.settings.strided(
          from: slot * SamplingWord.count, count: SamplingWord.count, by: 1))
    }
    try backend.write([1, 40, 7, 0, 40], to: state.frame)
    try backend.write(
      (0..<slotCount * vocabulary).map { _ in random.index(below: 4) == 0 ? 1 : 0 },
      to: state.seen)
    // Eighths, so that some scores are equal; the end token is among the likely ones.
    var scores = random.floats(slots.count * vocabulary, in: -6...6)
      .map { ($0 * 8).rounded() / 8 }
    for row in slots.indices { scores[row * vocabulary + Int(end)] = 6 }
    let codes = try indices([Int32](repeating: -1, count: slots.count), stride: 2)
    let what = "\(name), \(isTalker ? "talker" : "predictor") of \(vocabulary)"
    for turn in 0..<2 {
      try backend.sample(
        try tensor(scores, columns: vocabulary), rule: rule, state: state,
        slots: try indices(slots, stride: 2), into: codes)
      try expect(codes, "\(what), draw \(turn)")
      try backend.increment(state.frame, by: 1)
    }
    try expect(state.seen, "\(what), tokens seen")
  }
}
