// SPDX-License-Identifier: MIT

/// What became of one request.
package struct LoadResult: Sendable {
  /// Why it does not count as whole; `nil` when it does.
  package var failure: String?
  /// Seconds after its slot at which it was sent.
  package var lag = 0.0
  /// Seconds from sending to the first byte of the answer's body.
  package var firstByte: Double?
  /// Seconds from sending to the last byte.
  package var total = 0.0
  package var playback = PlaybackTrace()

  package init() {}
}

/// The figures of a load test.
package struct LoadReport: Sendable, Codable, Equatable {
  /// Percentiles by nearest rank.
  package struct Percentiles: Sendable, Codable, Equatable {
    package var p50 = 0.0
    package var p95 = 0.0
    package var p99 = 0.0
    package var max = 0.0

    package init(_ values: [Double]) {
      let sorted = values.sorted()
      guard let last = sorted.last else { return }
      func rank(_ share: Double) -> Double {
        sorted[Swift.max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
      }
      (p50, p95, p99, max) = (rank(0.5), rank(0.95), rank(0.99), last)
    }
  }

  /// Requests a second that were offered; 0 in a closed loop.
  package var offered = 0.0
  package var requests = 0
  package var succeeded = 0
  package var failures: [String: Int] = [:]
  /// Requests a second that ended whole.
  package var served = 0.0
  package var peakInFlight = 0
  /// Milliseconds.
  package var firstByte = Percentiles([])
  package var firstAudio = Percentiles([])
  package var audible = Percentiles([])
  package var total = Percentiles([])
  package var lag = Percentiles([])
  /// Wall time over audio time: below 1 is faster than real time.
  package var timePerAudio = Percentiles([])
  package var gapRequests = 0
  package var gapEvents = 0
  /// Milliseconds.
  package var longestGap = 0.0
  /// Shares of requests whose longest gap was at most 50, 100, 200 ms.
  package var continuity50 = 0.0
  package var continuity100 = 0.0
  package var continuity200 = 0.0
  /// Seconds of audio a second of the test.
  package var audioPerSecond = 0.0

  /// - Parameters:
  ///   - results: Of the requests that count.
  ///   - offered: Requests a second; 0 in a closed loop.
  ///   - wall: Seconds from the first request to the last answer.
  package init(_ results: [LoadResult], offered: Double, wall: Double, peakInFlight: Int) {
    let good = results.filter { $0.failure == nil }
    func milliseconds(_ values: [Double]) -> Percentiles { Percentiles(values.map { $0 * 1_000 }) }
    self.offered = offered
    self.peakInFlight = peakInFlight
    requests = results.count
    succeeded = good.count
    for failure in results.compactMap(\.failure) { failures[failure, default: 0] += 1 }
    served = wall > 0 ? Double(good.count) / wall : 0
    firstByte = milliseconds(good.compactMap(\.firstByte))
    firstAudio = milliseconds(good.compactMap(\.playback.firstAudio))
    audible = milliseconds(good.compactMap(\.playback.audible))
    total = milliseconds(good.map(\.total))
    lag = milliseconds(results.map(\.lag))
    timePerAudio = Percentiles(good.map { $0.total / Swift.max($0.playback.audioSeconds, 1e-9) })
    gapRequests = good.filter { !$0.playback.gaps.isEmpty }.count
    gapEvents = good.reduce(0) { $0 + $1.playback.gaps.count }
    longestGap = 1_000 * (good.map(\.playback.worstGap).max() ?? 0)
    func continuity(_ limit: Double) -> Double {
      good.isEmpty
        ? 0 : Double(good.filter { $0.playback.worstGap <= limit }.count) / Double(good.count)
    }
    (continuity50, continuity100, continuity200) = (
      continuity(0.05), continuity(0.1), continuity(0.2)
    )
    audioPerSecond = wall > 0 ? good.reduce(0) { $0 + $1.playback.audioSeconds } / wall : 0
  }

  /// Lines for people.
  package var text: String {
    func line(_ name: String, _ values: Percentiles) -> String {
      "\(name): p50 \(Self.shown(values.p50)), p95 \(Self.shown(values.p95)), "
        + "p99 \(Self.shown(values.p99)), max \(Self.shown(values.max))"
    }
    var lines = [
      "\(succeeded) of \(requests) requests whole"
        + (offered > 0 ? ", \(Self.shown(offered)) a second offered" : "")
        + ", \(Self.shown(served)) served, at most \(peakInFlight) at once",
      line("first byte, ms", firstByte), line("first audio, ms", firstAudio),
      line("audible, ms", audible), line("whole answer, ms", total),
      line("time per audio", timePerAudio), line("late start of a request, ms", lag),
      "gaps: \(gapEvents) in \(gapRequests) requests, the longest \(Self.shown(longestGap)) ms",
      "audio: \(Self.shown(audioPerSecond)) s a second",
    ]
    for (failure, count) in failures.sorted(by: { $0.key < $1.key }) {
      lines.append("failed \(count) times: \(failure)")
    }
    return lines.joined(separator: "\n")
  }

  /// Two decimals.
  private static func shown(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let (whole, rest) = hundredths.quotientAndRemainder(dividingBy: 100)
    return "\(whole).\(rest < 10 ? "0" : "")\(abs(rest))"
  }
}
