// SPDX-License-Identifier: MIT

/// Reads a JSON text that strangers send: in one pass, to a bounded depth.
///
/// - Source: RFC 8259. A lone half of a surrogate pair becomes U+FFFD; of members of one name the last
///   counts.
package struct JSONParser {
  /// What is wrong with a text, in words, and at which byte.
  package struct Problem: Error, Equatable, CustomStringConvertible {
    package let expected: String
    package let offset: Int

    package var description: String { "expected \(expected) at byte \(offset)" }
  }

  /// The most arrays and objects inside each other.
  package static let deepest = 64

  private let bytes: [UInt8]
  private var position = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The value that the bytes are.
  ///
  /// - Throws: `Problem` for bytes that are no JSON text, or a deeper one than `deepest`.
  package static func parse(_ bytes: [UInt8]) throws(Problem) -> JSONValue {
    var parser = JSONParser(bytes)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == bytes.count else { throw parser.problem("the end") }
    return value
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func problem(_ expected: String) -> Problem {
    Problem(expected: expected, offset: position)
  }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  private mutating func take(_ character: Character) throws(Problem) {
    guard next == character.asciiValue else { throw problem("\"\(character)\"") }
    position += 1
  }

  private mutating func value(depth: Int) throws(Problem) -> JSONValue {
    guard depth < Self.deepest else {
      throw problem("at most \(Self.deepest) arrays and objects inside each other")
    }
    skipSpace()
    switch next.map({ Character(UnicodeScalar($0)) }) {
    case "{": return .object(try object(depth: depth))
    case "[": return .array(try array(depth: depth))
    case "\"": return .string(try string())
    case "t": return try word("true", .bool(true))
    case "f": return try word("false", .bool(false))
    case "n": return try word("null", .null)
    case "-", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9": return try number()
    default: throw problem("a value")
    }
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(Problem) -> JSONValue {
    guard bytes[position...].starts(with: word.utf8) else { throw problem(word) }
    position += word.utf8.count
    return value
  }

  private mutating func object(depth: Int) throws(Problem) -> [String: JSONValue] {
    try take("{")
    var members: [String: JSONValue] = [:]
    skipSpace()
    if next == UInt8(ascii: "}") {
      position += 1
      return members
    }
    while true {
      skipSpace()
      let name = try string()
      skipSpace()
      try take(":")
      members[name] = try value(depth: depth + 1)
      skipSpace()
      guard next == UInt8(ascii: ",") else { break }
      position += 1
    }
    try take("}")
    return members
  }

  private mutating func array(depth: Int) throws(Problem) -> [JSONValue] {
    try take("[")
    var elements: [JSONValue] = []
    skipSpace()
    if next == UInt8(ascii: "]") {
      position += 1
      return elements
    }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      guard next == UInt8(ascii: ",") else { break }
      position += 1
    }
    try take("]")
    return elements
  }

  private mutating func number() throws(Problem) -> JSONValue {
    let start = position
    var isWhole = true
    if next == UInt8(ascii: "-") { position += 1 }
    let digits = try takeDigits()
    if digits > 1, bytes[position - digits] == UInt8(ascii: "0") {
      throw problem("a number without a leading 0")
    }
    if next == UInt8(ascii: ".") {
      isWhole = false
      position += 1
      try takeDigits()
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      isWhole = false
      position += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      try takeDigits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let value = Int64(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw problem("a finite number") }
    return .number(value)
  }

  @discardableResult
  private mutating func takeDigits() throws(Problem) -> Int {
    let start = position
    while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
    guard position > start else { throw problem("a digit") }
    return position - start
  }

  private mutating func string() throws(Problem) -> String {
    try take("\"")
    var text = ""
    while true {
      let start = position
      while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
        position += 1
      }
      text += try decoded(start..<position)
      switch next {
      case UInt8(ascii: "\""):
        position += 1
        return text
      case UInt8(ascii: "\\"): text.unicodeScalars.append(try escape())
      default: throw problem("the end of a string")
      }
    }
  }

  private func decoded(_ range: Range<Int>) throws(Problem) -> String {
    guard let text = String(validating: bytes[range], as: UTF8.self) else {
      throw Problem(expected: "UTF-8", offset: range.lowerBound)
    }
    return text
  }

  private mutating func escape() throws(Problem) -> UnicodeScalar {
    position += 1
    let byte = next
    position += 1
    switch byte.map({ Character(UnicodeScalar($0)) }) {
    case "\"": return "\""
    case "\\": return "\\"
    case "/": return "/"
    case "b": return "\u{8}"
    case "f": return "\u{C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "u": return try unicodeEscape()
    default:
      position = min(position, bytes.count)
      throw problem("an escape that JSON has")
    }
  }

  /// The scalar of `\uXXXX`, or of a pair of them, after the first `u`.
  private mutating func unicodeEscape() throws(Problem) -> UnicodeScalar {
    let first = try hexadecimal()
    if let scalar = UnicodeScalar(first) { return scalar }
    let rest = bytes[position...]
    guard first < 0xDC00, rest.starts(with: Array("\\u".utf8)) else { return "\u{FFFD}" }
    let before = position
    position += 2
    let second = try hexadecimal()
    guard (0xDC00...0xDFFF).contains(second) else {
      // Not its other half: read again as what it is.
      position = before
      return "\u{FFFD}"
    }
    return UnicodeScalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
  }

  private mutating func hexadecimal() throws(Problem) -> UInt32 {
    guard position + 4 <= bytes.count else { throw problem("four hexadecimal digits") }
    var value: UInt32 = 0
    for byte in bytes[position..<position + 4] {
      guard let digit = Character(UnicodeScalar(byte)).hexDigitValue, byte < 0x80 else {
        throw problem("four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
    }
    position += 4
    return value
  }
}
