// SPDX-License-Identifier: MIT
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Calls about files by their paths.
package enum FileSystem {
  /// Bytes that may still be written where a folder is.
  ///
  /// - Throws: `SystemError` when the system refuses.
  package static func freeBytes(at folder: String) throws(SystemError) -> Int {
    var status = statvfs()
    _ = try retrying("statvfs", folder) { unsafe statvfs(folder, &status) }
    return Int(clamping: UInt64(status.f_bavail).multipliedSaturating(by: UInt64(status.f_frsize)))
  }

  /// Gives a file or folder another path on the same file system, at once. A file at the new path
  /// is replaced, and so is an empty folder by a folder.
  ///
  /// - Throws: `SystemError` when the system refuses.
  package static func rename(_ path: String, to newPath: String) throws(SystemError) {
    _ = try retrying("rename", newPath) { unsafe Self.system_rename(path, newPath) }
  }

  /// Removes a file.
  ///
  /// - Throws: `SystemError` when the system refuses.
  package static func removeFile(_ path: String) throws(SystemError) {
    _ = try retrying("unlink", path) { unsafe unlink(path) }
  }

  /// Waits until the names in a folder are on the disk.
  ///
  /// - Throws: `SystemError` when the system refuses.
  package static func synchronize(folder: String) throws(SystemError) {
    try FileDescriptor(opening: folder, for: .read).synchronize()
  }

  /// `rename(2)`, under a name that the method does not hide.
  @unsafe private static func system_rename(_ path: String, _ newPath: String) -> Int32 {
    #if canImport(Glibc)
    unsafe Glibc.rename(path, newPath)
    #else
    unsafe Musl.rename(path, newPath)
    #endif
  }
}

extension FileDescriptor {
  /// Whether the path this was opened at still leads to the same file.
  package var isAtItsPath: Bool {
    var here = stat()
    var there = stat()
    let fd = raw
    guard unsafe fstat(fd, &here) == 0, unsafe stat(path, &there) == 0 else { return false }
    return here.st_dev == there.st_dev && here.st_ino == there.st_ino
  }
}

extension UInt64 {
  fileprivate func multipliedSaturating(by other: UInt64) -> UInt64 {
    let product = multipliedReportingOverflow(by: other)
    return product.overflow ? .max : product.partialValue
  }
}
