// SPDX-License-Identifier: MIT

/// How much a benchmark runs: sizes that fit the machine and the time there is.
package struct BenchmarkPlan: Equatable, Sendable {
  /// Frames of each run.
  package var frames: Int
  /// Runs that count, after one that warms up.
  package var repeats: Int
  /// Frame steps that are timed on the device, and as many of each part.
  var splitCount = 101
  /// Whether prompts of several lengths and codec chunks of several sizes are timed.
  var timesParts = true
  /// Seconds of the speeches without a break.
  package var longSeconds: [Int]

  /// Frames of first chunks that are measured.
  static let firstChunks = [1, 2, 4, 8]

  /// What prompts and chunks cost, in frames: a dozen rows of a prompt about as much as one.
  var partsCost: Int {
    timesParts ? (repeats + 1) * (BenchmarkRuns.codecChunks.reduce(0, +) + 360 / 12) : 0
  }

  /// What all of it costs, in frames.
  package var cost: Int {
    let speeches = (repeats + 1) * (frames + Self.firstChunks.reduce(0, +))
    // The parts of a frame cost about as much as the frame.
    return speeches + partsCost + 2 * splitCount + longSeconds.reduce(0) { $0 + $1 * 25 / 2 }
  }

  /// A smaller plan that costs no more than `budget` frames, if there is one worth running: the longest
  /// speeches go first, then frames and repeats.
  func fitted(to budget: Int) -> BenchmarkPlan {
    var plan = self
    let steps: [(inout BenchmarkPlan) -> Void] = [
      { $0.longSeconds.removeAll { $0 > 10 } },
      { $0.timesParts = false },
      { $0.splitCount = min($0.splitCount, 31) },
      { $0.longSeconds = [] },
      { $0.frames = min($0.frames, 60) },
      { $0.repeats = min($0.repeats, 3) },
      { $0.frames = min($0.frames, 25) },
      { $0.splitCount = min($0.splitCount, 11) },
      { $0.repeats = min($0.repeats, 1) },
    ]
    for step in steps where plan.cost > budget { step(&plan) }
    return plan
  }
}
