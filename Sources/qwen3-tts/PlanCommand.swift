// SPDX-License-Identifier: MIT

import ArgumentParser
import Foundation
import Qwen3TTS
import SpeechScheduler
import SpeechSimulation

/// `qwen3-tts plan`
struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says how many GPUs a load needs, by simulation.",
    discussion: """
      qwen3-tts bench --synthetic 1.7B --voices 1,2,4,8,16,24,32,48,64 --json > costs.json
      qwen3-tts plan --requests-per-second 200 --audio-seconds 3.5 --p95 80 --costs costs.json

      The scheduler that serves is run before devices that compute nothing and take the time that --costs says, \
      and each request goes to the device with the fewest open ones. Listeners play without a buffer. The costs \
      are what bench --voices --json measured, or milliseconds by size: {"device": "…", "models": \
      [{"prefill": {"40": 2.0}, "step": {"1": 1.5, "64": 5.0}}], "codec": {"1": 0.63, "32": 4.2}}; prefills by \
      rows, steps by voices, codec batches by frames. Without it, estimates of an H100 and the 0.6B model are \
      used, and said so.
      """)

  @Option(help: "Requests that arrive in a second, at random times.")
  var requestsPerSecond: Double

  @Option(help: "Seconds of speech of a request, on average.")
  var audioSeconds = 3.5

  @Option(help: "Milliseconds within which 95 of 100 listeners are to hear the first sound.")
  var p95: Double?

  @Option(help: "Instead of --p95: says what listeners of so many GPUs would hear.")
  var devices: Int?

  @Option(help: "The share of speeches that may have a gap, 0 to 1.")
  var gaps = 0.001

  @Option(help: "JSON file of a device's costs.")
  var costs: String?

  @Option(help: "Speeches at once on a device, as serve's --max-batch.")
  var maxBatch = 64

  @Option(help: "Requests that may wait for a device, as serve's --max-queue.")
  var maxQueue = 64

  @Option(help: "Decides the times of the requests and the lengths of the speeches.")
  var seed: UInt64 = 0

  @Flag(help: "Prints JSON.")
  var json = false

  func validate() throws {
    guard (p95 == nil) != (devices == nil) else {
      throw ValidationError("Say what is wanted: --p95 MS, or --devices N.")
    }
    guard (1...10_000).contains(devices ?? 1) else {
      throw ValidationError("--devices: expected 1 to 10000, found \(devices ?? 1).")
    }
    for (name, value, most) in [
      ("requests-per-second", requestsPerSecond, 1e5), ("audio-seconds", audioSeconds, 600),
      ("p95", p95 ?? 1, 1e6),
    ] where !(value > 0 && value <= most) {
      throw ValidationError("--\(name): expected above 0 to \(Int(most)), found \(value).")
    }
    guard (0...1).contains(gaps) else {
      throw ValidationError("--gaps: expected 0 to 1, found \(gaps).")
    }
    for (name, value) in [("batch", maxBatch), ("queue", maxQueue)]
    where !(1...1_024).contains(value) {
      throw ValidationError("--max-\(name): expected 1 to 1024, found \(value).")
    }
  }

  func run() throws {
    let table = try costs.map(Self.table) ?? .largeGPU
    var load = SpeechLoad(requestsPerSecond: requestsPerSecond)
    load.meanAudio = .milliseconds(Int64(audioSeconds * 1_000))
    load.seed = seed
    let device = table.device(voices: maxBatch, queue: maxQueue, meanAudio: load.meanAudio)
    let (count, result) =
      try devices.map { count in
        (count, FleetSimulation(device, deviceCount: count).run(load.shortened(for: count)))
      } ?? fewest(device, for: load, table)
    let residence = result.residence(deviceCount: count)
    let plan = CapacityPlan(
      device: table.device, isEstimate: costs == nil, requestsPerSecond: requestsPerSecond,
      audioSeconds: audioSeconds, p95: p95, devices: count,
      expected: CapacityPlan.Expectation(result, devices: count),
      fleets: (devices == nil ? [1, 10, 100, 1_000] : []).map { fleet in
        var load = load
        load.requestsPerSecond *= Double(fleet) / Double(count)
        let result = FleetSimulation(device, deviceCount: fleet).run(
          load.shortened(for: fleet, residence: residence))
        return CapacityPlan.Expectation(result, devices: fleet)
      })
    if json { return try printJSON(plan) }
    try printResult(plan.table)
  }

  /// The fewest devices whose listeners are served as was asked.
  private func fewest(
    _ device: SchedulerSimulation, for load: SpeechSimulation.SpeechLoad, _ table: CostTable
  ) throws -> (Int, LoadResult) {
    let p95 = p95 ?? .infinity
    let found = FleetSimulation.fewestDevices(of: device, for: load) { result in
      result.refused == 0 && result.requests > 0
        && Double(result.withGaps) <= gaps * Double(result.requests)
        && LoadResult.percentile(95, of: result.firstAudio) / .milliseconds(1) <= p95
    }
    guard let found else {
      throw SynthesisError(
        .invalidInput,
        "plan: expected costs with which a listener hears the first sound within \(p95) ms and no gaps, "
          + "found that no number of devices (\(table.device)) does that; allow more time")
    }
    return (found.count, found.result)
  }

  private static func table(_ path: String) throws -> CostTable {
    let data: Data
    do { data = try Data(contentsOf: URL(filePath: path)) } catch {
      throw SynthesisError(
        .invalidInput, "\(path): expected a file of costs: \(error.localizedDescription)",
        underlying: error)
    }
    do {
      let table = try JSONDecoder().decode(CostTable.self, from: data)
      let curves = table.models.flatMap { [$0.prefill, $0.step] } + [table.codec]
      guard !table.models.isEmpty, curves.allSatisfy({ !$0.isEmpty }),
        curves.allSatisfy({ $0.allSatisfy { $0.key > 0 && $0.value > 0 && $0.value < 1e6 } })
      else {
        throw SynthesisError(
          .invalidInput, "expected a model, and sizes and milliseconds above 0 in each list")
      }
      return table
    } catch {
      throw SynthesisError(
        .invalidInput, "\(path): expected costs as plan --help shows them, found: \(error)",
        underlying: error)
    }
  }
}

/// What `plan --json` prints.
struct CapacityPlan: Encodable {
  /// What the listeners of so many devices would hear. Times in milliseconds.
  struct Expectation: Encodable {
    var devices: Int
    var requestsPerSecond: Double
    var firstAudioP50: Double
    var firstAudioP95: Double
    var firstAudioP99: Double
    var queueP95: Double
    var withGaps: Double
    var longestGap: Double
    var refused: Double
    var busy: Double
    var voicesOnADevice: Double

    init(_ result: LoadResult, devices: Int) {
      func milliseconds(_ percent: Int, _ sorted: [Duration]) -> Double {
        LoadResult.percentile(percent, of: sorted) / .milliseconds(1)
      }
      let requests = Double(max(result.requests, 1))
      self.devices = devices
      requestsPerSecond = result.load.requestsPerSecond
      firstAudioP50 = milliseconds(50, result.firstAudio)
      firstAudioP95 = milliseconds(95, result.firstAudio)
      firstAudioP99 = milliseconds(99, result.firstAudio)
      queueP95 = milliseconds(95, result.queued)
      withGaps = Double(result.withGaps) / requests
      longestGap = result.longestGap / .milliseconds(1)
      refused = Double(result.refused) / requests
      busy = result.utilisation
      voicesOnADevice = result.meanVoices
    }
  }

  var device: String
  var isEstimate: Bool
  var requestsPerSecond: Double
  var audioSeconds: Double
  /// What was asked for, in milliseconds; `nil` where the number of devices was given.
  var p95: Double?
  var devices: Int
  var expected: Expectation
  /// The same load on each of 1 to 1,000 devices; none where their number was given.
  var fleets: [Expectation]

  /// For people.
  var table: String {
    var lines = [
      "\(devices) × \(device) for \(requestsPerSecond) requests/s of \(audioSeconds) s"
        + (p95.map { ", first audio within \($0) ms for 95 %." } ?? "."),
      "Expected: first audio \(tenths(expected.firstAudioP50)) ms at the median, "
        + "\(tenths(expected.firstAudioP95)) at the 95th percentile, "
        + "\(percent(expected.withGaps)) with a gap, \(percent(expected.refused)) refused, "
        + "\(percent(expected.busy)) busy, \(tenths(expected.voicesOnADevice)) voices on a device.",
    ]
    if !fleets.isEmpty {
      lines += [
        "", "With as much on each device:",
        row([
          "devices", "req/s", "p50 ms", "p95 ms", "p99 ms", "queue p95", "gaps", "longest ms",
          "refused", "busy",
        ]),
      ]
    }
    lines += fleets.map { fleet in
      row([
        "\(fleet.devices)", tenths(fleet.requestsPerSecond), tenths(fleet.firstAudioP50),
        tenths(fleet.firstAudioP95), tenths(fleet.firstAudioP99), tenths(fleet.queueP95),
        percent(fleet.withGaps), tenths(fleet.longestGap), percent(fleet.refused),
        percent(fleet.busy),
      ])
    }
    if isEstimate {
      lines += ["", "These are estimates of that device; measure yours and give --costs."]
    }
    return lines.joined(separator: "\n")
  }

  private func row(_ cells: [String]) -> String {
    cells.map { String(repeating: " ", count: max(1, 11 - $0.count)) + $0 }.joined()
  }

  private func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

  private func percent(_ share: Double) -> String { tenths(share * 100) + " %" }
}
