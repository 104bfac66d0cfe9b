// SPDX-License-Identifier: MIT

import CUDA
import Testing

extension Tag {
  /// Needs an NVIDIA GPU, its driver and NVRTC: `swift test --filter GPUTests`.
  @Tag static var gpu: Self
}

/// The GPU of this machine.
enum GPU {
  /// Why there is none that tests can use; `nil` where there is one.
  static let absence: String? = {
    do {
      _ = try CUDAContext()
      _ = try NVRTC.version()
      return nil
    } catch {
      return "\(error)"
    }
  }()

  /// Architectures before the device's, as which it can run.
  static let olderArchitectures: [Architecture] = {
    guard let context = try? CUDAContext() else { return [Architecture(number: 80)] }
    return Architecture.known.filter { $0 < context.deviceArchitecture }
  }()
}

extension Trait where Self == ConditionTrait {
  /// Skipped where there is no GPU, with the reason.
  static var needsGPU: Self {
    .disabled(if: GPU.absence != nil, Comment(rawValue: GPU.absence ?? ""))
  }
}
