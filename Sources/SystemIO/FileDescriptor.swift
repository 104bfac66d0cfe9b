// SPDX-License-Identifier: MIT
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// An open file, pipe or terminal; closed when the value goes away.
///
/// Every call retries when a signal interrupts it, and reading and writing wait for a descriptor that
/// was handed over as one that does not block. With `FileSystem` this is the only Swift code
/// that talks to the C library about files, so the unsafe steps have one address.
package struct FileDescriptor: ~Copyable {
  /// What a file is opened for.
  package enum Mode: Sendable {
    /// Reading a file that exists.
    case read

    /// Writing from the start; an existing file is emptied.
    case replace

    /// Writing or reading, keeping what an existing file holds.
    case update
  }

  /// The descriptor's number.
  package let raw: Int32

  /// The name used in errors.
  package let path: String

  private let closesOnExit: Bool

  /// Opens a file.
  ///
  /// - Throws: `SystemError` when the system refuses.
  package init(opening path: String, for mode: Mode) throws(SystemError) {
    let flags =
      switch mode {
      case .read: O_RDONLY
      case .replace: O_WRONLY | O_CREAT | O_TRUNC
      case .update: O_RDWR | O_CREAT
      }
    raw = try retrying("open", path) { unsafe open(path, flags | O_CLOEXEC, 0o644) }
    self.path = path
    closesOnExit = true
  }

  /// Takes over a descriptor opened elsewhere.
  package init(owning raw: Int32, path: String) {
    self.raw = raw
    self.path = path
    closesOnExit = true
  }

  private init(borrowing raw: Int32, path: String) {
    self.raw = raw
    self.path = path
    closesOnExit = false
  }

  /// The process's standard output, which stays open.
  package static var standardOutput: FileDescriptor {
    FileDescriptor(borrowing: STDOUT_FILENO, path: "standard output")
  }

  /// The process's standard error, which stays open.
  package static var standardError: FileDescriptor {
    FileDescriptor(borrowing: STDERR_FILENO, path: "standard error")
  }

  /// The process's standard input, which stays open.
  package static var standardInput: FileDescriptor {
    FileDescriptor(borrowing: STDIN_FILENO, path: "standard input")
  }

  deinit {
    if closesOnExit { _ = close(raw) }
  }
}

// MARK: - Waiting

extension FileDescriptor {
  /// Repeats a call for as long as it says that a descriptor which does not block is not ready.
  ///
  /// A parent may have made its end of a pipe so, and both ends share that.
  private func waiting(
    for event: Int32, _ call: () throws(SystemError) -> Int
  ) throws(SystemError) -> Int {
    while true {
      do { return try call() } catch {
        guard error.wouldBlock else { throw error }
        var request = pollfd(fd: raw, events: Int16(event), revents: 0)
        _ = try retrying("poll", path) { unsafe poll(&request, 1, -1) }
      }
    }
  }
}

// MARK: - Reading

extension FileDescriptor {
  /// Reads up to `buffer.count` bytes at the current position.
  ///
  /// - Returns: The number of bytes read; 0 at the end of the file.
  /// - Throws: `SystemError` when the system refuses.
  package func read(into buffer: inout [UInt8]) throws(SystemError) -> Int {
    let fd = raw
    return try waiting(for: POLLIN) { () throws(SystemError) in
      try retrying("read", path) {
        unsafe buffer.withUnsafeMutableBytes { bytes in
          unsafe system_read(fd, bytes.baseAddress, bytes.count)
        }
      }
    }
  }

  /// Reads everything up to the end of the file, or up to `limit` bytes.
  ///
  /// Memory grows with what is read, not with what the file system says the size is.
  ///
  /// - Throws: `SystemError` when the system refuses.
  package func readAll(limit: Int = .max) throws(SystemError) -> [UInt8] {
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while result.count < limit {
      let count = try read(into: &buffer)
      if count == 0 { break }
      result.append(contentsOf: buffer[..<min(count, limit - result.count)])
    }
    return result
  }
}

// MARK: - Writing

extension FileDescriptor {
  /// Writes every byte at the current position.
  ///
  /// - Throws: `SystemError` when the system refuses; some bytes may have been written by then.
  package func write(_ bytes: Span<UInt8>) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      let rest = bytes.extracting(droppingFirst: done)
      let fd = raw
      done += try waiting(for: POLLOUT) { () throws(SystemError) in
        try retrying("write", path) {
          unsafe rest.withUnsafeBytes { unsafe system_write(fd, $0.baseAddress, $0.count) }
        }
      }
    }
  }

  /// Writes every byte at `offset`, leaving the current position where it is.
  ///
  /// - Throws: `SystemError` when the system refuses; some bytes may have been written by then.
  package func write(_ bytes: Span<UInt8>, at offset: Int) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      let rest = bytes.extracting(droppingFirst: done)
      let position = offset + done
      let fd = raw
      done += try retrying("pwrite", path) {
        unsafe rest.withUnsafeBytes { unsafe pwrite(fd, $0.baseAddress, $0.count, off_t(position)) }
      }
    }
  }
}

// MARK: - Position and kind

extension FileDescriptor {
  /// The size in bytes and whether the descriptor is an ordinary file.
  ///
  /// - Throws: `SystemError` when the system refuses.
  package func status() throws(SystemError) -> (size: Int, isRegularFile: Bool) {
    var status = stat()
    let fd = raw
    _ = try retrying("fstat", path) { unsafe fstat(fd, &status) }
    return (Int(status.st_size), status.st_mode & S_IFMT == S_IFREG)
  }

  /// Where the next byte goes, when bytes already written can be changed afterwards.
  ///
  /// `nil` for pipes, sockets and terminals, and for files opened for appending, where Linux
  /// appends whatever offset a write names.
  package var patchablePosition: Int? {
    guard let status = try? status(), status.isRegularFile else { return nil }
    guard fcntl(raw, F_GETFL) & O_APPEND == 0 else { return nil }
    let position = lseek(raw, 0, SEEK_CUR)
    return position < 0 ? nil : Int(position)
  }

  /// Moves the current position to `offset` bytes from the start.
  ///
  /// - Throws: `SystemError` when the system refuses.
  package func seek(to offset: Int) throws(SystemError) {
    let fd = raw
    _ = try retrying("lseek", path) { lseek(fd, off_t(offset), SEEK_SET) }
  }

  /// Cuts or extends the file to `size` bytes.
  ///
  /// - Throws: `SystemError` when the system refuses.
  package func truncate(to size: Int) throws(SystemError) {
    let fd = raw
    _ = try retrying("ftruncate", path) { ftruncate(fd, off_t(size)) }
  }

  /// Waits until the bytes are on the disk.
  ///
  /// - Throws: `SystemError` when the system refuses.
  package func synchronize() throws(SystemError) {
    let fd = raw
    _ = try retrying("fsync", path) { fsync(fd) }
  }

  /// Takes the file's advisory lock for this descriptor, without waiting.
  ///
  /// The lock goes with the descriptor, also when the process is killed.
  ///
  /// - Throws: `SystemError`, with `wouldBlock` when another process holds the lock.
  package func lock() throws(SystemError) {
    let fd = raw
    _ = try retrying("flock", path) { flock(fd, LOCK_EX | LOCK_NB) }
  }
}

/// Repeats a call for as long as signals interrupt it, and turns a negative result into an error.
func retrying<Result: FixedWidthInteger & SignedInteger>(
  _ name: String, _ path: String, _ call: () -> Result
) throws(SystemError) -> Result {
  while true {
    let result = call()
    if result >= 0 { return result }
    if errno != EINTR { throw SystemError(lastCall: name, path: path) }
  }
}

/// `read(2)`, under a name that `FileDescriptor.read` does not hide.
@unsafe private func system_read(
  _ fd: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int
) -> Int {
  unsafe read(fd, buffer, count)
}

/// `write(2)`, under a name that `FileDescriptor.write` does not hide.
@unsafe private func system_write(_ fd: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int {
  unsafe write(fd, buffer, count)
}
