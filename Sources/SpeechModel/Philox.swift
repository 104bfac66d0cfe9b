// SPDX-License-Identifier: MIT

/// Philox4x32-10, a counter-based random generator: the same key and counter give the same four
/// words on every machine and in any order.
///
/// - Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
package enum Philox {
  /// Four random words.
  package static func words(
    key: (UInt32, UInt32), counter: (UInt32, UInt32, UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var (x0, x1, x2, x3) = counter
    var (k0, k1) = key
    for _ in 0..<10 {
      let left = UInt64(x0) * 0xD251_1F53
      let right = UInt64(x2) * 0xCD9E_8D57
      (x0, x1, x2, x3) = (
        UInt32(right >> 32) ^ x1 ^ k0, UInt32(truncatingIfNeeded: right),
        UInt32(left >> 32) ^ x3 ^ k1, UInt32(truncatingIfNeeded: left)
      )
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (x0, x1, x2, x3)
  }

  /// A number in (0, 1) from a word: the middle of one of 2²³ equal steps, so that the largest stays
  /// below 1 in single precision.
  package static func uniform(_ word: UInt32) -> Float {
    (Float(word >> 9) + 0.5) * 0x1p-23
  }
}
