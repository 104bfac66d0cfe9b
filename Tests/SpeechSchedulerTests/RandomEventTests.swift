// SPDX-License-Identifier: MIT

import SpeechScheduler
import SpeechSimulation
import Testing

/// Random events against random configurations, each plan checked by a device that knows nothing of the
/// policies (`PlanChecker`). A seed is a whole run: it is printed with what went wrong.
@Suite struct RandomEventTests {
  /// A million in all.
  static let events = 62_500

  @Test(arguments: 0..<16)
  func `survives random events without a slot, page or frame out of place`(seed: Int) {
    var world = RandomWorld(seed: UInt64(seed))
    world.run(events: Self.events)
    world.finish()
    #expect(world.problems.isEmpty, "seed \(seed), \(world.eventCount) events")
    #expect(world.eventCount >= Self.events)
    // The run reached what it is for.
    #expect(world.endings[.stop, default: 0] > 0 && world.endings[.cancelled, default: 0] > 0)
  }
}
