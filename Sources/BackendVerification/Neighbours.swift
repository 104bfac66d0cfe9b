// SPDX-License-Identifier: MIT

package import CUDA
import CUDABackend
import ModelFiles
import Qwen3TTS
import SpeechModel
import SyntheticCheckpoint

extension Verification {
  /// Models speak in turn, a few frames each, first on one backend and then on one each; true when each
  /// says what it says alone, bit for bit.
  package func verifyNeighbours() -> Bool {
    let checkpoints = [(SyntheticSize.tiny06, 0), (.tiny06, 1), (.tiny, 0)].map { size, seed in
      Checkpoint.synthetic(size, variant: .customVoice, seed: seed).keepingWeights()
    }
    func speakers(_ backend: () throws -> Candidate) throws -> [ModelHarness<Candidate>] {
      try checkpoints.map { try ModelHarness($0, cachePrecision: .float32, on: backend()) }
    }
    let cases = [(true, "models in turn, one backend"), (false, "models in turn, a backend each")]
    return every(cases) { isShared in
      var expected: [MeasuredResult] = []
      for (index, speaker) in try speakers({ try candidate(true) }).enumerated() {
        for turn in 0..<4 { expected += try speaker.results(ofTurn: turn, model: index) }
      }
      let shared = try candidate(true)
      let together = try speakers { isShared ? shared : try candidate(true) }
      var found: [[MeasuredResult]] = together.map { _ in [] }
      for turn in 0..<4 {
        for (index, speaker) in together.enumerated() {
          found[index] += try speaker.results(ofTurn: turn, model: index)
        }
      }
      return [
        VerificationOutcome(
          isShared ? cases[0].1 : cases[1].1, found: found.flatMap(\.self), expected: expected)
      ]
    }
  }
}

extension ModelHarness {
  /// Five frames more of one speech, and their samples.
  fileprivate func results(ofTurn turn: Int, model: Int) throws -> [MeasuredResult] {
    if turn == 0 {
      _ = try read(
        prompt(tokens: 20, layout: .incremental), SamplingSettings(repetitionPenalty: 1.05))
      try codec.begin(after: [])
    }
    let codes = try speak(frames: 5, after: 5 * turn)
    // Control ids have no sound.
    let samples = try codec.decode(codes.map { min($0, Int32(entries) - 1) })
    let name = "model \(model + 1), turn \(turn + 1)"
    return [
      MeasuredResult(name: "\(name), codes", values: codes.map(Float.init), tolerance: .exact),
      MeasuredResult(name: "\(name), samples", values: samples, tolerance: .exact),
    ]
  }
}

/// Verifies that engines on one device do not keep each other's memory.
package struct EngineMemory {
  let context: CUDAContext
  let report: (VerificationOutcome) -> Void

  package init(_ context: CUDAContext, report: @escaping (VerificationOutcome) -> Void) {
    (self.context, self.report) = (context, report)
  }

  /// Opens an engine, and a second one; releases the second while the first speaks. True when all memory
  /// of the second is then free, and the first says the same before and after.
  package func verify() -> Bool {
    let name = "an engine that is released frees its memory"
    let outcome: VerificationOutcome
    do {
      outcome =
        try problem().map { VerificationOutcome(name, error: $0) }
        ?? VerificationOutcome(name, found: [], expected: [])
    } catch {
      outcome = VerificationOutcome(name, error: "\(error)")
    }
    report(outcome)
    return outcome.passes
  }

  private func problem() throws -> String? {
    let checkpoint = Checkpoint.synthetic(.tiny06, variant: .customVoice, seed: 0).keepingWeights()
    func engine() throws -> any PromptSpeaking {
      try SpeechEngine(
        checkpoint, capacity: 1024, on: CUDABackend(context), codec: CUDABackend(context))
    }
    let first = try engine()
    let alone = try speak(first, checkpoint)
    let before = (count: context.liveAllocationCount, bytes: context.liveByteCount)
    var other: (any PromptSpeaking)? = try engine()
    let taken = context.liveByteCount - before.bytes
    guard taken > 0 else { return "a second engine took no memory" }
    let neighbour = try other.map { try speak($0, checkpoint) } ?? []
    var during: [Int32] = []
    during = try speak(first, checkpoint) { other = nil }
    guard context.liveByteCount == before.bytes, context.liveAllocationCount == before.count else {
      return "of \(taken) bytes, \(context.liveByteCount - before.bytes) are still allocated"
    }
    let after = try speak(first, checkpoint)
    return neighbour == alone && during == alone && after == alone
      ? nil : "the same speech has other codes beside a second engine"
  }

  /// Codes of a short speech; `inside` runs once while it is made.
  private func speak(
    _ engine: any PromptSpeaking, _ checkpoint: Checkpoint, inside: () -> Void = {}
  ) throws -> [Int32] {
    let prompt = Prompt(
      target: (0..<38).map { Int32(3 + $0 * 5 % 61) }, language: nil, speaker: .unspecified,
      layout: .whole, configuration: checkpoint.configuration)
    let settings = SamplingSettings(repetitionPenalty: 1.05)
    var codes: [Int32] = []
    _ = try engine.speak(
      prompt, settings: UtteranceSettings(talker: settings, predictor: settings, seed: 7),
      budget: 24, chunks: (1, 4), isCancelled: { false },
      deliver: { _, frames in
        if codes.isEmpty { inside() }
        codes += frames.joined()
      })
    return codes
  }
}
