// SPDX-License-Identifier: MIT

import CPUBackend
package import CUDA
package import CUDABackend
import Foundation
package import ModelFiles
package import SpeechModel

/// Where the model runs.
public enum SpeechDevice: String, Sendable, CaseIterable {
  /// Where the first sound comes first: on an NVIDIA GPU where one can be used, and on the CPU where there
  /// is none or the model is as small as the bundled voice, which needs no kernels compiled there.
  case automatic = "auto"
  /// The processor.
  case cpu
  /// The first NVIDIA GPU that is visible, or an error that says what is missing.
  case cuda
}

/// How the talker's keys and values are kept, which decides how much memory a second of speech takes and
/// which promise holds.
public enum KVPrecision: String, Sendable, CaseIterable {
  /// F32 on the CPU; on a GPU as the weights are stored, which is bf16 in every released model.
  case automatic = "auto"
  /// Four bytes a number: greedy speech has the codes of the official model run in F32, on every device.
  case float32 = "f32"
  /// Two bytes a number, as in an official run in bf16: half the memory. At a near-tie greedy speech may
  /// take another code than the official model in F32, and then goes another way.
  case bfloat16 = "bf16"

  /// `nil` leaves it to the backend.
  package var cachePrecision: CachePrecision? {
    switch self {
    case .automatic: nil
    case .float32: .float32
    case .bfloat16: .bfloat16
    }
  }

  /// The one that asks for it.
  package init(_ precision: CachePrecision) {
    self = precision == .float32 ? .float32 : .bfloat16
  }
}

/// An engine and the device it found.
package struct OpenedEngine {
  package let engine: any PromptSpeaking
  /// The device in words: `NVIDIA H100 80GB HBM3, sm_90`.
  package let device: String
  /// Why a GPU that is there is not used.
  package let notice: String?
  /// The GPU's, where one is used.
  package let context: CUDAContext?

  /// What is known of an engine away from its thread.
  struct Description: Sendable {
    let device: String
    let notice: String?
    let isOnGPU: Bool
    /// Positions of prompt and frames together.
    let capacity: Int
  }

  var description: Description {
    Description(
      device: device, notice: notice, isOnGPU: context != nil, capacity: engine.capacity)
  }

  /// Loads a model onto a device.
  ///
  /// - Parameters:
  ///   - recordsSteps: Whether a GPU records a step once and replays it.
  ///   - kvPrecision: How the talker's keys and values are kept.
  ///   - architecture: An older architecture than the GPU's, as which it then runs; `nil` for its own.
  ///   - frameKernel: Whether a GPU makes a frame as one kernel.
  /// - Throws: `SynthesisError` `deviceUnavailable` when `device` is `cuda` and cannot be used,
  ///   `invalidInput` when the GPU cannot run as `architecture`, or what is wrong with the checkpoint.
  package static func open(
    _ checkpoint: Checkpoint, on device: SpeechDevice, capacity: Int, recordsSteps: Bool = true,
    kvPrecision: KVPrecision = .automatic, limits: SpeechLimits = SpeechLimits(),
    architecture: Architecture? = nil, frameKernel: FrameKernel = .automatic
  ) throws -> OpenedEngine {
    var own = EngineLimits(capacity: capacity)
    own.cachePrecision = kvPrecision.cachePrecision
    own.queue = limits.queue
    own.lead = limits.lead
    own.patience = limits.patience
    let isAsked = device == .cuda || architecture != nil
    guard device != .cpu, try isAsked || !isFastOnCPU(checkpoint) else {
      return try onCPU(checkpoint, own, limits, notice: nil)
    }
    do {
      let context = try CUDAContext(runningAs: architecture)
      own.voices = limits.voices ?? 1
      own.keepsChunks = true
      own.keyValueBytes = try limits.keyValueBytes ?? context.memory().available / 2
      let isOne = own.voices == 1
      return OpenedEngine(
        engine: try SpeechEngine(
          checkpoint, own,
          on: CUDABackend(
            context, recordsSteps: recordsSteps, independentRows: !isOne,
            frameKernel: isOne ? frameKernel : .off,
            model: checkpoint.configuration,
            cachePrecision: own.cachePrecision),
          codec: CUDABackend(context, recordsSteps: recordsSteps)),
        device: context.deviceDescription, notice: nil, context: context)
    } catch let error as CUDAError {
      guard !error.isUnsupportedArchitecture else {
        throw SynthesisError(.invalidInput, "architecture: \(error)", underlying: error)
      }
      guard !isAsked else {
        throw SynthesisError(
          .deviceUnavailable, "device cuda: \(error). --device cpu needs no GPU.",
          underlying: error)
      }
      return try onCPU(
        checkpoint, own, limits,
        notice: error.saysThereIsNoDevice
          ? nil : "There is a GPU, but it cannot be used, so the CPU speaks. \(error)")
    }
  }

  /// Whether the processor speaks several times faster than real time, so that a GPU would only begin
  /// later: bytes it reads for a frame of 80 ms decide that.
  private static func isFastOnCPU(_ checkpoint: Checkpoint) throws -> Bool {
    let bytes = checkpoint.configuration.frameByteCount(
      position: 0, weights: try checkpoint.talkerElementType, cache: .float32)
    return bytes <= 64 << 20
  }

  /// Compiles what models need on the GPU and is not in the cache yet.
  ///
  /// - Throws: `SynthesisError` `deviceUnavailable` when there is no GPU, or it cannot be used.
  package static func prepareKernels(for models: [ModelConfiguration]) throws {
    do {
      let context = try CUDAContext()
      for model in models { _ = try CUDABackend(context, model: model) }
    } catch {
      throw SynthesisError(.deviceUnavailable, "device cuda: \(error)", underlying: error)
    }
  }

  /// What speaking needs on the CPU on top of the talker's keys and values, with room for threads.
  private static let workingBytes = 96 << 20

  private static func onCPU(
    _ checkpoint: Checkpoint, _ own: EngineLimits, _ limits: SpeechLimits, notice: String?
  ) throws -> OpenedEngine {
    var own = own
    own.voices = limits.voices ?? 16
    own.keyValueBytes = limits.keyValueBytes ?? Int(ProcessInfo.processInfo.physicalMemory / 4)
    let needed = checkpoint.configuration.stateByteCount(capacity: own.capacity) + workingBytes
    guard CPUBackend.canMap(byteCount: needed) else {
      throw SynthesisError(
        .deviceUnavailable,
        "memory: expected room for \(needed >> 20) MiB more, found less. Use a smaller model, or raise "
          + "the limit (ulimit -v).")
    }
    return OpenedEngine(
      engine: try SpeechEngine(checkpoint, own, on: CPUBackend()),
      device: "CPU, \(CPUBackend.threadCount) threads, \(CPUBackend.instructionSet)",
      notice: notice, context: nil)
  }
}
