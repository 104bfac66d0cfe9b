// SPDX-License-Identifier: MIT

package import CUDA
import CUDABackend
import ModelFiles
import SpeechModel
import SyntheticCheckpoint

/// Verifies how a GPU's failures are reported: memory that is not there, and a kernel that stops in the
/// middle of an utterance. Ends with nothing allocated. The device cannot be used in this process
/// afterwards.
package struct DeviceFaults {
  let context: CUDAContext
  let report: (VerificationOutcome) -> Void

  package init(_ context: CUDAContext, report: @escaping (VerificationOutcome) -> Void) {
    (self.context, self.report) = (context, report)
  }

  /// True when all is reported as it should be.
  package func verify() -> Bool {
    let outcomes = [
      outcome("all memory is released", nothingIsAllocated),
      outcome("out of memory is reported", memoryRunsOut),
      outcome("a device that fails in an utterance is reported", deviceFails),
      outcome("no leaks after failures", nothingIsAllocated),
    ]
    return outcomes.allSatisfy { $0 }
  }

  private func outcome(_ name: String, _ problem: () throws -> String?) -> Bool {
    let outcome = VerificationOutcome(name, problem)
    report(outcome)
    return outcome.passes
  }

  private func nothingIsAllocated() -> String? {
    let count = context.liveAllocationCount
    return count == 0 ? nil : "\(count) allocations are alive"
  }

  /// More than any device has: an error that says what to do, and work continues.
  private func memoryRunsOut() throws -> String? {
    let backend = try CUDABackend(context)
    let before = context.liveAllocationCount
    let error = try failure { _ = try backend.makeTensor(rows: 1 << 30, columns: 1 << 14) }
    guard let error, error.code == 2, error.remedy.contains("memory") else {
      return "expected CUDA_ERROR_OUT_OF_MEMORY, found \(error.map { "\($0)" } ?? "no error")"
    }
    guard context.liveAllocationCount == before else { return "a failed allocation is counted" }
    let checkpoint = Checkpoint.synthetic(.tiny06, variant: .customVoice, seed: 0)
    let tooLong = try failure { _ = try ModelHarness(checkpoint, capacity: 1 << 36, on: backend) }
    guard tooLong?.code == 2 else { return "a cache of 2³⁶ positions was not refused" }
    let tensor = try backend.makeTensor(rows: 3, columns: 5)
    return try backend.read(tensor) == [Float](repeating: 0, count: 15)
      ? nil : "a tensor made afterwards is not of zeros"
  }

  /// A kernel stops between two frames: the next frame is an error, no waiting without end.
  private func deviceFails() throws -> String? {
    let checkpoint = Checkpoint.synthetic(.tiny06, variant: .customVoice, seed: 0)
    let backend = try CUDABackend(context)
    let speaker = try ModelHarness(checkpoint, on: backend)
    let prompt = speaker.prompt(tokens: 30, layout: .incremental)
    _ = try speaker.read(prompt, SamplingSettings())
    _ = try speaker.speak(frames: 3)
    let kernel = try backend.breakDevice()
    let error = try failure { _ = try speaker.speak(frames: 3, after: 3) }
    // An illegal address or instruction, a trap, or a launch that failed for another reason.
    guard let error, (700...719).contains(error.code) else {
      return "expected a failed launch, found \(error.map { "\($0)" } ?? "no error")"
    }
    let later = try failure { _ = try backend.read(speaker.step.hidden) }
    withExtendedLifetime(kernel) {}
    return later == nil ? "the device was used after it had failed" : nil
  }

  /// What the device fails with in `body`; other errors are thrown.
  private func failure(_ body: () throws -> Void) throws -> CUDAError? {
    do {
      try body()
      return nil
    } catch let error as CUDAError {
      return error
    }
  }
}
