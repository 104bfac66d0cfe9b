// SPDX-License-Identifier: MIT

import Foundation
import ModelStore

/// Sends one thread's requests to a hub and to where it redirects.
final class HubClient {
  let hub: Hub
  let isCancelled: @Sendable () -> Bool
  private let session: HTTPSession

  /// As many redirects as Hugging Face's own tools follow.
  private static let mostRedirects = 10

  init(
    _ hub: Hub, library: CurlLibrary, patience: HTTPSession.Patience,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws(DownloadError) {
    self.hub = hub
    self.isCancelled = isCancelled
    session = try HTTPSession(library: library, patience: patience)
  }

  /// What the hub itself says of a file, whatever host delivers it.
  struct Statement {
    var byteCount: Int?
    /// The SHA-256 of large files; small ones have a checksum of another kind.
    var sha256: String?
    var commit: String?
  }

  struct Answer {
    /// The last answer's.
    var head: HTTPHead
    var statement: Statement
    /// Who sent it.
    var host: String
  }

  /// Sends a request and follows its redirects.
  ///
  /// - Parameters:
  ///   - headers: Sent to every host on the way; the token goes to the endpoint alone.
  ///   - check: Called with what the hub says, as soon as it has; ends the request by throwing.
  ///   - take: Given the body of an answer with status 200 or 206.
  func send(
    _ address: String, headers: [String] = [], headOnly: Bool = false,
    check: (Statement) throws -> Void = { _ in },
    take: @escaping (HTTPHead, Span<UInt8>) throws -> Void = { _, _ in }
  ) throws -> Answer {
    guard var url = URL(string: address) else {
      throw DownloadError(.badRequest, "\(address): expected a web address")
    }
    var statement = Statement()
    for _ in 0...Self.mostRedirects {
      if isCancelled() { throw CancellationError() }
      let head: HTTPHead
      do {
        head = try session.send(
          url.absoluteString, headers: headers + hub.authorization(for: url), headOnly: headOnly,
          wantsMore: { [isCancelled] in !isCancelled() },
          take: { head, bytes in
            if head.status == 200 || head.status == 206 { try take(head, bytes) }
          })
      } catch let error as TransportError {
        if isCancelled() { throw CancellationError() }
        throw Self.explained(error, host: url.host() ?? "")
      }
      if hub.isOwn(url) { Self.read(head, into: &statement) }
      try check(statement)
      // Stores may refuse a question about the head alone, and the hub has answered it.
      if headOnly, statement.byteCount != nil, head.status < 400 {
        return Answer(head: HTTPHead(status: 200), statement: statement, host: url.host() ?? "")
      }
      guard [301, 302, 303, 307, 308].contains(head.status) else {
        return Answer(head: head, statement: statement, host: url.host() ?? "")
      }
      url = try hub.target(of: head.headers["location"], from: url)
    }
    throw DownloadError(
      .unavailable,
      "\(hub.endpoint.host() ?? ""): expected at most \(Self.mostRedirects) redirects, found more")
  }

  private static func explained(_ error: TransportError, host: String) -> any Error {
    let found = "\(host): \(error.message)"
    if error.isPassing {
      return PassingFailure(message: found, isUnreachable: error.isAboutReaching)
    }
    return DownloadError(
      .unavailable,
      found
        + (error.isAboutCertificates
          ? ". Install ca-certificates and check the clock of this machine" : ""))
  }

  private static func read(_ head: HTTPHead, into statement: inout Statement) {
    statement.byteCount = head.number("x-linked-size") ?? statement.byteCount
    statement.commit = head.headers["x-repo-commit"] ?? statement.commit
    let tag = head.headers["x-linked-etag"].map { $0.filter { $0 != "\"" }.lowercased() }
    if let tag, isSHA256(tag) { statement.sha256 = tag }
  }

  /// Whether a text is a SHA-256, in lower-case hexadecimal digits.
  static func isSHA256(_ text: String) -> Bool {
    text.utf8.count == 64
      && text.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }
}
