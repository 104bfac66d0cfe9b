// SPDX-License-Identifier: MIT

import Digest

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// When requests start and what each says: decided before the test by hashes of its seed, so that two
/// servers get the same load.
///
/// - Source: the methodology of nari-labs/benchmarks (tts-bench), whose hashes these are.
package struct LoadSchedule: Sendable, Equatable {
  /// How requests arrive in an open loop.
  package enum Arrival: String, Sendable, CaseIterable {
    /// Exponential times between requests.
    case poisson
    /// Equal times between requests.
    case constant
  }

  /// The two phases of a test, which have orders of their own.
  package enum Phase: String, Sendable {
    case warmup
    case measurement
  }

  /// Starts of requests in nanoseconds from the beginning of a phase, ascending, all before
  /// `duration`.
  package static func slots(
    _ arrival: Arrival, requestsPerSecond: Double, duration: Duration, seed: Int, phase: Phase
  ) -> [Int64] {
    let end =
      duration.components.seconds * 1_000_000_000
      + duration.components.attoseconds / 1_000_000_000
    var slots: [Int64] = []
    var time = 0.0
    while true {
      let index = slots.count
      var slot: Int64
      switch arrival {
      case .constant: slot = Int64((Double(index) * 1e9 / requestsPerSecond).rounded(.down))
      case .poisson:
        let digest = SHA256.hash("tts-bench/poisson/v1\0\(seed)\0\(phase.rawValue)\0\(index)")
        let number = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let uniform = (Double(number) + 0.5) / 18_446_744_073_709_551_616
        time -= log1p(-uniform) / requestsPerSecond
        slot = Int64((time * 1e9).rounded(.up))
      }
      if let last = slots.last { slot = max(slot, last + 1) }
      guard slot < end else { return slots }
      slots.append(slot)
    }
  }

  /// The prompts of a phase's first `count` requests: each epoch all of them, in an order of its own.
  package static func order(
    _ identifiers: [String], count: Int, seed: Int, phase: Phase
  ) -> [Int] {
    precondition(!identifiers.isEmpty, "a pool has prompts")
    var order: [Int] = []
    var epoch = 0
    while order.count < count {
      let prefix = "tts-bench/prompt-order/v1\0\(seed)\0\(phase.rawValue)\0\(epoch)\0"
      let keys = identifiers.map { SHA256.hash(prefix + $0) }
      order += identifiers.indices.sorted { a, b in
        keys[a] == keys[b]
          ? identifiers[a] < identifiers[b]
          : keys[a].lexicographicallyPrecedes(keys[b])
      }
      epoch += 1
    }
    return Array(order.prefix(count))
  }
}

extension SHA256 {
  /// The digest of a text's UTF-8.
  fileprivate static func hash(_ text: String) -> [UInt8] {
    var sha = SHA256()
    sha.update(Array(text.utf8))
    return sha.finalize()
  }
}
