// SPDX-License-Identifier: MIT
#if canImport(Glibc)
import Glibc
private let datagram = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
#elseif canImport(Musl)
import Musl
private let datagram = SOCK_DGRAM | SOCK_CLOEXEC
#endif

/// The service manager that waits for messages of this process: systemd, for units of `Type=notify`.
///
/// - Source: `sd_notify(3)`, whose protocol is a datagram of `NAME=value` lines to a Unix socket.
package struct ServiceManager: Sendable, Equatable {
  /// A path, or a name in the abstract namespace after `@`.
  package let address: String

  /// - Returns: `nil` where none waits, as in a program that was started by hand.
  package init?(environment: [String: String]) {
    guard let address = environment["NOTIFY_SOCKET"], !address.isEmpty else { return nil }
    self.address = address
  }

  /// What the service manager is to know.
  package enum Event: Sendable {
    /// The service does what it is for.
    case ready(status: String)
    /// It is coming to its end.
    case stopping(status: String)

    var lines: String {
      switch self {
      case .ready(let status): "READY=1\nSTATUS=\(status)"
      case .stopping(let status): "STOPPING=1\nSTATUS=\(status)"
      }
    }
  }

  /// Sends a message; it is there when the call returns.
  ///
  /// - Throws: `SystemError` when nobody listens at the address.
  package func notify(_ event: Event) throws(SystemError) {
    var name = Array(address.utf8)
    var destination = sockaddr_un()
    destination.sun_family = sa_family_t(AF_UNIX)
    let isAbstract = address.hasPrefix("@")
    if isAbstract { name[0] = 0 }
    // A path is followed by a zero, which the structure already has.
    let capacity = MemoryLayout.size(ofValue: destination.sun_path) - (isAbstract ? 0 : 1)
    guard name.count <= capacity, isAbstract || address.hasPrefix("/") else {
      throw SystemError(number: EAFNOSUPPORT, call: "sendto", path: address)
    }
    unsafe withUnsafeMutableBytes(of: &destination.sun_path) { path in
      unsafe path.copyBytes(from: name)
    }
    let header = MemoryLayout.size(ofValue: destination.sun_family)
    let length = socklen_t(header + name.count + (isAbstract ? 0 : 1))
    let number = socket(AF_UNIX, datagram, 0)
    guard number >= 0 else { throw SystemError(lastCall: "socket", path: address) }
    defer { close(number) }
    let message = Array(event.lines.utf8)
    let sent = unsafe withUnsafePointer(to: &destination) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe sendto(number, message, message.count, Int32(MSG_NOSIGNAL), generic, length)
      }
    }
    guard sent == message.count else { throw SystemError(lastCall: "sendto", path: address) }
  }
}
