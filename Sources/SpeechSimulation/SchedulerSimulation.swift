// SPDX-License-Identifier: MIT

package import SpeechScheduler

/// What is asked of a device: requests that arrive at random (a Poisson process), each with a prompt and
/// a speech of its own length, heard without a buffer.
package struct SpeechLoad: Sendable, Equatable {
  package var requestsPerSecond: Double
  /// Audio of a request on average. Lengths are spread as sentences are: 0.4 to 2.5 times the mean.
  package var meanAudio = Duration.milliseconds(3500)
  /// Rows of a prompt, evenly spread.
  package var promptRows = 30...60
  /// The share of requests whose caller leaves midway, 0…1.
  package var cancelShare = 0.0
  package var chunks = ChunkSizes()
  /// Requests that arrive in this time do not count.
  package var warmUp = Duration.seconds(10)
  /// How long requests arrive that do.
  package var measured = Duration.seconds(60)
  package var seed: UInt64 = 0

  package init(requestsPerSecond: Double) { self.requestsPerSecond = requestsPerSecond }
}

/// What listeners of a load heard, and how busy the device was.
package struct LoadResult: Sendable, Equatable {
  package var load: SpeechLoad
  package var requests = 0
  package var refused = 0
  /// From submission to the first chunk, of those that were admitted; ascending.
  package var firstAudio: [Duration] = []
  /// Time in the queue, ascending.
  package var queued: [Duration] = []
  /// Speeches with a gap in their playback, and the longest gap.
  package var withGaps = 0
  package var longestGap = Duration.zero
  /// Time in which the device was busy ÷ time.
  package var utilisation = 0.0
  /// Voices on average, and rows of a step.
  package var meanVoices = 0.0
  package var meanRows = 0.0
  /// Seconds of audio made in a second.
  package var audioRate = 0.0

  /// The nearest rank of ascending durations; zero when there are none.
  package static func percentile(_ percent: Int, of sorted: [Duration]) -> Duration {
    guard !sorted.isEmpty else { return .zero }
    let rank = (percent * sorted.count + 99) / 100
    return sorted[min(max(rank, 1), sorted.count) - 1]
  }
}

/// A scheduler before a simulated device with given costs, under a load: what one device carries.
///
/// The scheduler is the one that serves, so that its policies are measured and not a model of them.
package struct SchedulerSimulation: Sendable {
  package var configuration: SchedulerConfiguration
  /// What work takes on the device, and what the scheduler believes at first.
  package var costs: StepCosts
  /// From the end of a piece of work to the scheduler hearing of it.
  package var hostLatency = Duration.microseconds(50)
  /// Time to copy a page to the host or back: by default 7.3 MB at 25 GB/s.
  package var pageCopy = Duration.microseconds(290)
  /// How much longer or shorter work may take than its cost, as a share of it.
  package var jitter = 0.05
  /// Whether the codec runs beside the model.
  package var hasCodecQueue = false

  package init(_ configuration: SchedulerConfiguration, costs: StepCosts) {
    self.configuration = configuration
    self.costs = costs
  }

  /// What a piece of work takes: its task, and the copies of pages before it.
  func cost(_ work: Work) -> Duration {
    let copies = work.pages.count { if case .assign = $0 { false } else { true } }
    return costs.estimate(work.task) + pageCopy * copies
  }

  package func run(_ load: SpeechLoad) -> LoadResult {
    var run = SimulationRun(self, load)
    run.toEnd()
    return run.result
  }

  /// A table of loads: requests per second against first audio and gaps.
  package func table(_ rates: [Double], load: SpeechLoad) -> String {
    let head = ["req/s", "p50 ms", "p95 ms", "p99 ms", "gaps", "longest ms", "refused", "voices"]
    let rows = rates.map { rate in
      var load = load
      load.requestsPerSecond = rate
      return run(load).cells
    }
    return ([head + ["rows", "busy", "audio s/s"]] + rows).map { cells in
      cells.map { String(repeating: " ", count: max(0, 11 - $0.count)) + $0 }.joined()
    }.joined(separator: "\n")
  }
}

extension LoadResult {
  /// A line of the table.
  var cells: [String] {
    func milliseconds(_ duration: Duration) -> String { tenths(duration / .milliseconds(1)) }
    func percentile(_ percent: Int) -> String {
      milliseconds(Self.percentile(percent, of: firstAudio))
    }
    return [
      tenths(load.requestsPerSecond), percentile(50), percentile(95), percentile(99),
      "\(withGaps)", milliseconds(longestGap), "\(refused)", tenths(meanVoices), tenths(meanRows),
      "\(Int((utilisation * 100).rounded()))%", tenths(audioRate),
    ]
  }

  private func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
