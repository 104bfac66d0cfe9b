// SPDX-License-Identifier: MIT

import Foundation
import SpeechScheduler
import SpeechSimulation
import Testing

@Suite struct SimulationTests {
  private func gpu() -> SchedulerSimulation {
    var configuration = SchedulerConfiguration(devicePages: 128 * 7)
    configuration.slotCount = 128
    configuration.stepBuckets = CostTable.largeGPU.stepSizes
    return SchedulerSimulation(configuration, costs: CostTable.largeGPU.costs)
  }

  private func cpu() -> SchedulerSimulation {
    var configuration = SchedulerConfiguration(devicePages: 16 * 7)
    configuration.slotCount = 16
    configuration.framesInFlight = 1
    configuration.workInFlight = 1
    configuration.stepBuckets = Array(1...16)
    configuration.codecBuckets = Array(1...32)
    return SchedulerSimulation(configuration, costs: CostTable.smallCPU.costs)
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func `below capacity nobody hears a gap, waits long or is refused`(seed: UInt64) {
    for (simulation, rate) in [(gpu(), 60.0), (cpu(), 1.5)] {
      var load = SpeechLoad(requestsPerSecond: rate)
      load.seed = seed
      load.measured = .seconds(rate > 10 ? 10 : 60)
      load.cancelShare = seed % 2 == 0 ? 0.2 : 0
      let result = simulation.run(load)
      #expect(result.withGaps == 0 && result.refused == 0, "seed \(seed), \(rate) req/s")
      #expect(result.requests > 50)
      #expect(
        LoadResult.percentile(99, of: result.firstAudio) < .milliseconds(rate > 10 ? 60 : 400))
    }
  }

  @Test
  func `above capacity requests are refused and those admitted are still heard without a gap`() {
    var load = SpeechLoad(requestsPerSecond: 160)
    load.measured = .seconds(10)
    let result = gpu().run(load)
    #expect(result.refused > 100)
    #expect(result.withGaps == 0)
    // The queue is bounded, and so is the time in it.
    #expect(LoadResult.percentile(100, of: result.queued) < .seconds(2))
  }

  @Test func `a seed is one run`() {
    var load = SpeechLoad(requestsPerSecond: 50)
    load.measured = .seconds(3)
    #expect(gpu().run(load) == gpu().run(load))
  }

  @Test func `reads costs from a file as the documentation shows it`() throws {
    let text = """
      {"device": "x", "models": [{"prefill": {"40": 2.0}, "step": {"1": 1.5, "64": 5.0}}],
       "codec": {"1": 0.63, "32": 4.2}}
      """
    let table = try JSONDecoder().decode(CostTable.self, from: Data(text.utf8))
    #expect(table.costs.models[0].step.estimate(64) == .milliseconds(5))
    let again = try JSONDecoder().decode(CostTable.self, from: JSONEncoder().encode(table))
    #expect(again == table)
  }

  @Test func `reads costs from what the benchmark of many voices prints`() throws {
    let text = """
      {"device": "GPU", "model": "synthetic 1.7B", "position": 300, "steps": 40, "voices": [
        {"voices": 1, "step_ms": {"p50": 5.0, "p95": 6, "p99": 6, "min": 4}, "codes_ms": {"p50": 3.0},
         "codec_ms": {"p50": 0.9}, "prompts_ms": {"p50": 2.9}},
        {"voices": 64, "step_ms": {"p50": 11.0}, "codes_ms": {"p50": 7.0}, "codec_ms": {"p50": 7.3},
         "prompts_ms": {"p50": 78.0}}]}
      """
    let table = try JSONDecoder().decode(CostTable.self, from: Data(text.utf8))
    #expect(table.device == "GPU, synthetic 1.7B")
    let model = try #require(table.costs.models.first)
    #expect(model.step.estimate(64) == .milliseconds(11))
    #expect(model.prefill.estimate(40) == .microseconds(2900))
    #expect(model.prefill.estimate(40 * 64) == .milliseconds(78))
    #expect(table.costs.codec.estimate(1) == .microseconds(900))
    // Steps have the sizes of a GPU's engine, whichever were measured.
    let device = table.device(voices: 20, queue: 64, meanAudio: .seconds(3))
    #expect(device.configuration.stepBuckets == [1, 2, 4, 8, 16, 20])
    #expect(device.configuration.codecBuckets == [1, 2, 3, 4, 6, 8, 12, 16, 20])
    for bad in [
      #"{"device": "GPU"}"#, text.replacing("\"voices\": 64", with: "\"voices\": \(Int.max)"),
    ] {
      #expect(throws: DecodingError.self) {
        try JSONDecoder().decode(CostTable.self, from: Data(bad.utf8))
      }
    }
  }

  @Test func `prints the load that one device carries`() {
    var load = SpeechLoad(requestsPerSecond: 1)
    load.measured = .seconds(10)
    let table = gpu().table([1, 20, 60, 80, 100], load: load)
    print("\(CostTable.largeGPU.device)\n\(table)")
    let few = cpu().table([0.5, 1, 2], load: load)
    print("\(CostTable.smallCPU.device)\n\(few)")
    #expect(table.split(separator: "\n").count == 6)
  }
}
