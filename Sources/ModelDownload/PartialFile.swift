// SPDX-License-Identifier: MIT

import Digest
import Foundation
import SystemIO

/// The beginning of a file, kept from one run to the next.
///
/// Next to `FILE.part` is `FILE.part.origin`: of which file it is the beginning. It is written
/// before the first byte and removed after the last, so that bytes are never taken for another
/// file's.
package final class PartialFile {
  /// Which version of which file the bytes are the beginning of.
  struct Origin: Codable, Equatable {
    var sha256: String?
    var byteCount: Int?
    /// The strong `ETag` that came with them.
    var tag: String?
  }

  private let file: FileDescriptor
  private let path: String
  private var hash = SHA256()
  package private(set) var count = 0
  package private(set) var tag: String?
  /// What has ever been there.
  private(set) var furthest = 0

  /// Opens or makes `path`. Bytes that are no beginning of `planned` are dropped.
  ///
  /// - Parameter read: Called with the number of bytes read again, as they are read.
  package init(
    _ path: String, of planned: PlannedFile, isCancelled: () -> Bool, read: (Int) -> Void
  ) throws {
    self.path = path
    file = try FileDescriptor(opening: path, for: .update)
    let kept = FileManager.default.contents(atPath: Self.originPath(path))
      .flatMap { try? JSONDecoder().decode(Origin.self, from: $0) }
    let size = try file.status().size
    // Without a checksum nothing says whether the parts fit: such files are small, and come whole.
    guard let kept, let sha256 = planned.sha256, kept.sha256 == sha256,
      kept.byteCount == planned.byteCount, size <= planned.byteCount ?? .max
    else {
      try file.truncate(to: 0)
      return
    }
    tag = kept.tag
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      if isCancelled() { throw CancellationError() }
      let length = try file.read(into: &buffer)
      if length == 0 { break }
      hash.update(buffer.span.extracting(first: length))
      count += length
      read(length)
    }
    furthest = count
  }

  private static func originPath(_ path: String) -> String { path + ".origin" }

  /// Drops the bytes and begins with a file of that origin.
  package func restart(_ planned: PlannedFile, tag: String?) throws {
    try file.truncate(to: 0)
    try file.seek(to: 0)
    hash = SHA256()
    count = 0
    let strong = tag.flatMap { $0.hasPrefix("\"") ? $0 : nil }
    self.tag = strong
    let origin = Origin(sha256: planned.sha256, byteCount: planned.byteCount, tag: strong)
    try JSONEncoder().encode(origin).write(
      to: URL(filePath: Self.originPath(path)), options: .atomic)
  }

  /// Appends bytes.
  package func append(_ bytes: Span<UInt8>) throws {
    try file.write(bytes)
    hash.update(bytes)
    count += bytes.count
    furthest = max(furthest, count)
  }

  /// The SHA-256 of the bytes.
  package var sha256: String {
    let copy = hash
    return copy.finalizeToHex()
  }

  /// Renames the whole file to its own name, once it is on the disk.
  package func finish(as newPath: String) throws {
    try file.synchronize()
    try FileSystem.rename(path, to: newPath)
    try? FileSystem.removeFile(Self.originPath(path))
  }

  /// The SHA-256 of any file.
  ///
  /// - Parameter read: Called with the number of bytes read, as they are read.
  static func sha256(
    of path: String, isCancelled: () -> Bool, read: (Int) -> Void
  ) throws -> String {
    let file = try FileDescriptor(opening: path, for: .read)
    var hash = SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      if isCancelled() { throw CancellationError() }
      let length = try file.read(into: &buffer)
      if length == 0 { return hash.finalizeToHex() }
      hash.update(buffer.span.extracting(first: length))
      read(length)
    }
  }
}
