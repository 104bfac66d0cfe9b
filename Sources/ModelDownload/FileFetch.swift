// SPDX-License-Identifier: MIT

import Foundation
import ModelStore
import SystemIO

/// Fetches one file into a folder, however often the connection breaks, and checks it.
struct FileFetch {
  let plan: DownloadPlan
  let file: PlannedFile
  /// Where the file will be, next to its `.part`.
  let folder: String
  let client: HubClient
  let persistence: Persistence
  let progress: DownloadProgress

  private var subject: String { "\(plan.name), \(file.path)" }
  private var path: String { folder + "/" + file.path }

  /// Bytes that came and were not what they have to be.
  private struct WrongBytes: Error {
    let message: String
  }

  /// Fetches what is missing. When it returns, the file is under its name with the right bytes.
  ///
  /// - Returns: The commit that the hub says it delivered.
  func run() throws -> String? {
    try FileManager.default.createDirectory(
      at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
    if try isThere() {
      progress.finishFile()
      return nil
    }
    progress.set(file.path, to: 0)
    let partial = try PartialFile(
      path + ".part", of: file, isCancelled: client.isCancelled,
      read: { progress.add($0, to: file.path) })
    // What the hub says of a file that we know nothing of is kept from one try to the next.
    var expected = file
    var commit: String?
    var rangesFail = false
    var wrong = 0
    try persistence.run(
      isCancelled: client.isCancelled, progress: { partial.furthest },
      note: { progress.say("\($0). Trying again in \(Self.words($1))") }
    ) {
      do {
        if partial.count == 0 || partial.count != expected.byteCount {
          commit = try fetch(into: partial, &expected, &rangesFail)
        }
        try check(partial, expected)
      } catch let error as WrongBytes {
        // One damaged delivery is an accident; a second one is what this server has.
        try restart(partial, expected, tag: nil)
        wrong += 1
        guard wrong < 2 else { throw DownloadError(.badModel, error.message + advice) }
        throw PassingFailure(message: error.message)
      }
    }
    try partial.finish(as: path)
    progress.finishFile()
    return commit
  }

  /// Whether the file is there from an earlier run, whole. A wrong one is removed.
  private func isThere() throws -> Bool {
    guard let size = ModelLayout.byteCount(of: path) else { return false }
    if let sha256 = file.sha256, size == file.byteCount {
      progress.set(file.path, to: 0)
      let found = try PartialFile.sha256(
        of: path, isCancelled: client.isCancelled, read: { progress.add($0, to: file.path) })
      if found == sha256 { return true }
    }
    try FileSystem.removeFile(path)
    return false
  }

  private func restart(_ partial: PartialFile, _ expected: PlannedFile, tag: String?) throws {
    try partial.restart(expected, tag: tag)
    progress.set(file.path, to: 0)
  }

  /// Asks for what is missing and writes it as it comes.
  private func fetch(
    into partial: PartialFile, _ expected: inout PlannedFile, _ rangesFail: inout Bool
  ) throws -> String? {
    // Without a checksum for the whole, a partial file is not resumed.
    if partial.count > 0, rangesFail || expected.sha256 == nil {
      try restart(partial, expected, tag: nil)
    }
    var headers: [String] = []
    if partial.count > 0 {
      headers.append("Range: bytes=\(partial.count)-")
      if let tag = partial.tag { headers.append("If-Range: \(tag)") }
    }
    var known = expected
    var hasBegun = false
    func begin(_ head: HTTPHead) throws {
      guard !hasBegun else { return }
      hasBegun = true
      if head.status == 206 {
        try Self.checkRange(head, from: partial.count, subject: subject, of: known.byteCount)
      } else {
        let length = head.headers["content-encoding"] == nil ? head.number("content-length") : nil
        if let length, let byteCount = known.byteCount, length != byteCount {
          throw WrongBytes(message: "\(subject): expected \(byteCount) bytes, found \(length)")
        }
        try restart(partial, known, tag: head.headers["etag"])
      }
    }
    let answer: HubClient.Answer
    do {
      answer = try client.send(
        client.hub.address(of: file.path, in: plan.name, revision: plan.revision),
        headers: headers,
        check: { known = try self.known(known, $0) },
        take: { head, bytes in
          try begin(head)
          if let byteCount = known.byteCount, partial.count + bytes.count > byteCount {
            throw WrongBytes(message: "\(subject): expected \(byteCount) bytes, found more")
          }
          try partial.append(bytes)
          progress.add(bytes.count, to: file.path)
          progress.addFetched(bytes.count)
        })
    } catch let error as RangeRefused {
      rangesFail = true
      throw PassingFailure(message: error.message)
    }
    expected = known
    if answer.head.status == 416 {
      rangesFail = true
      throw PassingFailure(message: "\(subject): the server cannot resume in the middle")
    }
    if let refusal = answer.refusal(of: subject, endpoint: client.hub.endpoint.absoluteString) {
      throw refusal
    }
    try begin(answer.head)
    if let byteCount = known.byteCount, partial.count < byteCount {
      throw PassingFailure(
        message: "\(subject): the connection ended after \(partial.count) of \(byteCount) bytes")
    }
    return answer.statement.commit
  }

  /// What is known of the file once the hub has spoken.
  private func known(
    _ file: PlannedFile, _ statement: HubClient.Statement
  ) throws -> PlannedFile {
    var file = file
    if let sha256 = statement.sha256 {
      if let expected = file.sha256, expected != sha256 {
        throw DownloadError(
          .badModel, "\(subject): expected SHA-256 \(expected), found a file of \(sha256)" + advice)
      }
      file.sha256 = sha256
    }
    if let byteCount = statement.byteCount {
      if let expected = file.byteCount, expected != byteCount {
        throw DownloadError(
          .badModel, "\(subject): expected \(expected) bytes, found a file of \(byteCount)" + advice
        )
      }
      file.byteCount = byteCount
    }
    return file
  }

  private func check(_ partial: PartialFile, _ expected: PlannedFile) throws {
    if let byteCount = expected.byteCount, partial.count != byteCount {
      throw WrongBytes(
        message: "\(subject): expected \(byteCount) bytes, found \(partial.count)")
    }
    guard let sha256 = expected.sha256 else { return }
    let found = partial.sha256
    guard found == sha256 else {
      throw WrongBytes(message: "\(subject): expected SHA-256 \(sha256), found \(found)")
    }
  }

  private var advice: String {
    plan.isPublished
      ? ". The server has other files than were published; if they are newer, --revision main "
        + "takes them as they are"
      : ""
  }

  /// A part that is not the one asked for.
  private struct RangeRefused: Error {
    let message: String
  }

  /// Checks that a part begins where ours ends.
  private static func checkRange(
    _ head: HTTPHead, from start: Int, subject: String, of byteCount: Int?
  ) throws {
    let text = head.headers["content-range"] ?? ""
    let numbers = text.split { !$0.isNumber }.compactMap { Int($0) }
    let total = text.hasSuffix("/*") || byteCount == nil ? byteCount : numbers.last
    guard text.hasPrefix("bytes "), numbers.first == start, numbers.count >= 2, total == byteCount
    else {
      throw RangeRefused(
        message: "\(subject): expected a part from byte \(start) on, found "
          + "\"\(text.prefix(60))\"")
    }
  }

  private static func words(_ wait: Duration) -> String {
    String(format: "%.1f s", wait / Duration.seconds(1))
  }
}
