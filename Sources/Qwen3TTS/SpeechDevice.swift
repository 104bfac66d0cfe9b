// SPDX-License-Identifier: MIT

import CPUBackend
package import CUDA
import CUDABackend
package import ModelFiles
import SpeechModel

/// Where the model runs.
public enum Device: String, Sendable, CaseIterable {
  /// An NVIDIA GPU where one can be used, else the CPU.
  case automatic = "auto"
  /// The processor.
  case cpu
  /// The first NVIDIA GPU that is visible, or an error that says what is missing.
  case cuda
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

  /// The encoders of cloned voices, on the engine's device.
  ///
  /// - Throws: `SynthesisError` `invalidModel` when the model has none, or what the device failed with.
  func voiceEncoder(_ checkpoint: Checkpoint) throws -> any VoiceEncoding {
    guard let context else { return try VoiceEncoder(checkpoint, on: CPUBackend()) }
    // A value of its own: the engine's work does not wait for theirs, and they go together.
    return try VoiceEncoder(checkpoint, on: CUDABackend(context))
  }

  /// Loads a model onto a device.
  ///
  /// - Parameter recordsSteps: Whether a GPU records a step once and replays it.
  /// - Throws: `SynthesisError` `deviceUnavailable` when `device` is `cuda` and cannot be used, or
  ///   what is wrong with the checkpoint.
  package static func open(
    _ checkpoint: Checkpoint, on device: Device, capacity: Int, recordsSteps: Bool = true
  ) throws -> OpenedEngine {
    guard device != .cpu else { return try onCPU(checkpoint, capacity, notice: nil) }
    do {
      let context = try CUDAContext()
      return OpenedEngine(
        engine: try SpeechEngine(
          checkpoint, capacity: capacity,
          on: CUDABackend(
            context, recordsSteps: recordsSteps, model: checkpoint.configuration),
          codec: CUDABackend(context, recordsSteps: recordsSteps)),
        device: "\(context.name), sm_\(context.architecture)", notice: nil, context: context)
    } catch let error as CUDAError {
      guard device == .automatic else {
        throw SynthesisError(
          .deviceUnavailable, "device cuda: \(error). --device cpu needs no GPU.",
          underlying: error)
      }
      return try onCPU(
        checkpoint, capacity,
        notice: error.saysThereIsNoDevice
          ? nil : "There is a GPU, but it cannot be used, so the CPU speaks. \(error)")
    }
  }

  /// What speaking needs on the CPU beside the talker's keys and values, with room for threads.
  private static let workingBytes = 96 << 20

  private static func onCPU(
    _ checkpoint: Checkpoint, _ capacity: Int, notice: String?
  ) throws -> OpenedEngine {
    let needed = checkpoint.configuration.stateByteCount(capacity: capacity) + workingBytes
    guard CPUBackend.canMap(byteCount: needed) else {
      throw SynthesisError(
        .deviceUnavailable,
        "memory: expected room for \(needed >> 20) MiB more, found less. Use a smaller model, or raise "
          + "the limit (ulimit -v).")
    }
    return OpenedEngine(
      engine: try SpeechEngine(checkpoint, capacity: capacity, on: CPUBackend()),
      device: "CPU, \(CPUBackend.threadCount) threads, \(CPUBackend.instructionSet)",
      notice: notice, context: nil)
  }
}
