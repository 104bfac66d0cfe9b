// SPDX-License-Identifier: MIT
internal import CCurl

/// libcurl, loaded when the first request needs it.
// Safety: `@unchecked Sendable` because the table of functions never changes, and the library allows
// different sessions to be used on different threads.
@safe package final class CurlLibrary: @unchecked Sendable {
  /// The Debian and Ubuntu package that has it.
  package static let packageName = "libcurl4"

  /// The system's library, `nil` where there is none. Both names carry the same interface; they
  /// differ in who does the cryptography.
  package static let shared =
    CurlLibrary(name: "libcurl.so.4") ?? CurlLibrary(name: "libcurl-gnutls.so.4")

  let functions: OpaquePointer

  /// Loads a library by its file name; `nil` when it is missing.
  package init?(name: String) {
    guard let functions = unsafe qt_curl_library_load(name) else { return nil }
    unsafe self.functions = functions
  }

  /// Name and version: `libcurl/8.5.0`.
  package var version: String {
    unsafe String(cString: qt_curl_version(functions)).split(separator: " ").first.map(String.init)
      ?? "libcurl"
  }
}
