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

/// Verifies that what one model takes on a device is free when it goes, while another speaks.
package struct EngineMemory {
  let context: CUDAContext
  let report: (VerificationOutcome) -> Void
  private let checkpoint = Checkpoint.synthetic(.tiny06, variant: .customVoice, seed: 0)
    .keepingWeights()

  package init(_ context: CUDAContext, report: @escaping (VerificationOutcome) -> Void) {
    (self.context, self.report) = (context, report)
  }

  /// True when all memory is free and the one that stays says what it does alone.
  package func verify() -> Bool {
    let outcomes = [
      outcome("an engine that is released frees its memory", engineIsReleased),
      outcome("a model released from a shared backend frees its memory", modelIsReleased),
    ]
    return outcomes.allSatisfy { $0 }
  }

  private func outcome(_ name: String, _ problem: () throws -> String?) -> Bool {
    let outcome = VerificationOutcome(name, problem)
    report(outcome)
    return outcome.passes
  }

  /// An engine on backends of its own, released while the first one's speech is under way.
  private func engineIsReleased() throws -> String? {
    func engine() throws -> any PromptSpeaking {
      try SpeechEngine(
        checkpoint, capacity: 1024, on: CUDABackend(context), codec: CUDABackend(context))
    }
    let first = try engine()
    let alone = try speak(first)
    let before = context.liveByteCount
    var other: (any PromptSpeaking)? = try engine()
    let neighbour = try other.map { try speak($0) }
    guard context.liveByteCount > before else { return "a second engine took no memory" }
    let during = try speak(first) { other = nil }
    return try problem(before)
      ?? (during == alone && neighbour == alone && speak(first) == alone
        ? nil : "the same speech has other codes next to a second engine")
  }

  /// A model on the backend of another, released between two frames of that one.
  private func modelIsReleased() throws -> String? {
    let backend = try CUDABackend(context)
    let settings = SamplingSettings(repetitionPenalty: 1.05)
    func begun() throws -> (model: ModelHarness<CUDABackend>, codes: [Int32]) {
      let model = try ModelHarness(checkpoint, on: backend)
      _ = try model.read(model.prompt(tokens: 20, layout: .incremental), settings)
      return (model, try model.speak(frames: 5))
    }
    let (first, codes) = try begun()
    let alone = try codes + first.speak(frames: 5, after: 5)
    _ = try first.read(first.prompt(tokens: 20, layout: .incremental), settings)
    let start = try first.speak(frames: 5)
    let before = context.liveByteCount
    let other = try begun().codes
    return try problem(before)
      ?? (other == codes && start + first.speak(frames: 5, after: 5) == alone
        ? nil : "the same speech has other codes after a second model")
  }

  private func problem(_ before: Int) -> String? {
    let left = context.liveByteCount - before
    return left == 0 ? nil : "\(left) bytes are still allocated"
  }

  /// Codes of a short speech; `inside` runs once while it is made.
  private func speak(
    _ engine: any PromptSpeaking, inside: () -> Void = {}
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
