// SPDX-License-Identifier: MIT

import CPUBackend
package import CUDA
import CUDABackend
package import Qwen3TTS
package import SpeechModel
package import SyntheticCheckpoint

/// Whether a device computes what it should: `qwen3-tts doctor --verify`.
package struct DeviceVerification {
  /// What is verified besides single operations.
  package enum Whole: String, CaseIterable, Sendable {
    /// The official package's codes.
    case golden
    /// Whole encoders of cloned voices.
    case encoders
    /// Whole utterances of small models.
    case utterances
    /// Several models on one device.
    case neighbours
    /// Operations on rows among others and alone.
    case rows
    /// Utterances beside each other and alone.
    case slots
    /// Requests beside each other through an engine, and alone.
    case load
    /// How failures of a device are reported. Last, for a device cannot be used after it.
    case faults
  }

  /// Where to look for errors.
  package var device = SpeechDevice.automatic
  /// Of the random inputs.
  package var seed: UInt64
  /// Shapes of the models that speak; `nil` for the small ones, and on a GPU those as wide as released
  /// ones, of few layers.
  package var sizes: [SyntheticSize]?
  /// A word: only what has it in its name is verified; `nil`: everything.
  package var only: String?
  /// Only what keeps keys and values so; `nil`: everything.
  package var precision: CachePrecision?
  /// An older architecture than the GPU's, as which it then runs; `nil` for its own.
  package var architecture: Architecture?
  /// Receives a line for each thing that was verified.
  private let line: (String) -> Void

  /// - Parameters:
  ///   - seed: Of the random inputs.
  ///   - line: Receives a line for each thing that was verified.
  package init(seed: UInt64, line: @escaping (String) -> Void) {
    (self.seed, self.line) = (seed, line)
  }

  /// Verifies; returns when everything is right.
  ///
  /// - Throws: `SynthesisError`: `invalidInput` when nothing has the word `only` or the device cannot run
  ///   the architecture, `deviceUnavailable` when the device cannot be used, `internalFailure` when
  ///   something it computes is wrong.
  package func run() throws {
    let operations = VerifiedOperation.allCases.filter { matches($0.rawValue) }
    let wholes = Whole.allCases.filter { matches($0.rawValue) }
    guard !operations.isEmpty || !wholes.isEmpty else {
      let names = VerifiedOperation.allCases.map(\.rawValue) + Whole.allCases.map(\.rawValue)
      throw SynthesisError(
        .invalidInput,
        "--only: expected a word of \(names.joined(separator: ", ")), found \(only ?? "")")
    }
    let passes = try usesGPU() ? verifyGPU(operations, wholes) : verifyCPU(operations, wholes)
    guard passes else {
      throw SynthesisError(
        .internalFailure,
        "Verification failed: speech from this device may be wrong. Repeat with --seed \(seed).")
    }
  }

  private func matches(_ name: String) -> Bool {
    only.map { name.lowercased().contains($0.lowercased()) } ?? true
  }

  private func usesGPU() throws -> Bool {
    switch device {
    case .cpu: false
    case .cuda: true
    case .automatic:
      architecture != nil || (try? CUDAContext()) != nil && (try? NVRTC.version()) != nil
    }
  }

  private func report(_ outcome: VerificationOutcome) { line(outcome.line) }

  private func verifyCPU(_ operations: [VerifiedOperation], _ wholes: [Whole]) -> Bool {
    line(
      "CPU, \(CPUBackend.threadCount) threads, \(CPUBackend.instructionSet), against one thread and "
        + "the kernels of every processor; seed \(seed)")
    let verification = Verification(
      seed: seed, candidate: { _ in CPUBackend() }, reference: CPUBackend(),
      usingReference: { try CPUBackend.withPlainKernels($0) }, report: report)
    // No kernel of the CPU is made for a width.
    return verify(
      verification, beside: verification, operations, wholes, speaking: sizes ?? [.tiny, .tiny06],
      encoding: sizes ?? [.tiny])
  }

  private func verifyGPU(_ operations: [VerifiedOperation], _ wholes: [Whole]) throws -> Bool {
    let context: CUDAContext
    do {
      context = try CUDAContext(device: device.ordinal, runningAs: architecture)
      _ = try NVRTC.version()
    } catch {
      throw SynthesisError(
        error.isUnsupportedArchitecture ? .invalidInput : .deviceUnavailable,
        error.isUnsupportedArchitecture
          ? "\(error)" : "\(error). --device cpu verifies the processor.",
        underlying: error)
    }
    line("\(context.deviceDescription), against the CPU; seed \(seed)")
    let frames = FrameKernel.automatic.macros(architecture: context.architecture)
    let verification = Verification(
      seed: seed, candidate: { try CUDABackend(context, recordsSteps: $0) },
      reference: CPUBackend(), wideFramesFillDevice: frames != nil, report: report)
    // As an engine with slots runs.
    let beside = Verification(
      seed: seed,
      candidate: { try CUDABackend(context, recordsSteps: $0, independentRows: true) },
      reference: CPUBackend(), report: report)
    let speaking = sizes ?? [.tiny, .tiny06, .wide, .wide06]
    guard
      verify(
        verification, beside: beside, operations, wholes, speaking: speaking,
        encoding: sizes ?? [.tiny, .small])
    else { return false }
    if wholes.contains(.rows) {
      line("every operation again, with rows that do not depend on each other")
      guard beside.verify() else { return false }
    }
    if wholes.contains(.slots) {
      line("utterances again, with rows that do not depend on each other")
      for size in speaking {
        guard beside.verify(size, [.fewPositions]) else { return false }
      }
    }
    if wholes.contains(.neighbours), !EngineMemory(context, report: report).verify() {
      return false
    }
    return wholes.contains(.faults) ? DeviceFaults(context, report: report).verify() : true
  }

  private func verify<A: Backend, B: Backend>(
    _ verification: Verification<A, B>, beside: Verification<A, B>,
    _ operations: [VerifiedOperation], _ wholes: [Whole], speaking sizes: [SyntheticSize],
    encoding encoderSizes: [SyntheticSize]
  ) -> Bool {
    var passes = verification.verify(operations)
    for whole in wholes {
      switch whole {
      case .golden:
        if precision != .bfloat16 { passes = verification.verifyGolden() && passes }
        if precision == .bfloat16 { passes = verification.countGolden() && passes }
      case .encoders:
        for size in encoderSizes { passes = verification.verifyEncoders(size) && passes }
      case .utterances:
        for size in sizes {
          let utterances = VerifiedUtterance.all(for: size).filter {
            precision == nil || $0.cachePrecision == precision
          }
          passes = verification.verify(size, utterances) && passes
        }
      case .neighbours: passes = verification.verifyNeighbours() && passes
      case .rows: passes = beside.verifyRows() && passes
      case .slots: for size in sizes { passes = beside.verifySlots(size) && passes }
      case .load:
        for size in sizes {
          passes = beside.verifyLoad(size) && passes
        }
      case .faults: break
      }
    }
    return passes
  }
}
