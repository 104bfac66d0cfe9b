// SPDX-License-Identifier: MIT

package import SystemIO

/// What kept a model from being fetched: what was expected, what was found, what to do.
package struct DownloadError: Error, CustomStringConvertible, Sendable {
  /// The kind of problem.
  package enum Code: Sendable {
    /// A name, revision, address or folder that cannot be used.
    case badRequest
    /// Files that are not what they have to be.
    case badModel
    /// No network, no libcurl, no room, or a server that refuses.
    case unavailable
    /// Someone asked to stop; what is there is kept.
    case interrupted
    /// Everything else.
    case failed
  }

  package let code: Code
  package let description: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    description = message
  }

  /// A file that cannot be read or written.
  package init(_ error: SystemError) {
    let isShort = error.isOutOfSpace
    self.init(
      isShort ? .unavailable : .failed,
      "\(error.path): expected to write here, found: \(error.reason) (\(error.call))"
        + (isShort ? ". Make room; the same command resumes from there" : ""))
  }
}
