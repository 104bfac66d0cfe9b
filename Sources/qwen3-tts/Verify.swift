// SPDX-License-Identifier: MIT

import ArgumentParser
import BackendVerification
import CPUBackend
import CUDA
import CUDABackend
import Qwen3TTS
import SpeechModel
import SyntheticCheckpoint

/// `qwen3-tts doctor --verify`: whether this machine computes what it should.
struct DeviceVerification {
  /// Where to look for errors.
  let device: Device
  /// Of the random inputs.
  let seed: UInt64
  /// Shapes of the models that speak.
  let sizes: [SyntheticSize]
  /// Operations whose names hold this word, and no utterances; `nil`: everything.
  let only: String?

  /// Prints a line an operation and an utterance, and what it all comes to.
  ///
  /// - Throws: `SynthesisError`: `deviceUnavailable` when the device cannot be used,
  ///   `internalFailure` when something it computes is wrong.
  func run() throws {
    let operations = VerifiedOperation.allCases.filter { operation in
      only.map { operation.rawValue.lowercased().contains($0.lowercased()) } ?? true
    }
    guard !operations.isEmpty else {
      throw SynthesisError(
        .invalidInput,
        "--only: expected a word of \(VerifiedOperation.allCases.map(\.rawValue).joined(separator: ", ")), "
          + "found \(only ?? "")")
    }
    let passes = device == .cpu ? verifyCPU(operations) : try verifyGPU(operations)
    guard passes else {
      throw SynthesisError(
        .internalFailure,
        "Verification failed: speech from this device may be wrong. Repeat with --seed \(seed).")
    }
    print("Verified.")
  }

  private func report(_ outcome: VerificationOutcome) { print(outcome.line) }

  private func verifyCPU(_ operations: [VerifiedOperation]) -> Bool {
    print(
      "CPU, \(CPUBackend.threadCount) threads, \(CPUBackend.instructionSet), against one thread and "
        + "the kernels of every processor; seed \(seed)")
    let verification = Verification(
      seed: seed, candidate: { _ in CPUBackend() }, reference: CPUBackend(),
      usingReference: { try CPUBackend.withPlainKernels($0) }, report: report)
    return verify(verification, operations)
  }

  private func verifyGPU(_ operations: [VerifiedOperation]) throws -> Bool {
    let context: CUDAContext
    do {
      context = try CUDAContext()
      _ = try NVRTC.version()
    } catch {
      throw SynthesisError(
        .deviceUnavailable, "\(error). --device cpu verifies the processor.", underlying: error)
    }
    print("\(context.name), sm_\(context.architecture), against the CPU; seed \(seed)")
    let verification = Verification(
      seed: seed, candidate: { try CUDABackend(context, recordsSteps: $0) },
      reference: CPUBackend(),
      wideFramesFillDevice: FrameKernel.automatic.macros(architecture: context.architecture) != nil,
      report: report)
    guard verify(verification, operations) else { return false }
    return only == nil ? DeviceFaults(context, report: report).verify() : true
  }

  private func verify<A: Backend, B: Backend>(
    _ verification: Verification<A, B>, _ operations: [VerifiedOperation]
  ) -> Bool {
    var passes = verification.verify(operations)
    guard only == nil else { return passes }
    for size in sizes { passes = verification.verify(size) && passes }
    return passes
  }
}
