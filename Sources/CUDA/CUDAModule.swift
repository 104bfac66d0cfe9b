// SPDX-License-Identifier: MIT

import CCUDA
import Digest

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Compiled kernels on the device.
package final class CUDAModule {
  private let context: CUDAContext
  private let handle: CCUmodule

  /// - Parameter image: A compiled image for the context's device.
  package init(image: [UInt8], _ context: CUDAContext) throws(CUDAError) {
    var module: CCUmodule?
    try context.call("cuModuleLoadData") {
      image.withUnsafeBytes { ccuModuleLoadData(&module, $0.baseAddress) }
    }
    guard let module else { throw CUDAError(driver: "cuModuleLoadData", code: 200) }
    handle = module
    self.context = context
  }

  deinit { context.release("cuModuleUnload") { ccuModuleUnload(handle) } }

  /// The kernel of that name.
  ///
  /// - Parameters:
  ///   - sharedMemoryShare: Percent of an SM's first-level memory that is shared memory while the
  ///     kernel runs; `nil` leaves it to the driver. Kernels with different shares cannot be on one
  ///     SM together.
  ///   - sharedBytes: The most shared memory a launch asks for beside what the kernel declares;
  ///     `nil` when it is less than 48 KB.
  package func kernel(
    _ name: String, sharedMemoryShare: Int? = nil, sharedBytes: Int? = nil
  ) throws(CUDAError) -> CUDAKernel {
    var function: CCUfunction?
    try context.call("cuModuleGetFunction(\(name))") {
      ccuModuleGetFunction(&function, handle, name)
    }
    guard let function else { throw CUDAError(driver: "cuModuleGetFunction", code: 500) }
    if let sharedMemoryShare {
      try context.call("cuFuncSetAttribute(\(name))") {
        ccuFuncSetAttribute(function, 9, Int32(sharedMemoryShare))
      }
    }
    if let sharedBytes {
      try context.call("cuFuncSetAttribute(\(name), \(sharedBytes) bytes)") {
        ccuFuncSetAttribute(function, 8, Int32(sharedBytes))
      }
    }
    return CUDAKernel(name: name, handle: function, module: self)
  }
}

/// A kernel; it keeps its module loaded.
@safe package struct CUDAKernel {
  package let name: String
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

  /// Compiles a source; the error holds the whole log.
  package static func compile(
    _ source: String, name: String, options: [String]
  ) throws(CUDAError) -> [UInt8] {
    _ = try version()
    var program: CNVRTCProgram?
    try check("nvrtcCreateProgram", cnvrtcCreateProgram(&program, source, name, 0, nil, nil), "")
    defer { _ = cnvrtcDestroyProgram(&program) }
    let copies = options.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    let code = copies.map { UnsafePointer($0) }.withUnsafeBufferPointer {
      cnvrtcCompileProgram(program, Int32(options.count), $0.baseAddress)
    }
    if code != 0 {
      var size = 0
      _ = cnvrtcGetProgramLogSize(program, &size)
      var log = [CChar](repeating: 0, count: size + 1)
      _ = cnvrtcGetProgramLog(program, &log)
      let text = String(
        decoding: log.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      try check("nvrtcCompileProgram(\(name), \(options.joined(separator: " ")))", code, text)
    }
    var size = 0
    try check("nvrtcGetCUBINSize", cnvrtcGetCUBINSize(program, &size), "")
    var image = [UInt8](repeating: 0, count: size)
    let copied = image.withUnsafeMutableBytes {
      cnvrtcGetCUBIN(program, $0.bindMemory(to: CChar.self).baseAddress)
    }
    try check("nvrtcGetCUBIN", copied, "")
    return image
  }

  private static func check(_ call: String, _ code: Int32, _ log: String) throws(CUDAError) {
    guard code != 0 else { return }
    throw CUDAError(
      call: call, code: code, name: String(cString: cnvrtcErrorText(code)),
      remedy: log.isEmpty ? "install NVRTC of CUDA 12 or 13" : log)
  }
}

/// Compiled images on disk, under a digest of everything that decides them.
///
/// An entry is the image after its own digest; one that does not match is compiled anew and
/// rewritten. Files appear by a rename, so a reader never sees half of one. Without a writable
/// folder everything still works, compiling each time.
package struct KernelCache: Sendable {
  /// Where entries are kept; `nil` keeps none.
  package var folder: String?

  package init(folder: String?) { self.folder = folder }

  /// `qwen3-tts/kernels` in the user's cache folder.
  package static var standard: KernelCache {
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    let root = variable("XDG_CACHE_HOME") ?? variable("HOME").map { "\($0)/.cache" }
    return KernelCache(folder: root.map { "\($0)/qwen3-tts/kernels" })
  }

  /// The image of a source, from disk or compiled.
  package func image(
    _ source: String, name: String, options: [String]
  ) throws(CUDAError) -> [UInt8] {
    let version = try NVRTC.version()
    let key = digest(Array("\(version)\n\(options.joined(separator: "\n"))\n\(source)".utf8))
    let path = folder.map { "\($0)/\(name)-\(hexadecimal(key.prefix(16))).image" }
    if let path, let stored = read(path), stored.count > 32 {
      let image = Array(stored[32...])
      if digest(image).elementsEqual(stored[..<32]) { return image }
    }
    let image = try NVRTC.compile(source, name: name, options: options)
    if let path { write(digest(image) + image, to: path) }
    return image
  }

  private func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private func digest(_ bytes: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finalize()
  }

  private func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&block, 1, block.count, file)
      if count == 0 { return ferror(file) == 0 ? bytes : nil }
      bytes += block[..<count]
    }
  }

  /// Failing to store costs the next start a compilation, nothing else.
  private func write(_ bytes: [UInt8], to path: String) {
    guard let folder else { return }
    var partial = ""
    for part in folder.split(separator: "/", omittingEmptySubsequences: false) {
      partial += partial.isEmpty && part.isEmpty ? "" : "\(part)"
      if !partial.isEmpty { mkdir(partial, 0o755) }
      partial += "/"
    }
    let temporary = "\(path).\(getpid())"
    guard let file = fopen(temporary, "wb") else { return }
    let written = fwrite(bytes, 1, bytes.count, file)
    let closed = fclose(file)
    if written != bytes.count || closed != 0 || rename(temporary, path) != 0 { unlink(temporary) }
  }
}
