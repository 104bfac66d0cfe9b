// SPDX-License-Identifier: MIT

import CCUDA

// This target is the one that talks to the driver: it is pointers to foreign objects throughout and
// is built without strict memory safety. What makes them sound: each object is owned by one class
// that destroys it, every call goes through `CUDAContext.call`, and copies check their ranges.

/// A call of the driver or of NVRTC that failed, or something they need that is missing.
package struct CUDAError: Error, Sendable, CustomStringConvertible {
  /// Name of the call, `cuMemAlloc` for instance.
  package var call: String
  package var code: Int32
  /// The library's name for the code.
  package var name: String
  /// What to do about it, with a compiler's log when there is one.
  package var remedy: String

  package init(call: String, code: Int32, name: String, remedy: String) {
    self.call = call
    self.code = code
    self.name = name
    self.remedy = remedy
  }

  // Results of the driver (`CUresult`) for calls that succeed and give nothing.
  static var outOfMemory: Int32 { 2 }
  static var invalidImage: Int32 { 200 }
  static var invalidContext: Int32 { 201 }
  static var invalidHandle: Int32 { 400 }
  static var notFound: Int32 { 500 }
  static var captureInvalidated: Int32 { 901 }

  /// The error of a driver call.
  init(driver call: String, code: Int32) {
    var text: UnsafePointer<CChar>?
    let name =
      ccuGetErrorName(code, &text) == 0
      ? text.map { String(cString: $0) } ?? "unknown" : "unknown"
    let remedy =
      switch code {
      case 2: "use a smaller model, a shorter context or fewer slots, or free memory on the device"
      case 3: "the driver is not loaded"
      case 35, 803: "install a driver as new as the CUDA libraries"
      case 100, 101: "check that the device is visible to this process"
      case 209, 218: "delete the cache of compiled kernels"
      case 222: "install a driver as new as NVRTC"
      case 700...719: "a kernel failed earlier: run again with --eager, or doctor --verify"
      default: "run again with --eager, or doctor --verify"
      }
    self.init(call: call, code: code, name: name, remedy: remedy)
  }

  /// Whether it says that this machine has no device, or no driver for one.
  package var saysThereIsNoDevice: Bool {
    call == "dlopen(libcuda.so.1)" || code == 100 || code == 101
  }

  package var description: String { "\(call) failed with \(name) (\(code)): \(remedy)" }
}
