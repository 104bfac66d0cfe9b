// SPDX-License-Identifier: MIT

import ModelFiles
package import SpeechModel
package import SyntheticCheckpoint

/// Compares a backend with another, operation by operation, then in whole utterances.
///
/// A seed decides all random inputs, so a failure can be repeated. The utterances are the same every
/// time: with other random weights two scores may be as near as rounding, and either code be right.
package struct Verification<Candidate: Backend, Reference: Backend> {
  package let seed: UInt64
  /// Makes the backend to be verified; it may record its steps or not.
  let candidate: (_ recordsSteps: Bool) throws -> Candidate
  /// Lends the reference to a body.
  let withReference: ((Reference) throws -> [MeasuredResult]) throws -> [MeasuredResult]
  let wideFramesFillDevice: Bool
  let report: (VerificationOutcome) -> Void

  /// - Parameters:
  ///   - candidate: Makes the backend to be verified, which records its steps or does not.
  ///   - reference: The one that is right.
  ///   - usingReference: Runs a body that uses the reference, where that takes preparation.
  ///   - wideFramesFillDevice: Whether frames of a wide model have to fill the candidate's device, as
  ///     the kernel of a whole frame does: else that kernel would go unverified.
  ///   - report: Called with each outcome as it comes.
  package init(
    seed: UInt64, candidate: @escaping (_ recordsSteps: Bool) throws -> Candidate,
    reference: Reference,
    usingReference: @escaping (() throws -> Void) throws -> Void = { try $0() },
    wideFramesFillDevice: Bool = false,
    report: @escaping (VerificationOutcome) -> Void
  ) {
    self.seed = seed
    self.candidate = candidate
    self.wideFramesFillDevice = wideFramesFillDevice
    self.report = report
    withReference = { body in
      var results: [MeasuredResult] = []
      try usingReference { results = try body(reference) }
      return results
    }
  }

  /// Runs each operation on inputs of its own; true when all agree.
  package func verify(_ operations: [VerifiedOperation] = VerifiedOperation.allCases) -> Bool {
    var backend: Candidate?
    func results<B: Backend>(
      of operation: VerifiedOperation, on backend: B
    ) throws -> [MeasuredResult] {
      var bench = Workbench(backend, operation: operation.rawValue, seed: seed)
      try bench.run(operation)
      return bench.results
    }
    return every(operations.map { ($0, $0.rawValue) }) { operation in
      let candidate = try backend ?? candidate(true)
      backend = candidate
      return [
        VerificationOutcome(
          operation.rawValue, found: try results(of: operation, on: candidate),
          expected: try withReference { try results(of: operation, on: $0) })
      ]
    }
  }

  /// Speaks with random weights in a shape; true when all that is said agrees with the reference,
  /// with a second time, and with bodies run operation by operation, the last two bit for bit.
  package func verify(
    _ size: SyntheticSize, _ utterances: [VerifiedUtterance]? = nil
  ) -> Bool {
    let utterances = utterances ?? VerifiedUtterance.all(for: size)
    let checkpoint = Checkpoint.synthetic(size, variant: .customVoice, seed: 0).keepingWeights()
    // At least so many that attention of a whole frame is shared by several groups of SMs.
    let frames = size.isWide ? 48 : 24
    func speaker<B: Backend>(_ utterance: VerifiedUtterance, on backend: B) throws -> ModelHarness<
      B
    > {
      try ModelHarness(
        checkpoint, capacity: utterance == .longContext ? 4096 : 1024,
        cachePrecision: utterance.cachePrecision, on: backend)
    }
    func exact(_ results: [MeasuredResult]) -> [MeasuredResult] {
      results.map { MeasuredResult(name: $0.name, values: $0.values, tolerance: .exact) }
    }
    return every(utterances.map { ($0, "\(size.rawValue), \($0.rawValue)") }) { utterance in
      let name = "\(size.rawValue), \(utterance.rawValue)"
      let recorded = try speaker(utterance, on: candidate(true))
      if wideFramesFillDevice, size.isWide, !recorded.step.isExclusive {
        return [
          VerificationOutcome(name, error: "expected a frame to run as one kernel, found many")
        ]
      }
      let (found, codes) = try recorded.results(of: utterance, frames: frames)
      let again = try recorded.results(of: utterance, frames: frames).results
      let eager = try speaker(utterance, on: candidate(false))
        .results(of: utterance, frames: frames).results
      return [
        VerificationOutcome(
          name, found: found,
          expected: try withReference {
            try speaker(utterance, on: $0)
              .results(of: utterance, frames: frames, following: codes).results
          }),
        VerificationOutcome("\(name), again", found: exact(again), expected: exact(found)),
        VerificationOutcome(
          "\(name), unrecorded", found: exact(eager), expected: exact(found)),
      ]
    }
  }

  /// Reports the outcomes of each case. One that throws is the last: what a device says after it has
  /// failed means nothing.
  func every<Case>(
    _ cases: [(value: Case, name: String)], _ outcomes: (Case) throws -> [VerificationOutcome]
  ) -> Bool {
    var passes = true
    for (value, name) in cases {
      do {
        for outcome in try outcomes(value) {
          report(outcome)
          passes = passes && outcome.passes
        }
      } catch {
        report(VerificationOutcome(name, error: "\(error)"))
        return false
      }
    }
    return passes
  }
}
