// SPDX-License-Identifier: MIT

// Values of the driver's enumerations, which `CCUDA` takes as plain integers: each by the name that
// the CUDA Driver API manual gives it.

/// `CUdevice_attribute`
enum DeviceAttribute: Int32 {
  /// `CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT`
  case multiprocessorCount = 16
  /// `CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR`
  case computeCapabilityMajor = 75
  /// `CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR`
  case computeCapabilityMinor = 76
  /// `CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH`
  case cooperativeLaunch = 95
  /// `CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN`
  case sharedBytesPerBlockOptIn = 97
}

/// `CUfunction_attribute`
enum FunctionAttribute: Int32 {
  /// `CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES`
  case declaredSharedBytes = 1
  /// `CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES`
  case dynamicSharedBytesLimit = 8
  /// `CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT`
  case sharedMemoryCarveout = 9
}

/// `CUstream_flags`
enum StreamFlags {
  /// `CU_STREAM_NON_BLOCKING`: the stream does not wait for the legacy default stream.
  static let nonBlocking: UInt32 = 1
}

/// `CUstreamCaptureMode`
enum CaptureMode {
  /// `CU_STREAM_CAPTURE_MODE_THREAD_LOCAL`: only this thread's calls are restricted during capture.
  static let threadLocal: Int32 = 1
}

/// `CU_MEMHOSTALLOC_…`
enum HostAllocationFlags {
  /// `CU_MEMHOSTALLOC_PORTABLE`: for every context.
  static let portable: UInt32 = 1
  /// `CU_MEMHOSTALLOC_DEVICEMAP`: mapped for the device.
  static let deviceMapped: UInt32 = 2
}
