// SPDX-License-Identifier: MIT

import CPUBackend
package import CUDA
package import CUDABackend
import Foundation
package import ModelFiles
package import SpeechModel

/// Where the model runs.
public enum SpeechDevice: Sendable, Hashable {
  /// Where the first sound comes first: on an NVIDIA GPU where one can be used, and on the CPU where there
  /// is none or the model is as small as the bundled voice, which needs no kernels compiled there.
  case automatic
  /// The processor.
  case cpu
  /// An NVIDIA GPU by its number among those that are visible, 0 being the first, or an error that says
  /// what is missing.
  case cuda(Int)

  /// The first NVIDIA GPU that is visible.
  public static var cuda: SpeechDevice { .cuda(0) }
}

extension SpeechDevice: RawRepresentable {
  /// A device by its name: `auto`, `cpu`, `cuda`, `cuda:1`. `nil` for other words.
  public init?(rawValue: String) {
    switch rawValue {
    case "auto": self = .automatic
    case "cpu": self = .cpu
    case "cuda": self = .cuda
    default:
      let parts = rawValue.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0] == "cuda", parts[1].allSatisfy({ ("0"..."9").contains($0) }),
        let ordinal = Int(parts[1])
      else { return nil }
      self = .cuda(ordinal)
    }
  }

  /// The name.
  public var rawValue: String {
    switch self {
    case .automatic: "auto"
    case .cpu: "cpu"
    case .cuda(0): "cuda"
    case .cuda(let ordinal): "cuda:\(ordinal)"
    }
  }

  /// The number of the GPU that it names; 0 where it names none.
  package var ordinal: Int {
    if case .cuda(let ordinal) = self { ordinal } else { 0 }
  }

  /// Whether it is a GPU or an error.
  package var isGPU: Bool {
    if case .cuda = self { true } else { false }
  }
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
    /// In words.
    let device: String
    let notice: String?
    /// Where it is: `cpu` or a GPU.
    let place: SpeechDevice
    let plan: MemoryPlan
  }

  var description: Description {
    Description(
      device: device, notice: notice, place: context.map { .cuda($0.ordinal) } ?? .cpu,
      plan: engine.plan)
  }

  /// Loads a model onto a device.
  ///
  /// - Parameters:
  ///   - recordsSteps: Whether a GPU records a step once and replays it.
  ///   - kvPrecision: How the talker's keys and values are kept.
  ///   - architecture: An older architecture than the GPU's, as which it then runs; `nil` for its own.
  ///   - frameKernel: Whether a GPU makes a frame as one kernel.
  /// - Throws: `SynthesisError` `deviceUnavailable` when `device` is a GPU and cannot be used,
  ///   `invalidInput` when the GPU cannot run as `architecture` or the limits give no room for a speech, or
  ///   what is wrong with the checkpoint.
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
    own.keyValueBytes = limits.keyValueBytes
    let isAsked = device.isGPU || architecture != nil
    guard device != .cpu, try isAsked || !isFastOnCPU(checkpoint) else {
      return try onCPU(checkpoint, own, limits, notice: nil)
    }
    do {
      let context = try CUDAContext(device: device.ordinal, runningAs: architecture)
      own.voices = limits.voices ?? Self.voicesOnGPU
      own.spareBytes = try context.memory().available / 2
      let isOne = own.voices == 1
      // Only there does a chunk's size show in the last bits of its samples.
      own.keepsChunks = isOne
      return OpenedEngine(
        engine: try SpeechEngine(
          checkpoint, own,
          on: CUDABackend(
            context, recordsSteps: recordsSteps, independentRows: !isOne,
            frameKernel: isOne ? frameKernel : .off,
            model: checkpoint.configuration,
            cachePrecision: own.cachePrecision),
          codec: CUDABackend(
            context, recordsSteps: recordsSteps, independentRows: !isOne)),
        device: context.deviceDescription, notice: nil, context: context)
    } catch let error as CUDAError {
      guard !error.isUnsupportedArchitecture else {
        throw SynthesisError(.invalidInput, "architecture: \(error)", underlying: error)
      }
      guard !isAsked else {
        throw SynthesisError(
          .deviceUnavailable, "device \(device.rawValue): \(error). --device cpu needs no GPU.",
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
    try frameBytes(checkpoint) <= 64 << 20
  }

  /// Bytes that the first frame of a speech reads.
  static func frameBytes(_ checkpoint: Checkpoint) throws -> Int {
    checkpoint.configuration.frameByteCount(
      position: 0, weights: try checkpoint.talkerElementType, cache: .float32)
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

  /// Voices at once where nothing else is asked for.
  package static let (voicesOnGPU, voicesOnCPU) = (1, 16)

  /// What speaking needs on the CPU on top of the talker's keys and values, with room for threads.
  private static let workingBytes = 96 << 20

  private static func onCPU(
    _ checkpoint: Checkpoint, _ own: EngineLimits, _ limits: SpeechLimits, notice: String?
  ) throws -> OpenedEngine {
    var own = own
    own.voices = limits.voices ?? voicesOnCPU
    own.spareBytes = Int(ProcessInfo.processInfo.physicalMemory / 4)
    let precision = own.cachePrecision ?? .float32
    var plan = try MemoryPlan(checkpoint, own, precision: precision)
    // Where the process may have less than the machine has, so have the voices.
    while !CPUBackend.canMap(byteCount: plan.stateBytes + workingBytes),
      let less = plan.smaller(own)
    {
      own = less
      plan = try MemoryPlan(checkpoint, own, precision: precision)
    }
    let needed = plan.stateBytes + workingBytes
    guard CPUBackend.canMap(byteCount: needed) else {
      throw SynthesisError(
        .deviceUnavailable,
        "memory: expected room for \(needed >> 20) MiB more, found less. Use a smaller model, give "
          + "--memory, or raise the limit (ulimit -v).")
    }
    return OpenedEngine(
      engine: try SpeechEngine(checkpoint, own, on: CPUBackend()),
      device: "CPU, \(CPUBackend.threadCount) threads, \(CPUBackend.instructionSet)",
      notice: notice, context: nil)
  }
}
