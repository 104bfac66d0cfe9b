// SPDX-License-Identifier: MIT

import Benchmarking
import Foundation

/// Says on standard error what a benchmark is doing.
final class BenchProgress {
  private let start = ContinuousClock.now
  private var cost = 0
  private var done = 0
  private var secondsPerFrame = 0.0

  /// Says what a benchmark reports.
  func show(_ event: BenchmarkEvent) {
    switch event {
    case .notice(let text): printMessage("Note: \(text)")
    case .planned(let plan, let secondsPerFrame): begin(plan, secondsPerFrame: secondsPerFrame)
    case .stage(let stage, let frames): show(stage, after: frames)
    case .ended: end()
    }
  }

  /// Says how long a plan will take.
  private func begin(_ plan: BenchmarkPlan, secondsPerFrame: Double) {
    (cost, self.secondsPerFrame) = (plan.cost, secondsPerFrame)
    let seconds = Double(plan.cost) * secondsPerFrame
    printMessage(
      "About \(Self.words(seconds)): \(plan.frames) frames \(plan.repeats + 1) times, at "
        + String(format: "%.0f ms a frame", secondsPerFrame * 1000)
        + (plan.longSeconds.isEmpty
          ? ""
          : ", and \(plan.longSeconds.map { "\($0) s" }.joined(separator: " and ")) without a break")
    )
  }

  /// Says what begins, and that `frames` were made since the last time.
  private func show(_ stage: String, after frames: Int = 0) {
    done += frames
    let share = cost == 0 ? 0 : min(100, 100 * done / cost)
    let left = Double(max(0, cost - done)) * secondsPerFrame
    let line = cost == 0 ? stage : "\(share) %, \(Self.words(left)) left: \(stage)"
    if isTerminal { drawOnTerminal("\r\(line)\u{1B}[K") } else { printMessage(line) }
  }

  private func end() {
    if isTerminal { drawOnTerminal("\r\u{1B}[K") }
  }

  /// `40 s`, `13 min`
  static func words(_ seconds: Double) -> String {
    seconds < 90 ? "\(Int(seconds.rounded(.up))) s" : "\(Int((seconds / 60).rounded())) min"
  }
}
