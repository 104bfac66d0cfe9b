// SPDX-License-Identifier: MIT

/// Changes well-formed inputs into damaged and hostile ones.
package struct Mutator {
  private var state: UInt64

  /// Starts a sequence of changes.
  package init(seed: UInt64) {
    state = seed
  }

  /// Numbers at which parsers go wrong.
  private static let edges: [UInt64] = [
    0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 18, 39, 40, 41, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFE,
    0xFFFF, 0x10000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFE, 0xFFFF_FFFF,
    0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF,
  ]

  /// The next number (SplitMix64).
  private mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }

  /// A number below `limit`, which is at least 1.
  package mutating func below(_ limit: Int) -> Int {
    Int(next() % UInt64(limit))
  }

  /// One of the seeds, changed one to eight times.
  package mutating func mutate(_ seeds: [[UInt8]]) -> [UInt8] {
    var bytes = seeds[below(seeds.count)]
    for _ in 0...below(8) {
      if bytes.isEmpty { bytes.append(UInt8(truncatingIfNeeded: next())) }
      change(&bytes, seeds)
    }
    return bytes
  }

  private mutating func change(_ bytes: inout [UInt8], _ seeds: [[UInt8]]) {
    // Headers are at the front: half of the changes go there.
    let reach = next() % 2 == 0 ? min(bytes.count, 64) : bytes.count
    let place = below(reach)
    switch below(9) {
    case 0: bytes[place] ^= 1 << UInt8(below(8))
    case 1: bytes[place] = UInt8(truncatingIfNeeded: next())
    case 2, 3: overwrite(&bytes, at: place)
    case 4: bytes.removeSubrange(place...)
    case 5: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(16)))
    case 6:
      let part = Array(bytes[place..<min(bytes.count, place + 1 + below(32))])
      bytes.insert(contentsOf: part, at: below(bytes.count + 1))
    case 7:
      let other = seeds[below(seeds.count)]
      if !other.isEmpty { bytes.replaceSubrange(place..., with: other[below(other.count)...]) }
    default:
      let value = UInt8(truncatingIfNeeded: next())
      bytes.insert(contentsOf: repeatElement(value, count: 1 + below(8)), at: place)
    }
  }

  /// Puts an edge number, or its like, over 2, 4 or 8 bytes in either order.
  private mutating func overwrite(_ bytes: inout [UInt8], at place: Int) {
    let value = Self.edges[below(Self.edges.count)]
    let width = 2 << below(3)
    let isBigEndian = below(4) == 0
    for index in 0..<width where place + index < bytes.count {
      let shift = UInt64(8 * (isBigEndian ? width - 1 - index : index))
      bytes[place + index] = UInt8(truncatingIfNeeded: value >> shift)
    }
  }
}
