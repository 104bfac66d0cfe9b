// SPDX-License-Identifier: MIT

/// The parts of a `multipart/form-data` body.
///
/// - Source: RFC 7578, and RFC 2046 section 5.1 for boundaries.
package struct MultipartForm: Sendable {
  /// One part.
  package struct Part: Sendable, Equatable {
    package var name: String
    package var fileName: String?
    package var contentType: String?
    package var bytes: [UInt8]

    /// The bytes as text.
    package var text: String { String(decoding: bytes, as: UTF8.self) }
  }

  package let parts: [Part]

  /// The most parts of a form.
  private static let mostParts = 64
  /// The most bytes of a part's headers.
  private static let longestHeaders = 8_192

  /// The first part of a name.
  package subscript(name: String) -> Part? { parts.first { $0.name == name } }

  /// The text of a part.
  package func text(_ name: String) -> String? { self[name]?.text }

  /// Reads a body.
  ///
  /// - Parameters:
  ///   - body: All of it.
  ///   - contentType: The request's `Content-Type`, with the boundary.
  /// - Throws: `APIError` 400 or 415 that says what is wrong with the form.
  package init(_ body: [UInt8], contentType: String) throws(APIError) {
    guard contentType.lowercased().hasPrefix("multipart/form-data"),
      let boundary = Self.parameter("boundary", of: contentType), (1...70).contains(boundary.count)
    else {
      throw APIError(
        status: 415, type: "invalid_request_error",
        message: "Content-Type: expected multipart/form-data with a boundary.")
    }
    let delimiter = Array("--\(boundary)".utf8)
    var parts: [Part] = []
    // The first delimiter may stand at the very beginning; the others follow a line end.
    guard var position = Self.find(delimiter, in: body, from: 0) else {
      throw Self.malformed("the boundary does not occur")
    }
    position += delimiter.count
    while !body[position...].starts(with: Array("--".utf8)) {
      guard let lineEnd = Self.find([13, 10], in: body, from: position) else {
        throw Self.malformed("it ends within a boundary")
      }
      let start = lineEnd + 2
      guard let end = Self.find([13, 10] + delimiter, in: body, from: start - 2) else {
        throw Self.malformed("its last part has no end")
      }
      guard parts.count < Self.mostParts else {
        throw Self.malformed("it has more than \(Self.mostParts) parts")
      }
      parts.append(try Self.part(body[start..<max(start, end)]))
      position = end + 2 + delimiter.count
    }
    self.parts = parts
  }

  private static func part(_ bytes: ArraySlice<UInt8>) throws(APIError) -> Part {
    let blank: [UInt8] = [13, 10, 13, 10]
    let hasNoHeaders = bytes.starts(with: [13, 10])
    let headEnd =
      hasNoHeaders
      ? bytes.startIndex
      : find(blank, in: Array(bytes), from: 0).map { bytes.startIndex + $0 }
    guard let headEnd, headEnd - bytes.startIndex <= longestHeaders else {
      throw malformed("a part has no headers")
    }
    var name: String?
    var fileName: String?
    var contentType: String?
    let head = String(decoding: bytes[bytes.startIndex..<headEnd], as: UTF8.self)
    for line in head.split(separator: "\r\n") {
      let pair = line.split(separator: ":", maxSplits: 1)
      guard pair.count == 2 else { continue }
      let value = pair[1].drop { $0 == " " }
      switch pair[0].lowercased() {
      case "content-disposition":
        name = parameter("name", of: String(value))
        fileName = parameter("filename", of: String(value))
      case "content-type": contentType = String(value)
      default: break
      }
    }
    guard let name else { throw malformed("a part has no name") }
    let start = headEnd + (hasNoHeaders ? 2 : 4)
    return Part(
      name: name, fileName: fileName, contentType: contentType,
      bytes: Array(bytes[min(start, bytes.endIndex)...]))
  }

  private static func malformed(_ what: String) -> APIError {
    .invalid(nil, "The body is not a form that can be read: \(what).", code: nil)
  }

  /// The value of a parameter of a header: a token or a quoted string.
  static func parameter(_ name: String, of header: String) -> String? {
    var rest = header[...]
    while let semicolon = rest.firstIndex(of: ";") {
      rest = rest[rest.index(after: semicolon)...].drop { $0 == " " || $0 == "\t" }
      guard let equals = rest.firstIndex(of: "=") else { return nil }
      let key = rest[..<equals].lowercased()
      rest = rest[rest.index(after: equals)...]
      var value = ""
      if rest.first == "\"" {
        rest = rest.dropFirst()
        while let character = rest.first, character != "\"" {
          rest = rest.dropFirst()
          if character == "\\", let escaped = rest.first, "\"\\".contains(escaped) {
            value.append(escaped)
            rest = rest.dropFirst()
          } else {
            value.append(character)
          }
        }
      } else {
        value = String(rest.prefix { $0 != ";" && $0 != " " })
      }
      if key == name { return value }
    }
    return nil
  }

  /// Where a pattern begins at or after `start`.
  private static func find(_ pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
    guard let first = pattern.first, bytes.count >= pattern.count else { return nil }
    var position = start
    while position <= bytes.count - pattern.count {
      if bytes[position] == first,
        bytes[position..<position + pattern.count].elementsEqual(pattern)
      {
        return position
      }
      position += 1
    }
    return nil
  }
}
