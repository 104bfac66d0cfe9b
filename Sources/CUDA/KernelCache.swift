// SPDX-License-Identifier: MIT

import Digest
import Dispatch
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Sources that are compiled as one.
package struct KernelProgram: Sendable {
  /// For messages and the names of files.
  package var name: String
  package var source: String
  package var options: [String]

  package init(name: String, source: String, options: [String]) {
    self.name = name
    self.source = source
    self.options = options
  }
}

/// A step of compiling what is not in a cache.
package enum KernelCompilation: Sendable, Equatable {
  /// The program of that name is being compiled.
  case began(String)
  /// It is compiled, or could not be.
  case ended(String)
}

/// Compiled images on disk, under a digest of everything that decides them.
///
/// An entry is the image after its own digest; one that does not match is compiled anew and
/// rewritten. Files appear by a rename, so a reader never sees half of one. Without a writable
/// folder everything still works, compiling once in the life of the cache.
package final class KernelCache: Sendable {
  /// Where entries are kept; `nil` keeps none.
  private let folder: String?
  /// Called when something is compiled.
  private let listener = Mutex<(@Sendable (KernelCompilation) -> Void)?>(nil)
  /// What was compiled here, by the entry's name.
  private let compiled = Mutex<[String: [UInt8]]>([:])

  package init(folder: String?) { self.folder = folder }

  /// Calls back whenever a program has to be compiled, which takes seconds, from any thread.
  package func listen(_ listener: @escaping @Sendable (KernelCompilation) -> Void) {
    self.listener.withLock { $0 = listener }
  }

  /// `qwen3-tts/kernels` in the user's cache folder.
  package static let standard: KernelCache = {
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    let root = variable("XDG_CACHE_HOME") ?? variable("HOME").map { "\($0)/.cache" }
    return KernelCache(folder: root.map { "\($0)/qwen3-tts/kernels" })
  }()

  /// The image of a program, from disk or compiled.
  package func image(_ program: KernelProgram) throws(CUDAError) -> [UInt8] {
    let version = try NVRTC.version()
    let options = program.options.joined(separator: "\n")
    let key = digest(Array("\(version)\n\(options)\n\(program.source)".utf8))
    let entry = "\(program.name)-\(hexadecimal(key.prefix(16))).image"
    let path = folder.map { "\($0)/\(entry)" }
    if let path, let stored = read(path), stored.count > 32 {
      let image = Array(stored[32...])
      if digest(image).elementsEqual(stored[..<32]) { return image }
    }
    if let image = compiled.withLock({ $0[entry] }) { return image }
    let listener = listener.withLock { $0 }
    listener?(.began(program.name))
    defer { listener?(.ended(program.name)) }
    let image = try NVRTC.compile(program)
    compiled.withLock { $0[entry] = image }
    if let path { write(digest(image) + image, to: path) }
    return image
  }

  /// The images of programs, in their order. Those that have to be compiled are compiled at the same time,
  /// as many as there are processors.
  ///
  /// - Throws: What the first of them, in their order, failed with.
  package func images(_ programs: [KernelProgram]) throws(CUDAError) -> [[UInt8]] {
    let outcomes = Mutex<[Int: Result<[UInt8], CUDAError>]>([:])
    DispatchQueue.concurrentPerform(iterations: programs.count) { index in
      let outcome = Result { () throws(CUDAError) in try image(programs[index]) }
      outcomes.withLock { $0[index] = outcome }
    }
    var images: [[UInt8]] = []
    for (_, outcome) in outcomes.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      images.append(try outcome.get())
    }
    return images
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
