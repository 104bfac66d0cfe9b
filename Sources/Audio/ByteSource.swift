// SPDX-License-Identifier: MIT
package import SystemIO

/// Bytes that come in order: a file, a pipe, or an array in tests.
package protocol ByteSource: AnyObject {
  /// Reads up to `buffer.count` bytes.
  ///
  /// - Returns: The number of bytes read; 0 at the end.
  /// - Throws: `SystemError` when the system refuses.
  func read(into buffer: inout [UInt8]) throws(SystemError) -> Int
}

/// The bytes of an open file or pipe, from its current position.
package final class FileByteSource: ByteSource {
  private let file: FileDescriptor

  /// Takes over an open file.
  package init(_ file: consuming FileDescriptor) {
    self.file = file
  }

  package func read(into buffer: inout [UInt8]) throws(SystemError) -> Int {
    try file.read(into: &buffer)
  }
}

/// The bytes of an array.
package final class ArrayByteSource: ByteSource {
  private var rest: ArraySlice<UInt8>

  /// Hands out `bytes` from the first to the last.
  package init(_ bytes: [UInt8]) {
    rest = bytes[...]
  }

  package func read(into buffer: inout [UInt8]) -> Int {
    let part = rest.prefix(buffer.count)
    buffer.replaceSubrange(..<part.count, with: part)
    rest = rest.dropFirst(part.count)
    return part.count
  }
}

/// Reads numbers and blocks from a byte source through a fixed buffer.
///
/// Every request is answered with what is there, at most; memory never follows a request.
struct ByteReader {
  /// Bytes handed out or skipped.
  private(set) var position = 0

  private let source: any ByteSource
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)
  private var next = 0
  private var end = 0

  init(_ source: any ByteSource) {
    self.source = source
  }

  /// Makes at least one byte available, unless the source has ended.
  private mutating func refill() throws(AudioError) -> Bool {
    if next < end { return true }
    next = 0
    do { end = try source.read(into: &buffer) } catch { throw AudioError(reading: error) }
    return end > 0
  }

  /// The next byte without taking it, `nil` at the end.
  mutating func peek() throws(AudioError) -> UInt8? {
    try refill() ? buffer[next] : nil
  }

  /// Up to `count` bytes, fewer at the end of the source.
  mutating func take(_ count: Int) throws(AudioError) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count, try refill() {
      let part = min(count - bytes.count, end - next)
      bytes.append(contentsOf: buffer[next..<next + part])
      next += part
    }
    position += bytes.count
    return bytes
  }

  /// Passes over up to `count` bytes.
  ///
  /// - Returns: How many there were.
  /// - Throws: `AudioError` when the source cannot be read.
  mutating func skip(_ count: Int) throws(AudioError) -> Int {
    var done = 0
    while done < count, try refill() {
      let part = min(count - done, end - next)
      next += part
      done += part
    }
    position += done
    return done
  }
}
