// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Codes drawn from scores.
@Suite struct SampleTests {
  @Test func `each row draws by its own settings, counter and seen tokens`() {
    let check = CPUCheck()
    let backend = check.backend
    let state = SamplingState(slotCount: 3, vocabularySize: 4, on: backend)
    let scores: [[Float]] = [[4, 3, 2, 1], [4, 3, 2, 1], [4, 3, 2, 1]]
    for (slot, penalty) in [Float(1), 2, 1].enumerated() {
      let greedy = SamplingSettings(samples: false, repetitionPenalty: penalty)
      backend.write(
        SamplingWord.row(talker: greedy, predictor: greedy, seed: 1, utterance: 0),
        to: state.settings.strided(
          from: slot * SamplingWord.count, count: SamplingWord.count, by: 1))
    }
    // The second has said token 0, and the third may not end yet.
    backend.write([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], to: state.seen)
    backend.write([5, 5, 0], to: state.frame)
    let codes = check.indices([-1, -1, -1])
    backend.sample(
      check.tensor(scores),
      rule: SamplingRule(codebook: 0, endToken: 0, minimumTokens: 2), state: state,
      slots: check.indices([0, 1, 2]), into: codes)
    #expect(backend.read(codes) == [0, 1, 1])
    // What was drawn is seen from now on.
    #expect(backend.read(state.seen) == [1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0])
  }

  @Test func `rows draw for the slots they are given, and other slots stay as they are`() {
    let check = CPUCheck()
    let backend = check.backend
    let state = SamplingState(slotCount: 3, vocabularySize: 2, on: backend)
    let greedy = SamplingSettings(samples: false, repetitionPenalty: 4)
    for slot in 0..<3 {
      backend.write(
        SamplingWord.row(talker: greedy, predictor: greedy, seed: 1, utterance: 0),
        to: state.settings.strided(
          from: slot * SamplingWord.count, count: SamplingWord.count, by: 1))
    }
    backend.write([1, 0, 0, 0, 0, 0], to: state.seen)
    let codes = check.indices([-1, -1])
    backend.sample(
      check.tensor([[2, 1], [2, 1]]), rule: SamplingRule(codebook: 0, endToken: 5), state: state,
      slots: check.indices([2, 0]), into: codes)
    #expect(backend.read(codes) == [0, 1])
    #expect(backend.read(state.seen) == [1, 1, 0, 0, 1, 0])
  }

  @Test func `a draw depends on seed, utterance, frame and codebook alone`() {
    let check = CPUCheck()
    let backend = check.backend
    let settings = SamplingSettings(topK: 0)
    func draw(slots: Int, slot: Int, seed: UInt64 = 3, frame: Int32 = 7, codebook: Int = 2) -> Int32
    {
      let state = SamplingState(slotCount: slots, vocabularySize: 512, on: backend)
      for index in 0..<slots {
        backend.write(
          SamplingWord.row(
            talker: settings, predictor: settings, seed: index == slot ? seed : 99, utterance: 4),
          to: state.settings.strided(
            from: index * SamplingWord.count, count: SamplingWord.count, by: 1))
      }
      backend.write([Int32](repeating: frame, count: slots), to: state.frame)
      let codes = backend.makeIndices(count: slots)
      backend.sample(
        backend.makeTensor(rows: slots, columns: 512), rule: SamplingRule(codebook: codebook),
        state: state, slots: check.indices((0..<slots).map(Int32.init)), into: codes)
      return backend.read(codes)[slot]
    }
    let alone = draw(slots: 1, slot: 0)
    #expect(draw(slots: 5, slot: 3) == alone)
    #expect(draw(slots: 1, slot: 0, seed: 4) != alone)
    #expect(draw(slots: 1, slot: 0, frame: 8) != alone)
    #expect(draw(slots: 1, slot: 0, codebook: 3) != alone)
  }
}
