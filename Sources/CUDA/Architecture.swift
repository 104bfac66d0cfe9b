// SPDX-License-Identifier: MIT

/// A compute capability: which instructions, launches and shared memory there are.
package struct Architecture: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Compute capability times ten: 90 for 9.0.
  package let number: Int

  package init(number: Int) { self.number = number }

  /// KB of shared memory a block may have (CUDA C++ Programming Guide, technical specifications per
  /// compute capability), of the architectures that `scripts/compile-kernels` compiles for.
  private static let sharedKilobytes = [
    80: 163, 86: 99, 87: 163, 89: 99, 90: 227, 100: 227, 120: 99,
  ]

  /// The architectures whose limits are known, in order.
  package static let known = sharedKilobytes.keys.sorted().map(Architecture.init(number:))

  /// The name of its machine code: `sm_90`.
  package var description: String { "sm_\(number)" }

  /// The name of its PTX, which later devices run too: `compute_90`.
  var virtualName: String { "compute_\(number)" }

  package static func < (a: Architecture, b: Architecture) -> Bool { a.number < b.number }

  /// Whether a kernel may start while its predecessor still runs.
  package var hasProgrammaticLaunch: Bool { number >= 90 }

  /// Whether blocks can form clusters that read each other's shared memory.
  package var hasClusters: Bool { number >= 90 }

  /// Shared memory a block may have, in bytes; `nil` where it is not known.
  var sharedBytesPerBlock: Int? { Self.sharedKilobytes[number].map { $0 << 10 } }

  /// Whether a device can run it: as its own, or as an older one whose limits are known.
  func runs(on device: Architecture) -> Bool {
    self == device || sharedBytesPerBlock != nil && self < device
  }

  /// Those that a device can run, its own last.
  static func runnable(on device: Architecture) -> [Architecture] {
    known.filter { $0 < device } + [device]
  }
}

extension CUDAError {
  /// An architecture was asked for that the device cannot run.
  static func cannotRun(_ wanted: Architecture, on device: Architecture) -> CUDAError {
    let runnable = Architecture.runnable(on: device).map { String($0.number) }
    return CUDAError(
      call: "running a device of \(device) as \(wanted)", code: noBinary,
      name: "CUDA_ERROR_NO_BINARY_FOR_GPU",
      remedy: "choose one of \(runnable.joined(separator: ", "))")
  }

  /// Whether an architecture was asked for that the device cannot run.
  package var isUnsupportedArchitecture: Bool {
    code == Self.noBinary && call.hasPrefix("running a device of ")
  }

  private static var noBinary: Int32 { 209 }
}
