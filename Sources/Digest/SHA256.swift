// SPDX-License-Identifier: MIT

/// SHA-256 (FIPS 180-4), fed in pieces.
package struct SHA256 {
  private var state: InlineArray<8, UInt32> = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
    0x5be0_cd19,
  ]
  /// The beginning of a block that is not whole.
  private var pending: [UInt8] = []
  private var byteCount: UInt64 = 0

  package init() {}

  /// Takes more bytes.
  package mutating func update(_ bytes: some Sequence<UInt8>) {
    update(Array(bytes).span)
  }

  /// Takes more bytes. Whole blocks are read where they lie.
  package mutating func update(_ bytes: Span<UInt8>) {
    byteCount += UInt64(bytes.count)
    var next = 0
    if !pending.isEmpty {
      while pending.count < 64, next < bytes.count {
        pending.append(bytes[next])
        next += 1
      }
      guard pending.count == 64 else { return }
      let block = pending
      absorb(block.span, at: 0)
      pending.removeAll(keepingCapacity: true)
    }
    while bytes.count - next >= 64 {
      absorb(bytes, at: next)
      next += 64
    }
    while next < bytes.count {
      pending.append(bytes[next])
      next += 1
    }
  }

  /// The 32 bytes of the digest of everything taken.
  package consuming func finalize() -> [UInt8] {
    let bits = byteCount * 8
    let padding = (pending.count < 56 ? 56 : 120) - pending.count
    update([0x80] + [UInt8](repeating: 0, count: padding - 1))
    update((0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * $0)) })
    return (0..<8).flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: state[word] >> (24 - 8 * $0)) }
    }
  }

  /// The digest as 64 lower-case hexadecimal digits.
  package consuming func finalizeToHex() -> String {
    let digits = Array("0123456789abcdef")
    return String(finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  /// Mixes in the block of 64 bytes at `offset`.
  private mutating func absorb(_ bytes: Span<UInt8>, at offset: Int) {
    func turned(_ x: UInt32, _ n: UInt32) -> UInt32 { x &>> n | x &<< (32 &- n) }
    // The last sixteen words of the schedule, each replaced by the one sixteen later.
    var w = InlineArray<16, UInt32>(repeating: 0)
    for i in 0..<16 {
      let at = offset &+ 4 &* i
      w[i] =
        UInt32(bytes[at]) &<< 24 | UInt32(bytes[at &+ 1]) &<< 16 | UInt32(bytes[at &+ 2]) &<< 8
        | UInt32(bytes[at &+ 3])
    }
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    for i in 0..<64 {
      if i >= 16 {
        let (x, y) = (w[(i &+ 1) & 15], w[(i &+ 14) & 15])
        let s0 = turned(x, 7) ^ turned(x, 18) ^ x &>> 3
        let s1 = turned(y, 17) ^ turned(y, 19) ^ y &>> 10
        w[i & 15] = w[i & 15] &+ s0 &+ w[(i &+ 9) & 15] &+ s1
      }
      let s1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)
      let t1 = h &+ s1 &+ ((e & f) ^ (~e & g)) &+ Self.constants[i] &+ w[i & 15]
      let s0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)
      let t2 = s0 &+ ((a & b) ^ (a & c) ^ (b & c))
      (h, g, f, e, d, c, b, a) = (g, f, e, d &+ t1, c, b, a, t1 &+ t2)
    }
    state[0] &+= a
    state[1] &+= b
    state[2] &+= c
    state[3] &+= d
    state[4] &+= e
    state[5] &+= f
    state[6] &+= g
    state[7] &+= h
  }

  private static let constants: InlineArray<64, UInt32> = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
  ]
}
