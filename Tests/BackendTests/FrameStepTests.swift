// SPDX-License-Identifier: MIT

import CPUBackend
import ModelFiles
import SpeechModel
import SyntheticCheckpoint
import Testing

/// The step that makes a frame, on a backend that notes what is recorded.
@Suite struct FrameStepTests {
  @Test func `on the CPU a frame is its operations, and a prompt has the rows it has`() throws {
    let backend = CPUBackend()
    let step = try Self.step(on: backend)
    // `makeFrameProgram` has none for `makeFrame`.
    #expect(!step.isExclusive && step.framesInFlight == 1)
    #expect([1, 9, 300].map { backend.promptRows(for: $0) } == [1, 9, 300])
    #expect([1, 3, 70].map { backend.stepRows(for: $0) } == [1, 3, 70])
    #expect([1, 5, 70].map { backend.codecFrames(for: $0) } == [1, 5, 70])
  }

  @Test func `the code predictor's first two rows are the same one after the other`() throws {
    let codes = try [false, true].map { prefers in
      let backend = ObservedBackend()
      backend.prefersRowsOfDifferentSlots = prefers
      return try Self.codes([Self.step(on: backend)], seeds: [3])
    }
    #expect(codes[0] == codes[1])
    #expect(try Self.codes([Self.step(on: CPUBackend())], seeds: [3]) == codes[0])
  }

  @Test func `two steps of one backend speak by turns as each alone`() throws {
    let backend = CPUBackend()
    let alone = try [UInt64(3), 4].map { try Self.codes([Self.step(on: backend)], seeds: [$0])[0] }
    let together = try Self.codes(
      [Self.step(on: backend), Self.step(on: backend)], seeds: [3, 4])
    #expect(together == alone)
    #expect(alone[0] != alone[1])
  }

  @Test func `a second utterance is numbered from its own first frame`() throws {
    let step = try Self.step(on: CPUBackend())
    let first = try Self.codes([step], seeds: [3])
    #expect(try Self.codes([step], seeds: [3]) == first)
  }

  /// Twelve frames of each step, a frame of each in turn.
  private static func codes<B: Backend>(
    _ steps: [FrameStep<B>], seeds: [UInt64]
  ) throws -> [[Int32]] {
    var codes = [[Int32]](repeating: [], count: steps.count)
    let settings = SamplingSettings()
    for (step, seed) in zip(steps, seeds) {
      try step.begin(
        Prompt(
          target: (0..<20).map { Int32(3 + $0) }, language: nil, speaker: .unspecified,
          layout: .whole, configuration: step.model.configuration),
        settings: UtteranceSettings(talker: settings, predictor: settings, seed: seed))
    }
    for frame in 0..<12 {
      for (index, step) in steps.enumerated() {
        if frame == 0 { try step.firstFrame() } else { try step.nextFrame() }
        codes[index] += try step.collect(frame)
      }
    }
    return codes
  }

  private static func step<B: Backend>(on backend: B) throws -> FrameStep<B> {
    let checkpoint = Checkpoint.synthetic(.tiny06, variant: .customVoice, seed: 0)
    return try FrameStep(
      LanguageModel(reading: checkpoint.weights, checkpoint.configuration, on: backend),
      capacity: 128, on: backend)
  }
}
