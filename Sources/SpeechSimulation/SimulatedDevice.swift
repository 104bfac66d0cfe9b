// SPDX-License-Identifier: MIT

package import SpeechScheduler

/// A device that computes nothing and takes its time: work runs in the order it was queued, one piece
/// after the other, or the codec's beside the model's.
package struct SimulatedDevice: Sendable {
  /// Work that runs or waits, and when it will be done.
  package private(set) var queued: [(work: Work, done: Instant)] = []
  /// Whether codec batches run in a queue of their own, at the same time as prefills and steps.
  package var hasCodecQueue = false
  /// Time the device was busy.
  package private(set) var busy = Duration.zero

  private var modelFree = Instant.zero
  private var codecFree = Instant.zero

  package init() {}

  /// Queues work that takes `cost`.
  package mutating func launch(_ work: Work, cost: Duration, at now: Instant) {
    busy += cost
    if hasCodecQueue, case .codec = work.task {
      codecFree = max(codecFree, now) + cost
      queued.append((work, codecFree))
    } else {
      modelFree = max(modelFree, now) + cost
      queued.append((work, modelFree))
    }
  }

  /// When the next piece is done.
  package var nextDone: Instant? { queued.lazy.map(\.done).min() }

  /// Takes the next piece that is done.
  package mutating func takeDone() -> (work: Work, done: Instant)? {
    guard let first = queued.indices.min(by: { queued[$0].done < queued[$1].done }) else {
      return nil
    }
    return queued.remove(at: first)
  }

  package mutating func removeAll() { queued = [] }
}
