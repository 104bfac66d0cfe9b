// SPDX-License-Identifier: MIT
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A call to the operating system that failed: what was tried, on which file, and the reason.
package struct SystemError: Error, Equatable, CustomStringConvertible {
  /// The error number of the failed call, as in `errno(3)`.
  package let number: Int32

  /// The name of the call, `open` for example.
  package let call: String

  /// The file the call was about.
  package let path: String

  /// Describes a failed call.
  package init(number: Int32, call: String, path: String) {
    self.number = number
    self.call = call
    self.path = path
  }

  /// Describes the call that has just failed on this thread.
  package init(lastCall call: String, path: String) {
    self.init(number: errno, call: call, path: path)
  }

  /// The system's own words for the reason: `No such file or directory`.
  package var reason: String {
    unsafe String(cString: strerror(number))
  }

  package var description: String {
    "\(path): \(reason) (\(call), error \(number))"
  }
}

extension SystemError {
  /// Whether the reader of a pipe or socket has closed its end.
  package var isBrokenPipe: Bool { number == EPIPE }

  /// Whether the call was about a folder and needs a file.
  package var isFolder: Bool { number == EISDIR }

  /// Whether a standard stream is missing: see `StandardStreams.reserve`.
  package var isMissingStream: Bool { number == EBADF }

  /// Whether the file system has no room left.
  package var isOutOfSpace: Bool { number == ENOSPC || number == EDQUOT }

  /// Whether the file is larger than the file system or the process may write.
  package var isFileTooLarge: Bool { number == EFBIG }

  /// Whether nothing is at the path.
  package var isNotFound: Bool { number == ENOENT || number == ENOTDIR }

  /// Whether the path exists already where a fresh one was asked for.
  package var isAlreadyThere: Bool { number == EEXIST }

  /// Whether a lock asked for without waiting is held by someone else.
  package var wouldBlock: Bool { number == EWOULDBLOCK || number == EAGAIN }
}
