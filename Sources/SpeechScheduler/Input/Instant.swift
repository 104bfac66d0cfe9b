// SPDX-License-Identifier: MIT

/// A point in time of whatever clock the caller reads: the scheduler has none of its own, so a test
/// or a simulation moves time as it likes.
package struct Instant: InstantProtocol, Hashable, Sendable {
  /// Nanoseconds since the clock's origin.
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// The clock's origin.
  package static let zero = Instant(nanoseconds: 0)

  /// Later than anything that happens; half of the range, so that adding to it cannot overflow.
  package static let distantFuture = Instant(nanoseconds: .max / 2)

  package static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  package func advanced(by duration: Duration) -> Instant {
    Instant(nanoseconds: nanoseconds + duration.wholeNanoseconds)
  }

  package func duration(to other: Instant) -> Duration {
    .nanoseconds(other.nanoseconds - nanoseconds)
  }

  package static func + (instant: Instant, duration: Duration) -> Instant {
    instant.advanced(by: duration)
  }

  package static func - (instant: Instant, duration: Duration) -> Instant {
    Instant(nanoseconds: instant.nanoseconds - duration.wholeNanoseconds)
  }
}

extension Duration {
  /// The duration in nanoseconds, rounded toward zero; limited to what an `Int64` holds.
  package var wholeNanoseconds: Int64 {
    // Durations below nine seconds take the short division: the planner does hundreds of these a plan.
    if let short = Int64(exactly: attoseconds) { return short / 1_000_000_000 }
    return Int64(clamping: attoseconds / 1_000_000_000)
  }
}
