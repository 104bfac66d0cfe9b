// SPDX-License-Identifier: MIT

// How one code is drawn from the scores of a head (docs/model.md, sections 8.2 and 8.3).
//
// The official code draws with one multinomial sample, which torch computes as an exponential race:
// the token with the largest p / e, e drawn from the unit exponential distribution for each token.
// This engine runs the same race with its own random numbers, keyed by seed, utterance, frame,
// codebook and token. A token's number depends on nothing else, so the same request draws the same
// numbers on every backend, alone or in a batch.

/// What is fixed about the drawing of one codebook.
package struct SamplingRule: Sendable, Hashable {
  /// 0 for the talker's code, 1…15 for the code predictor's.
  package var codebook: Int
  /// The talker's end token; `nil` for the code predictor.
  package var endToken: Int32?
  /// Ids that are never drawn, the end token excepted.
  package var suppressed: Range<Int32>
  /// Tokens that must be drawn before the end token may be.
  package var minimumTokens: Int32

  package init(
    codebook: Int, endToken: Int32? = nil, suppressed: Range<Int32> = 0..<0,
    minimumTokens: Int32 = 0
  ) {
    self.codebook = codebook
    self.endToken = endToken
    self.suppressed = suppressed
    self.minimumTokens = minimumTokens
  }

  /// The rule of codebook 0: the last 1,024 ids are control ids, of which only the end may come.
  package static func talker(_ configuration: TalkerConfiguration) -> SamplingRule {
    let vocabulary = Int32(configuration.vocabularySize)
    return SamplingRule(
      codebook: 0, endToken: configuration.control.end, suppressed: vocabulary - 1024..<vocabulary,
      minimumTokens: 2)
  }

  /// True for codebook 0, whose tokens are remembered and penalised.
  package var remembers: Bool { endToken != nil }
}

/// The part of `SamplingState` that one row needs, as plain values.
package struct SamplingRow: Sendable {
  package var settings: SamplingSettings
  package var seed: UInt64
  package var utterance: UInt32
  package var frame: UInt32

  package init(settings: SamplingSettings, seed: UInt64, utterance: UInt32, frame: UInt32) {
    self.settings = settings
    self.seed = seed
    self.utterance = utterance
    self.frame = frame
  }
}

/// Layout of one row of `SamplingState.settings`: I32 words, floats by their bits.
package enum SamplingWord: Int, CaseIterable, Sendable {
  case samples, temperature, topK, topP, repetitionPenalty
  case predictorSamples, predictorTemperature, predictorTopK, predictorTopP
  case seedLow, seedHigh, utterance

  /// Words in a row.
  package static let count = 16

  /// One row for a slot.
  package static func row(
    talker: SamplingSettings, predictor: SamplingSettings, seed: UInt64, utterance: UInt32
  ) -> [Int32] {
    var words = [Int32](repeating: 0, count: count)
    func set(_ word: SamplingWord, _ value: Int32) { words[word.rawValue] = value }
    func set(_ word: SamplingWord, bits value: Float) {
      set(word, Int32(bitPattern: value.bitPattern))
    }
    set(.samples, talker.samples ? 1 : 0)
    set(.temperature, bits: talker.temperature)
    set(.topK, Int32(clamping: talker.topK))
    set(.topP, bits: talker.topP)
    set(.repetitionPenalty, bits: talker.repetitionPenalty)
    set(.predictorSamples, predictor.samples ? 1 : 0)
    set(.predictorTemperature, bits: predictor.temperature)
    set(.predictorTopK, Int32(clamping: predictor.topK))
    set(.predictorTopP, bits: predictor.topP)
    set(.seedLow, Int32(truncatingIfNeeded: seed))
    set(.seedHigh, Int32(truncatingIfNeeded: seed >> 32))
    set(.utterance, Int32(bitPattern: utterance))
    return words
  }

  /// What a row of words says about one codebook.
  package static func decode(
    _ words: some RandomAccessCollection<Int32>, codebook: Int, frame: Int32
  ) -> SamplingRow {
    func word(_ word: SamplingWord) -> Int32 {
      words[words.index(words.startIndex, offsetBy: word.rawValue)]
    }
    func float(_ name: SamplingWord) -> Float { Float(bitPattern: UInt32(bitPattern: word(name))) }
    let settings =
      codebook == 0
      ? SamplingSettings(
        samples: word(.samples) != 0, temperature: float(.temperature), topK: Int(word(.topK)),
        topP: float(.topP), repetitionPenalty: float(.repetitionPenalty))
      : SamplingSettings(
        samples: word(.predictorSamples) != 0, temperature: float(.predictorTemperature),
        topK: Int(word(.predictorTopK)), topP: float(.predictorTopP))
    let seed =
      UInt64(UInt32(bitPattern: word(.seedLow))) | UInt64(UInt32(bitPattern: word(.seedHigh))) << 32
    return SamplingRow(
      settings: settings, seed: seed, utterance: UInt32(bitPattern: word(.utterance)),
      frame: UInt32(bitPattern: frame))
  }
}

/// What sampling needs in addition to the scores, one row a slot.
package struct SamplingState<Indices: BackendIndices> {
  /// `[slots, SamplingWord.count]`.
  package let settings: Indices
  /// Index of the frame being made, `[slots]`.
  package let frame: Indices
  /// 1 where a codebook-0 token was drawn in this utterance, `[slots, vocabulary]`.
  package let seen: Indices
  package let vocabularySize: Int

  package init<B: MemoryBackend>(
    slotCount: Int, vocabularySize: Int, on backend: B
  ) throws(B.Failure) where B.Indices == Indices {
    settings = try backend.makeIndices(count: slotCount * SamplingWord.count)
    frame = try backend.makeIndices(count: slotCount)
    seen = try backend.makeIndices(count: slotCount * vocabularySize)
    self.vocabularySize = vocabularySize
  }
}

/// The definition of a draw, for reading and for the CPU.
package enum Sampling {
  /// Draws a token from `scores`, which it changes.
  ///
  /// In this order: the repetition penalty, once for each distinct token seen; the minimum length;
  /// suppression; then, unless greedy, temperature, top-k (ties stay), top-p, and the race.
  /// The first of equal scores wins.
  ///
  /// - Parameters:
  ///   - scores: F32 logits, one a token.
  ///   - seen: True for tokens drawn before in this utterance; asked for codebook 0 only.
  package static func draw(
    _ scores: inout [Float], rule: SamplingRule, row: SamplingRow, seen: (Int) -> Bool
  ) -> Int32 {
    let settings = row.settings
    if rule.remembers, settings.repetitionPenalty != 1 {
      for token in scores.indices where seen(token) {
        let score = scores[token]
        scores[token] =
          score < 0 ? score * settings.repetitionPenalty : score / settings.repetitionPenalty
      }
    }
    for token in rule.suppressed where token != rule.endToken { scores[Int(token)] = -.infinity }
    if let end = rule.endToken, row.frame < UInt32(rule.minimumTokens) {
      scores[Int(end)] = -.infinity
    }
    guard settings.samples else { return Int32(argmax(scores)) }
    if settings.temperature != 1 {
      for token in scores.indices { scores[token] /= settings.temperature }
    }
    var kept = keepTopK(scores, settings.topK)
    if settings.topP < 1 { kept = keepTopP(scores, kept, settings.topP) }
    return race(scores, among: kept, rule: rule, row: row)
  }

  /// Index of the largest score, the first of equal ones.
  static func argmax(_ scores: [Float]) -> Int {
    var best = 0
    for token in scores.indices where scores[token] > scores[best] { best = token }
    return best
  }

  /// Tokens whose score is at least the `count`-th largest, in the order of their ids.
  static func keepTopK(_ scores: [Float], _ count: Int) -> [Int] {
    let possible = scores.indices.filter { scores[$0] > -.infinity }
    guard count > 0, count < possible.count else { return possible }
    let threshold = possible.map { scores[$0] }.sorted(by: >)[count - 1]
    return possible.filter { scores[$0] >= threshold }
  }

  /// Drops the least likely tokens whose probabilities sum to at most `1 − mass`; the likeliest
  /// always stays. Of equal scores the higher id goes first.
  static func keepTopP(_ scores: [Float], _ kept: [Int], _ mass: Float) -> [Int] {
    guard let top = kept.map({ scores[$0] }).max() else { return kept }
    let ascending = kept.sorted { (scores[$0], -$0) < (scores[$1], -$1) }
    let weights = ascending.map { Math.exp(scores[$0] - top) }
    let total = weights.reduce(0, +)
    var dropped = 0
    var sum: Float = 0
    while dropped < ascending.count - 1 {
      sum += weights[dropped] / total
      if sum > 1 - mass { break }
      dropped += 1
    }
    return ascending[dropped...].sorted()
  }

  /// The winner of the exponential race: the largest `score − log(e)`, `e = −log(u)`.
  static func race(_ scores: [Float], among kept: [Int], rule: SamplingRule, row: SamplingRow)
    -> Int32
  {
    var best = kept.first ?? 0
    var bestValue = -Float.infinity
    for token in kept {
      let value = scores[token] + noise(token: token, rule: rule, row: row)
      if value > bestValue { (best, bestValue) = (token, value) }
    }
    return Int32(best)
  }

  /// `−log(−log(u))` for a token of a frame, `u` from `Philox`.
  ///
  /// Key: the seed. Counter: a quarter of the token's id, codebook, frame, utterance; the token's
  /// low two bits choose the word.
  static func noise(token: Int, rule: SamplingRule, row: SamplingRow) -> Float {
    let words = Philox.words(
      key: (UInt32(truncatingIfNeeded: row.seed), UInt32(truncatingIfNeeded: row.seed >> 32)),
      counter: (UInt32(token >> 2), UInt32(rule.codebook), row.frame, row.utterance))
    let word =
      switch token & 3 {
      case 0: words.0
      case 1: words.1
      case 2: words.2
      default: words.3
      }
    return -Math.log(-Math.log(Philox.uniform(word)))
  }
}
