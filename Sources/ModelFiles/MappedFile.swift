// SPDX-License-Identifier: MIT

import SpeechModel

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A file mapped for reading for as long as the object lives.
///
/// The file must not be shortened meanwhile: reading a page that is gone ends the process. Replacing
/// the file by renaming another over it is safe.
// Safety: `@unchecked Sendable` because the bytes are never written and the address never changes.
@safe package final class MappedFile: TensorStorage, @unchecked Sendable {
  package let path: String
  package let count: Int
  private let base: UnsafeRawPointer?

  package init(path: String) throws(CheckpointError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CheckpointError(
        file: path, expected: "a readable file", found: unsafe String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError(file: path, expected: "a regular file", found: "something else")
    }
    self.path = path
    count = Int(status.st_size)
    guard count > 0 else {
      unsafe base = nil
      return
    }
    guard let address = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0),
      unsafe address != MAP_FAILED
    else {
      throw CheckpointError(
        file: path, expected: "a file that can be mapped",
        found: unsafe String(cString: strerror(errno)),
        remedy: errno == ENOMEM ? "Raise the limit on memory: ulimit -v" : nil)
    }
    unsafe base = UnsafeRawPointer(address)
  }

  deinit {
    if let base = unsafe base { unsafe munmap(UnsafeMutableRawPointer(mutating: base), count) }
  }

  package func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // Safety: the mapping lives as long as `self`, which the caller holds.
    let buffer = unsafe UnsafeRawBufferPointer(start: base, count: count)
    return try unsafe body(buffer.bytes)
  }
}

/// Bytes made in memory, with the same interface as a mapped file.
// Safety: `@unchecked Sendable` because the bytes are not written after `init`.
@safe package final class MemoryStorage: TensorStorage, @unchecked Sendable {
  private let buffer: UnsafeMutableRawBufferPointer

  /// `byteCount` bytes that `fill` writes.
  package init(byteCount: Int, _ fill: (inout MutableRawSpan) throws -> Void) rethrows {
    unsafe buffer = .allocate(byteCount: max(byteCount, 1), alignment: 64)
    unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
    var span = unsafe buffer.mutableBytes
    try fill(&span)
  }

  deinit { unsafe buffer.deallocate() }

  package func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeRawBufferPointer(buffer).bytes)
  }
}
