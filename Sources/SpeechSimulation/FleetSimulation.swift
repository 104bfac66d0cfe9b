// SPDX-License-Identifier: MIT

import SpeechScheduler

/// Equal devices, each with a scheduler of its own, and a balancer that gives each request to the one with
/// the fewest open requests, as HAProxy's `leastconn` and its like do.
package struct FleetSimulation: Sendable {
  package var device: SchedulerSimulation
  package var deviceCount: Int

  /// - Parameter deviceCount: 1 or more.
  package init(_ device: SchedulerSimulation, deviceCount: Int) {
    self.device = device
    self.deviceCount = deviceCount
  }

  /// Runs a load, whose rate is that of all devices together.
  package func run(_ load: SpeechLoad) -> LoadResult {
    var random = SplitMix(seed: load.seed)
    var devices = (0..<deviceCount).map { _ in
      var own = load
      own.seed = random.next()
      return SimulationRun(device, own, isDriven: true)
    }
    var now = Instant.zero
    let end = Instant.zero + load.warmUp + load.measured
    while true {
      now = now + .nanoseconds(Int64(random.exponential() / load.requestsPerSecond * 1e9))
      guard now < end else { break }
      for index in devices.indices { devices[index].run(until: now) }
      // Balancers take turns among equals; where they begin is chance here.
      let first = Int(random.next() % UInt64(deviceCount))
      let order = (0..<deviceCount).lazy.map { (first + $0) % deviceCount }
      let least = order.min { devices[$0].openCount < devices[$1].openCount } ?? first
      devices[least].submit(at: now)
    }
    var result = LoadResult(load: load)
    for index in devices.indices {
      devices[index].toEnd()
      result.add(devices[index].result)
    }
    result.firstAudio.sort()
    result.queued.sort()
    result.utilisation /= Double(deviceCount)
    result.meanVoices /= Double(deviceCount)
    result.meanRows /= Double(deviceCount)
    return result
  }

  /// The fewest devices on which a load meets a goal; `nil` when a single request does not.
  ///
  /// - Parameters:
  ///   - isMet: Says whether the listeners of a run were served well enough.
  ///   - largest: Where the search ends.
  package static func fewestDevices(
    of device: SchedulerSimulation, for load: SpeechLoad, largest: Int = 100_000,
    isMet: (LoadResult) -> Bool
  ) -> (count: Int, result: LoadResult)? {
    var tried: [Int: LoadResult] = [:]
    var residence: Duration?
    func meets(_ count: Int) -> Bool {
      let result =
        tried[count]
        ?? FleetSimulation(device, deviceCount: count).run(
          load.shortened(for: count, residence: residence))
      tried[count] = result
      // The longest: the fewer the devices, the longer they hold a speech.
      if result.refused == 0 {
        residence = max(residence ?? .zero, result.residence(deviceCount: count))
      }
      return isMet(result)
    }
    // Doubling finds a number that is enough, halving the interval the least.
    var (few, enough) = (0, 1)
    while !meets(enough) {
      // More devices than requests at once change nothing any more.
      guard enough < largest, Double(enough) < 64 + load.requestsPerSecond * 16 else { return nil }
      (few, enough) = (enough, enough * 2)
    }
    while enough - few > 1 {
      let middle = (few + enough) / 2
      if meets(middle) { enough = middle } else { few = middle }
    }
    return tried[enough].map { (enough, $0) }
  }
}

extension SpeechLoad {
  /// The same load for less time where many devices give as many listeners in a shorter one.
  ///
  /// - Parameter residence: How long a speech is on a device; `nil`: at most as long as it is heard.
  package func shortened(for deviceCount: Int, residence: Duration? = nil) -> SpeechLoad {
    guard deviceCount > 1 else { return self }
    var load = self
    let overlap = residence.map { $0 * 4 } ?? meanAudio * 2
    load.warmUp = min(warmUp, overlap)
    // Enough for a 99th percentile, and for speeches to end that began.
    let requests = Duration.seconds(4_000 / max(requestsPerSecond, 0.001))
    load.measured = min(measured, max(residence ?? meanAudio, requests, .milliseconds(500)))
    return load
  }
}

extension LoadResult {
  /// How long a speech was on a device, on average, by Little's law.
  package func residence(deviceCount: Int) -> Duration {
    .seconds(meanVoices * Double(deviceCount) / max(load.requestsPerSecond, 0.001))
  }

  /// Adds what the listeners of another device heard; the sums are left to be sorted and divided.
  fileprivate mutating func add(_ other: LoadResult) {
    requests += other.requests
    refused += other.refused
    firstAudio += other.firstAudio
    queued += other.queued
    withGaps += other.withGaps
    longestGap = max(longestGap, other.longestGap)
    utilisation += other.utilisation
    meanVoices += other.meanVoices
    meanRows += other.meanRows
    audioRate += other.audioRate
  }
}
