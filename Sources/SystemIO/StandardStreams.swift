// SPDX-License-Identifier: MIT
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What a process is started with and has to put in order before it opens anything.
package enum StandardStreams {
  /// Occupies the numbers 0, 1 and 2 where the process was started without a standard stream.
  ///
  /// Otherwise the next file that is opened takes the number, and messages end up in it. What stands
  /// in for a missing stream is opened the wrong way round, so that using the stream remains the
  /// error it is: `EBADF`.
  package static func reserve() {
    for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 {
      // The lowest free number is taken, which is this one.
      _ = unsafe open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// Makes writing to a reader that has gone, and past the size a file may have, an error of that
  /// write instead of the end of the process.
  package static func ignoreWriteSignals() {
    for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
  }

  /// Whether so many bytes of address space can be had.
  package static func canMap(byteCount: Int) -> Bool {
    let address = unsafe mmap(
      nil, byteCount, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else { return false }
    unsafe munmap(address, byteCount)
    return true
  }

  /// Raises the process's own limit on open files as far as needed and allowed, and returns how many
  /// of `wanted` more files can be opened.
  package static func openableFiles(wanted: Int) -> Int {
    var limit = rlimit()
    let number = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
    if unsafe getrlimit(number, &limit) == 0, limit.rlim_cur < limit.rlim_max {
      limit.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, rlim_t(wanted + 64)))
      _ = unsafe setrlimit(number, &limit)
    }
    // Some may be open already, inherited; only trying tells.
    var opened: [Int32] = []
    while opened.count < wanted {
      let descriptor = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
      if descriptor < 0 { break }
      opened.append(descriptor)
    }
    for descriptor in opened { close(descriptor) }
    return opened.count
  }
}
