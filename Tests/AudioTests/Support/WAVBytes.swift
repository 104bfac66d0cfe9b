// SPDX-License-Identifier: MIT

/// Makes WAV files of every kind, right and wrong, byte by byte.
struct WAVBytes {
  var kind = "RIFF"
  var tag = 1
  var channels = 1
  var rate = 24_000
  var bits = 16
  var blockAlign: Int?
  var extensible = false
  var claimedDataBytes: Int?
  var claimedFileBytes: Int?
  var before: [(id: String, bytes: [UInt8])] = []
  var after: [(id: String, bytes: [UInt8])] = []
  var data: [UInt8] = []

  var isBigEndian: Bool { kind == "RIFX" }

  func number(_ value: Int, _ count: Int) -> [UInt8] {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    return isBigEndian ? bytes.reversed() : bytes
  }

  func chunk(_ id: String, _ bytes: [UInt8], claimed: Int? = nil) -> [UInt8] {
    Array(id.utf8) + number(claimed ?? bytes.count, 4) + bytes + (bytes.count % 2 == 1 ? [0] : [])
  }

  var format: [UInt8] {
    let align = blockAlign ?? channels * ((bits + 7) / 8)
    let start =
      number(extensible ? 0xFFFE : tag, 2) + number(channels, 2) + number(rate, 4)
      + number(rate * align, 4) + number(align, 2) + number(bits, 2)
    guard extensible else { return start }
    return start + number(22, 2) + number(bits, 2) + number(0, 4) + number(tag, 4)
      + number(0, 2) + number(0x10, 2) + [0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]
  }

  var bytes: [UInt8] {
    var content = Array("WAVE".utf8)
    for (id, bytes) in before { content += chunk(id, bytes) }
    content += chunk("fmt ", format)
    content += chunk("data", data, claimed: claimedDataBytes)
    for (id, bytes) in after { content += chunk(id, bytes) }
    return Array(kind.utf8) + number(claimedFileBytes ?? content.count, 4) + content
  }
}
