// SPDX-License-Identifier: MIT

import Synchronization

/// Runs the requests of a load test.
package struct LoadRunner: Sendable {
  /// How the load is made.
  package enum Loop: Sendable {
    /// Requests start at their times whatever became of the others.
    case open(LoadSchedule.Arrival, requestsPerSecond: Double, duration: Duration)
    /// So many listeners, each with a next request when its last has ended.
    case closed(listeners: Int, requests: Int)
  }

  package let pool: SentencePool
  package let seed: Int
  private let speak: @Sendable (SentencePool.Sentence) async -> LoadResult

  /// - Parameter speak: Speaks one text and says what came when.
  package init(
    pool: SentencePool, seed: Int,
    speak: @escaping @Sendable (SentencePool.Sentence) async -> LoadResult
  ) {
    self.pool = pool
    self.seed = seed
    self.speak = speak
  }

  /// Runs a phase and waits for all of its requests.
  package func run(_ loop: Loop, phase: LoadSchedule.Phase = .measurement) async -> LoadReport {
    let clock = ContinuousClock()
    let flights = Flights()
    let start = clock.now
    var offered = 0.0
    let results: [LoadResult]
    switch loop {
    case .open(let arrival, let rate, let duration):
      offered = rate
      let slots = LoadSchedule.slots(
        arrival, requestsPerSecond: rate, duration: duration, seed: seed, phase: phase)
      let order = LoadSchedule.order(
        pool.sentences.map(\.id), count: slots.count, seed: seed, phase: phase)
      results = await withTaskGroup(of: LoadResult.self) { group in
        for (slot, prompt) in zip(slots, order) {
          let due = start + .nanoseconds(slot)
          try? await clock.sleep(until: due, tolerance: .zero)
          let lag = due.duration(to: clock.now)
          group.addTask {
            flights.begin()
            var result = await speak(pool.sentences[prompt])
            flights.end()
            result.lag = lag / .seconds(1)
            return result
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
    case .closed(let listeners, let requests):
      let order = LoadSchedule.order(
        pool.sentences.map(\.id), count: requests, seed: seed, phase: phase)
      let counter = Counter(limit: requests)
      results = await withTaskGroup(of: [LoadResult].self) { group in
        for _ in 0..<listeners {
          group.addTask {
            var results: [LoadResult] = []
            while let index = counter.next() {
              flights.begin()
              results.append(await speak(pool.sentences[order[index]]))
              flights.end()
            }
            return results
          }
        }
        return await group.reduce(into: []) { $0 += $1 }
      }
    }
    return LoadReport(
      results, offered: offered, wall: start.duration(to: clock.now) / .seconds(1),
      peakInFlight: flights.peak)
  }

  /// Counts requests that run.
  private final class Flights: Sendable {
    private let counts = Mutex((now: 0, peak: 0))
    var peak: Int { counts.withLock { $0.peak } }
    func begin() {
      counts.withLock { counts in
        counts.now += 1
        counts.peak = max(counts.peak, counts.now)
      }
    }
    func end() { counts.withLock { $0.now -= 1 } }
  }

  /// Numbers from 0 up, each once.
  private final class Counter: Sendable {
    private let value = Mutex(0)
    private let limit: Int
    init(limit: Int) { self.limit = limit }
    func next() -> Int? {
      value.withLock { value in
        guard value < limit else { return nil }
        defer { value += 1 }
        return value
      }
    }
  }
}
