// SPDX-License-Identifier: MIT

import CCUDA
import Synchronization

/// A device's primary context.
///
/// `@unchecked Sendable`: the driver lets any thread use a context; the handle never changes and what
/// is counted is guarded.
package final class CUDAContext: @unchecked Sendable {
  let handle: CCUcontext
  let device: Int32
  /// Its number among the visible devices.
  package let ordinal: Int
  /// The device's name.
  package let name: String
  /// The architecture of the device.
  package let deviceArchitecture: Architecture
  /// The architecture whose code runs here and whose limits hold: the device's, or an older one.
  package let architecture: Architecture
  package let multiprocessorCount: Int
  /// Shared memory a block may have, in bytes.
  package let sharedBytesPerBlock: Int
  /// Whether all blocks of a launch can be asked to run at once.
  package let launchesCooperatively: Bool
  private let live = Mutex(LiveMemory())
  private let failure = Mutex<CUDAError?>(nil)

  /// - Parameters:
  ///   - ordinal: Which of the visible devices.
  ///   - older: An architecture before the device's, whose kernels, launches and shared memory it then
  ///     has: they are compiled to PTX for it, and the driver compiles that for the device. `nil` for the
  ///     device's own.
  /// - Throws: The driver's error, or one that lists the architectures the device can run when `older`
  ///   is none of them.
  package init(
    device ordinal: Int = 0, runningAs older: Architecture? = nil
  ) throws(CUDAError) {
    func check(_ call: String, _ code: Int32) throws(CUDAError) {
      if code != 0 { throw CUDAError(driver: call, code: code) }
    }
    let count = try Self.deviceCount()
    var device: Int32 = 0
    guard ordinal < count else {
      throw CUDAError(
        call: "cuDeviceGet(\(ordinal))", code: 101, name: "CUDA_ERROR_INVALID_DEVICE",
        remedy: "expected a number below \(count), for so many devices are visible to this process")
    }
    try check("cuDeviceGet", ccuDeviceGet(&device, Int32(ordinal)))
    func attribute(_ attribute: DeviceAttribute) throws(CUDAError) -> Int {
      var value: Int32 = 0
      try check("cuDeviceGetAttribute", ccuDeviceGetAttribute(&value, attribute.rawValue, device))
      return Int(value)
    }
    multiprocessorCount = try attribute(.multiprocessorCount)
    launchesCooperatively = try attribute(.cooperativeLaunch) != 0
    deviceArchitecture = Architecture(
      number: try 10 * attribute(.computeCapabilityMajor) + attribute(.computeCapabilityMinor))
    architecture = older ?? deviceArchitecture
    guard architecture.runs(on: deviceArchitecture) else {
      throw CUDAError.cannotRun(architecture, on: deviceArchitecture)
    }
    sharedBytesPerBlock = min(
      try attribute(.sharedBytesPerBlockOptIn), older?.sharedBytesPerBlock ?? .max)
    var text = [CChar](repeating: 0, count: 128)
    try check("cuDeviceGetName", ccuDeviceGetName(&text, 127, device))
    name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var context: CCUcontext?
    try check("cuDevicePrimaryCtxRetain", ccuDevicePrimaryCtxRetain(&context, device))
    guard let context else {
      throw CUDAError(driver: "cuDevicePrimaryCtxRetain", code: CUDAError.invalidContext)
    }
    handle = context
    self.device = device
    self.ordinal = ordinal
  }

  /// Devices that are visible to this process, one at least.
  ///
  /// - Throws: The driver's error, or one that says that there is none.
  package static func deviceCount() throws(CUDAError) -> Int {
    if let problem = ccudaLoadDriver() {
      throw CUDAError(
        call: "dlopen(libcuda.so.1)", code: Int32(CCUDA_NOT_LOADED), name: String(cString: problem),
        remedy: "install the driver of the device")
    }
    var code = ccuInit(0)
    if code != 0 { throw CUDAError(driver: "cuInit", code: code) }
    var count: Int32 = 0
    code = ccuDeviceGetCount(&count)
    // Without a device, the driver says so of the first.
    if code == 0, count == 0 { code = 100 }
    if code != 0 { throw CUDAError(driver: "cuDeviceGetCount", code: code) }
    return Int(count)
  }

  deinit { _ = ccuDevicePrimaryCtxRelease(device) }

  /// Options of every compilation: machine code for the device's own architecture, PTX for another.
  package var compilerOptions: [String] {
    let target =
      architecture == deviceArchitecture ? "\(architecture)" : architecture.virtualName
    return ["--gpu-architecture=\(target)", "--std=c++17"]
  }

  /// Device and architecture in words: `NVIDIA H100 80GB HBM3, sm_90`, or with `, as sm_80` after it.
  package var deviceDescription: String {
    "\(name), \(deviceArchitecture)"
      + (architecture == deviceArchitecture ? "" : ", as \(architecture)")
  }

  /// Allocations on the device and of pinned memory that are not yet freed.
  package var liveAllocationCount: Int { live.withLock { $0.count } }

  /// Bytes of the device that are allocated now.
  package var liveByteCount: Int { live.withLock { $0.byteCount } }

  /// The most bytes of the device that were allocated at once.
  package var peakByteCount: Int { live.withLock { $0.peakByteCount } }

  /// Bytes of the device: free now, and all.
  package func memory() throws(CUDAError) -> (available: Int, total: Int) {
    var available = 0
    var total = 0
    try call("cuMemGetInfo") { ccuMemGetInfo(&available, &total) }
    return (available, total)
  }

  /// Keeps count of an allocation; pinned memory has no bytes on the device.
  func countAllocation(byteCount: Int) {
    live.withLock {
      $0.count += 1
      $0.byteCount += byteCount
      $0.peakByteCount = max($0.peakByteCount, $0.byteCount)
    }
  }

  /// The end of an allocation.
  func countRelease(byteCount: Int) {
    live.withLock {
      $0.count -= 1
      $0.byteCount -= byteCount
    }
  }

  /// Makes the context current and checks one driver call. A failure that a `deinit` recorded is thrown
  /// instead of calling, so that nothing is acquired and lost.
  func call(_ name: String, _ body: () -> Int32) throws(CUDAError) {
    if let earlier = failure.withLock({ error in
      defer { error = nil }
      return error
    }) {
      throw earlier
    }
    var code = ccuCtxSetCurrent(handle)
    if code == 0 { code = body() }
    if code != 0 { throw CUDAError(driver: name, code: code) }
  }

  /// For `deinit`: a failure is kept for the next checked call.
  func release(_ name: String, _ body: () -> Int32) {
    var code = ccuCtxSetCurrent(handle)
    if code == 0 { code = body() }
    if code != 0 {
      let error = CUDAError(driver: name, code: code)
      failure.withLock { $0 = $0 ?? error }
    }
  }
}

/// What is allocated in a context.
private struct LiveMemory {
  var count = 0
  var byteCount = 0
  var peakByteCount = 0
}
