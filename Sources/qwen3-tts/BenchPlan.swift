// SPDX-License-Identifier: MIT

import Foundation

/// How much a bench runs: sizes that fit the machine and the time there is.
struct BenchPlan: Equatable {
  /// Frames of each run.
  var frames: Int
  /// Runs that count, behind one that warms up.
  var repeats: Int
  /// Frame steps that are timed on the device, and as many of each part.
  var splitCount = 101
  /// Seconds of the speeches in one go.
  var longSeconds: [Int]

  /// Frames of first chunks that are measured.
  static let firstChunks = [1, 2, 4, 8]

  /// What all of it costs, in frames.
  var cost: Int {
    let speeches = (repeats + 1) * (frames + Self.firstChunks.reduce(0, +))
    // The parts of a frame cost about as much as the frame.
    return speeches + 2 * splitCount + longSeconds.reduce(0) { $0 + $1 * 25 / 2 }
  }

  /// A smaller plan that costs no more than `budget` frames, if there is one worth running: the longest
  /// speeches go first, then frames and repeats.
  func fitted(to budget: Int) -> BenchPlan {
    var plan = self
    let steps: [(inout BenchPlan) -> Void] = [
      { $0.longSeconds.removeAll { $0 > 10 } },
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

/// Says on standard error what a bench is at.
final class BenchProgress {
  private let start = ContinuousClock.now
  private var cost = 0
  private var done = 0
  private var secondsPerFrame = 0.0

  /// Says how long a plan will take.
  func begin(_ plan: BenchPlan, secondsPerFrame: Double) {
    (cost, self.secondsPerFrame) = (plan.cost, secondsPerFrame)
    let seconds = Double(plan.cost) * secondsPerFrame
    printMessage(
      "About \(Self.words(seconds)): \(plan.frames) frames \(plan.repeats + 1) times, at "
        + String(format: "%.0f ms a frame", secondsPerFrame * 1000)
        + (plan.longSeconds.isEmpty
          ? "" : ", and \(plan.longSeconds.map { "\($0) s" }.joined(separator: " and ")) in one go")
    )
  }

  /// Says what begins, and that `frames` were made since the last time.
  func show(_ stage: String, after frames: Int = 0) {
    done += frames
    let share = cost == 0 ? 0 : min(100, 100 * done / cost)
    let left = Double(max(0, cost - done)) * secondsPerFrame
    let line = cost == 0 ? stage : "\(share) %, \(Self.words(left)) left: \(stage)"
    if isTerminal { drawOnTerminal("\r\(line)\u{1B}[K") } else { printMessage(line) }
  }

  func end() {
    if isTerminal { drawOnTerminal("\r\u{1B}[K") }
  }

  /// `40 s`, `13 min`
  static func words(_ seconds: Double) -> String {
    seconds < 90 ? "\(Int(seconds.rounded(.up))) s" : "\(Int((seconds / 60).rounded())) min"
  }
}
