// SPDX-License-Identifier: MIT

import CCUDA

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Compiled kernels on the device.
package final class CUDAModule {
  private let context: CUDAContext
  private let handle: CCUmodule

  /// - Parameter image: Machine code for the context's device, or PTX, which the driver compiles for it.
  package init(image: [UInt8], _ context: CUDAContext) throws(CUDAError) {
    var module: CCUmodule?
    try context.call("cuModuleLoadData") {
      image.withUnsafeBytes { ccuModuleLoadData(&module, $0.baseAddress) }
    }
    guard let module else {
      throw CUDAError(driver: "cuModuleLoadData", code: CUDAError.invalidImage)
    }
    handle = module
    self.context = context
  }

  deinit { context.release("cuModuleUnload") { ccuModuleUnload(handle) } }

  /// The kernel of that name.
  ///
  /// - Parameters:
  ///   - parameters: What it takes; every launch is checked against them.
  ///   - sharedMemoryShare: Percent of an SM's first-level memory that is shared memory while the
  ///     kernel runs; `nil` leaves it to the driver. Kernels with different shares cannot be on one
  ///     SM together.
  ///   - sharedBytes: The most shared memory a launch asks for on top of what the kernel declares;
  ///     `nil` when it is less than 48 KB.
  package func kernel(
    _ name: String, parameters: [KernelParameter], sharedMemoryShare: Int? = nil,
    sharedBytes: Int? = nil
  ) throws(CUDAError) -> CUDAKernel {
    precondition(parameters.count <= CUDAStream.argumentLimit, "more parameters than there is room")
    var function: CCUfunction?
    try context.call("cuModuleGetFunction(\(name))") {
      ccuModuleGetFunction(&function, handle, name)
    }
    guard let function else {
      throw CUDAError(driver: "cuModuleGetFunction", code: CUDAError.notFound)
    }
    if let sharedMemoryShare {
      try context.call("cuFuncSetAttribute(\(name))") {
        ccuFuncSetAttribute(
          function, FunctionAttribute.sharedMemoryCarveout.rawValue, Int32(sharedMemoryShare))
      }
    }
    if let sharedBytes {
      var declared: Int32 = 0
      try context.call("cuFuncGetAttribute(\(name))") {
        ccuFuncGetAttribute(
          &declared, FunctionAttribute.declaredSharedBytes.rawValue, function)
      }
      // A device that runs as an older one would grant more than that one has.
      guard sharedBytes + Int(declared) <= context.sharedBytesPerBlock else {
        throw CUDAError(
          call: "cuFuncSetAttribute(\(name), \(sharedBytes) bytes beside \(declared))", code: 1,
          name: "CUDA_ERROR_INVALID_VALUE",
          remedy: "\(context.architecture) has \(context.sharedBytesPerBlock) bytes a block")
      }
      try context.call("cuFuncSetAttribute(\(name), \(sharedBytes) bytes)") {
        ccuFuncSetAttribute(
          function, FunctionAttribute.dynamicSharedBytesLimit.rawValue, Int32(sharedBytes))
      }
    }
    return CUDAKernel(name: name, parameters: parameters, handle: function, module: self)
  }
}

/// A kernel; it keeps its module loaded.
@safe package struct CUDAKernel {
  package let name: String
  package let parameters: [KernelParameter]
  let handle: CCUfunction
  let module: CUDAModule
}

/// Compilation of kernel sources, at run time.
package enum NVRTC {
  /// The library's version; throws when it is not installed.
  package static func version() throws(CUDAError) -> String {
    if let problem = ccudaLoadNVRTC() {
      throw CUDAError(
        call: "dlopen(libnvrtc.so)", code: Int32(CCUDA_NOT_LOADED), name: String(cString: problem),
        remedy: "install NVRTC of CUDA 12 or 13")
    }
    var major: Int32 = 0
    var minor: Int32 = 0
    _ = cnvrtcVersion(&major, &minor)
    return "\(major).\(minor)"
  }

  /// Compiles a program, to machine code, or to PTX when its options name a virtual architecture; the
  /// error names it and holds the whole log.
  ///
  /// Threads may compile at the same time: NVRTC asks only that no two use one handle. Before CUDA 12.3 it
  /// generates code for one after the other.
  package static func compile(_ program: KernelProgram) throws(CUDAError) -> [UInt8] {
    _ = try version()
    var handle: CNVRTCProgram?
    try check(
      "nvrtcCreateProgram",
      cnvrtcCreateProgram(&handle, program.source, program.name, 0, nil, nil), "")
    defer { _ = cnvrtcDestroyProgram(&handle) }
    let copies = program.options.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    let code = copies.map { UnsafePointer($0) }.withUnsafeBufferPointer {
      cnvrtcCompileProgram(handle, Int32($0.count), $0.baseAddress)
    }
    if code != 0 {
      var size = 0
      _ = cnvrtcGetProgramLogSize(handle, &size)
      var log = [CChar](repeating: 0, count: size + 1)
      _ = cnvrtcGetProgramLog(handle, &log)
      let text = String(
        decoding: log.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let options = program.options.joined(separator: " ")
      try check("nvrtcCompileProgram(\(program.name), \(options))", code, text)
    }
    var size = 0
    try check("nvrtcGetCUBINSize", cnvrtcGetCUBINSize(handle, &size), "")
    // Of a virtual architecture there is no machine code.
    let isPTX = size == 0
    if isPTX { try check("nvrtcGetPTXSize", cnvrtcGetPTXSize(handle, &size), "") }
    var image = [UInt8](repeating: 0, count: size)
    let copied = image.withUnsafeMutableBytes {
      let bytes = $0.bindMemory(to: CChar.self).baseAddress
      return isPTX ? cnvrtcGetPTX(handle, bytes) : cnvrtcGetCUBIN(handle, bytes)
    }
    try check(isPTX ? "nvrtcGetPTX" : "nvrtcGetCUBIN", copied, "")
    return image
  }

  private static func check(_ call: String, _ code: Int32, _ log: String) throws(CUDAError) {
    guard code != 0 else { return }
    throw CUDAError(
      call: call, code: code, name: String(cString: cnvrtcErrorText(code)),
      remedy: log.isEmpty ? "install NVRTC of CUDA 12 or 13" : log)
  }
}
