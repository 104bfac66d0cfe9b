// SPDX-License-Identifier: MIT

package import SpeechModel

extension CPUBackend {
  package func sample(
    _ logits: CPUTensor, rule: SamplingRule, state: SamplingState<CPUIndices>, slots: CPUIndices,
    into codes: CPUIndices
  ) {
    let words = SamplingWord.count
    for row in 0..<logits.rows {
      let slot = Int(slots[row])
      var scores = read(logits.rows(row..<row + 1))
      let settings = state.settings.strided(from: slot * words, count: words, by: 1).values
      let seen = state.seen.strided(
        from: slot * state.vocabularySize, count: state.vocabularySize, by: 1)
      let token = Sampling.draw(
        &scores, rule: rule,
        row: SamplingWord.decode(settings, codebook: rule.codebook, frame: state.frame[slot]),
        seen: { seen[$0] != 0 })
      if rule.remembers { seen[Int(token)] = 1 }
      codes[row] = token
    }
  }
}
