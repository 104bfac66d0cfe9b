// SPDX-License-Identifier: MIT
#if Server

/// An event of the Wyoming protocol: a line of JSON, and bytes that may follow it.
///
///     {"type": "audio-chunk", "data_length": 42, "payload_length": 3840}\n
///     {"rate": 24000, "width": 2, "channels": 1}…
package struct WyomingEvent: Sendable, Equatable {
  package var type: String
  package var data: [String: JSONValue] = [:]
  package var payload: [UInt8] = []

  package init(_ type: String, _ data: [String: JSONValue] = [:], payload: [UInt8] = []) {
    self.type = type
    self.data = data
    self.payload = payload
  }

  /// The event as it is sent: its data in the second part, as Wyoming's own library has it.
  package var bytes: [UInt8] {
    let data = data.isEmpty ? [] : Array(JSONValue.object(data).text.utf8)
    var head: [String: JSONValue] = ["type": .string(type)]
    if !data.isEmpty { head["data_length"] = JSONValue(data.count) }
    if !payload.isEmpty { head["payload_length"] = JSONValue(payload.count) }
    return Array(JSONValue.object(head).text.utf8) + [UInt8(ascii: "\n")] + data + payload
  }
}

/// Reads events from bytes as they come.
package struct WyomingReader: Sendable {
  /// Why the bytes are no events; nothing after them can be read.
  package struct Malformed: Error, Equatable {
    package let message: String
  }

  private static let longestLine = 64 << 10
  private static let longestPart = 1 << 20

  private var buffer: [UInt8] = []
  /// How much of the buffer has been read, and searched for a line's end.
  private var read = 0
  private var searched = 0

  package init() {}

  package mutating func append(_ bytes: some Sequence<UInt8>) {
    if read > 0 {
      buffer.removeFirst(read)
      searched -= read
      read = 0
    }
    buffer += bytes
  }

  /// The next event; `nil` until it is whole.
  package mutating func next() throws(Malformed) -> WyomingEvent? {
    searched = max(searched, read)
    guard let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
      searched = buffer.count
      guard buffer.count - read <= Self.longestLine else {
        throw Malformed(message: "expected a line of at most \(Self.longestLine) bytes")
      }
      return nil
    }
    searched = end
    guard end - read <= Self.longestLine else {
      throw Malformed(message: "expected a line of at most \(Self.longestLine) bytes")
    }
    let head = try Self.object(buffer[read..<end])
    guard case .string(let type)? = head["type"] else {
      throw Malformed(message: "expected an event with a type")
    }
    let dataLength = try Self.length("data_length", head)
    let payloadLength = try Self.length("payload_length", head)
    let start = end + 1
    guard buffer.count >= start + dataLength + payloadLength else { return nil }
    var event = WyomingEvent(type)
    if case .object(let inner)? = head["data"] { event.data = inner }
    if dataLength > 0 {
      // Of members in both places the second counts.
      event.data.merge(try Self.object(buffer[start..<start + dataLength])) { $1 }
    }
    read = start + dataLength + payloadLength
    event.payload = Array(buffer[start + dataLength..<read])
    return event
  }

  private static func object(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> [String: JSONValue] {
    let value: JSONValue
    do throws(JSONParser.Problem) { value = try JSONParser.parse(Array(bytes)) } catch {
      throw Malformed(message: "expected a JSON object; \(error)")
    }
    guard case .object(let members) = value else {
      throw Malformed(message: "expected a JSON object, found \(value.kind)")
    }
    return members
  }

  private static func length(
    _ name: String, _ head: [String: JSONValue]
  ) throws(Malformed) -> Int {
    switch head[name] {
    case nil, .null: return 0
    case .integer(let count) where (0...Int64(longestPart)).contains(count): return Int(count)
    default: throw Malformed(message: "\(name): expected 0 to \(longestPart)")
    }
  }
}
#endif
