// SPDX-License-Identifier: MIT

import CPUBackend
import CUDA
import Qwen3TTS

extension CUDAContext {
  /// The GPU that a device names; `nil` where the CPU is to be used.
  ///
  /// - Throws: `SynthesisError` `deviceUnavailable`.
  static func chosen(by device: SpeechDevice) throws -> CUDAContext? {
    guard device != .cpu else { return nil }
    do {
      let context = try CUDAContext(device: device.ordinal)
      _ = try NVRTC.version()
      return context
    } catch {
      guard device == .automatic else {
        throw SynthesisError(
          .deviceUnavailable, "device \(device.rawValue): \(error)", underlying: error)
      }
      return nil
    }
  }
}

extension CPUBackend {
  /// The processor in words.
  static var deviceDescription: String { "CPU, \(threadCount) threads, \(instructionSet)" }
}
