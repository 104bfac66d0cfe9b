// SPDX-License-Identifier: MIT

import ArgumentParser
import CUDA
import CUDABackend
import Foundation
import ModelFiles
import Qwen3TTS
import SpeechModel
import SyntheticCheckpoint

/// `qwen3-tts bench`
struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures this machine: time per frame, first audio, real-time factor.",
    discussion: """
      RTF is audio time over wall time: above 1 is faster than real time. --synthetic makes random \
      weights in a released shape, so that nothing needs to be downloaded. What each figure means is in \
      docs/benchmark.md.
      """)

  @Option(help: "Name or folder of a model; without it, the bundled voice.")
  var model: String?

  @Option(help: "Random weights in the shape of tiny, 0.6B or 1.7B.")
  var synthetic: String?

  @Option(help: "Frames of each run.")
  var frames = 60

  @Option(help: "Runs that count.")
  var repeats = 3

  @Option(help: "Text tokens of the prompt.")
  var tokens = 30

  @Option(help: "Frames of each chunk behind the first.")
  var laterChunk = 4

  @Option(help: "auto, cpu or cuda.")
  var device = Device.automatic

  @Flag(help: "On a GPU, run each operation by itself instead of a recorded step.")
  var eager = false

  @Flag(help: "Also speaks 10 and 60 seconds in one go each, and compares their RTF.")
  var long = false

  @OptionGroup var processor: ProcessorArguments

  @Option(
    help: """
      Seconds that measuring may take: longer runs get fewer frames, fewer repeats and no long \
      speeches. What was run is in the result.
      """)
  var within: Int?

  @Flag(help: "Prints JSON: docs/benchmark.md says what its keys mean.")
  var json = false

  @Flag(help: .hidden)
  var onlyStart = false

  func validate() throws {
    guard model == nil || synthetic == nil else {
      throw ValidationError("Give --model or --synthetic, not both.")
    }
    if let synthetic, SyntheticSize(rawValue: synthetic) == nil {
      throw ValidationError("--synthetic: expected tiny, 0.6B or 1.7B, found \(synthetic).")
    }
    guard within.map({ $0 > 0 }) ?? true else {
      throw ValidationError("--within: expected seconds above 0, found \(within ?? 0).")
    }
    guard (1...16).contains(laterChunk) else {
      throw ValidationError("--later-chunk: expected 1…16, found \(laterChunk).")
    }
    guard (1...1000).contains(frames), (1...100).contains(repeats), (1...1000).contains(tokens)
    else {
      throw ValidationError("Expected 1…1000 frames and tokens and 1…100 repeats.")
    }
  }

  /// Checks and opens what is to be measured.
  private func checkpoint() throws -> Checkpoint {
    if let synthetic, let size = SyntheticSize(rawValue: synthetic) {
      return .synthetic(size, variant: .customVoice, seed: 1)
    }
    return try Checkpoint(model: model)
  }

  func run() async throws {
    processor.apply()
    // Other processes start before this one holds memory of the device.
    let starts = try synthetic == nil && !onlyStart ? StartUp.measure(model: model, device) : nil
    let progress = BenchProgress()
    if synthetic != nil { progress.show("Making random weights") }
    let clock = ContinuousClock()
    let start = clock.now
    let (counted, weights) = CountedWeights.counting(try checkpoint())
    let opened = try OpenedEngine.open(
      counted, on: device, capacity: 4096, recordsSteps: !eager)
    let load = (clock.now - start).seconds
    if onlyStart { return try printResult("\(StartUp.secondsSinceStart())") }
    if let notice = opened.notice { printMessage("Note: \(notice)") }
    let runs = BenchRuns(
      engine: opened.engine, checkpoint: counted, tokens: tokens, laterChunk: laterChunk)
    let perFrame = try runs.secondsPerFrame()
    var plan = BenchPlan(frames: frames, repeats: repeats, longSeconds: long ? [10, 60] : [])
    if let within { plan = plan.fitted(to: Int(Double(within) / perFrame)) }
    progress.begin(plan, secondsPerFrame: perFrame)
    var result = BenchResult(
      model: synthetic.map { "synthetic \($0)" } ?? model ?? "bundled voice",
      device: opened.device, eager: eager, load_seconds: load, start: starts,
      frames: plan.frames, repeats: plan.repeats, tokens: tokens, later_chunk: laterChunk)
    result.within_seconds = within
    try measure(plan, runs, progress, into: &result)
    result.weight_bytes = weights.byteCount
    if let context = opened.context { try describe(context, into: &result) }
    if json { return try printJSON(result) }
    try result.printTable()
  }

  private func measure(
    _ plan: BenchPlan, _ runs: BenchRuns, _ progress: BenchProgress,
    into result: inout BenchResult
  ) throws {
    defer { progress.end() }
    progress.show("speaking")
    try runs.speak(frames: plan.frames, repeats: plan.repeats, into: &result) {
      progress.show("speaking", after: plan.frames)
    }
    for frames in BenchPlan.firstChunks {
      progress.show("first audio, \(frames) frames")
      result.ttfa_ms_by_chunk[String(frames)] = try runs.firstAudio(
        frames: frames, repeats: plan.repeats)
      progress.show("first audio", after: frames * (plan.repeats + 1))
    }
    progress.show("frame steps and their parts")
    try runs.split(count: plan.splitCount, into: &result)
    progress.show("done with these", after: 2 * plan.splitCount)
    for seconds in plan.longSeconds {
      progress.show("\(seconds) s in one go")
      let factor = try runs.long(seconds: seconds)
      var speeches = result.long ?? BenchResult.LongSpeeches()
      if seconds == 10 { speeches.rtf_10_s = factor } else { speeches.rtf_60_s = factor }
      result.long = speeches
      progress.show("spoken", after: seconds * 25 / 2)
    }
  }

  /// What only a GPU has to say.
  private func describe(_ context: CUDAContext, into result: inout BenchResult) throws {
    result.device_peak_bytes = context.peakByteCount
    let (available, total) = try context.memory()
    result.device_used_bytes = total - available
    let bandwidth = try ReadBandwidth.measure(context)
    result.read_bandwidth_gb_s = bandwidth / 1e9
    if let achieved = result.achieved_gb_s {
      result.share_of_bandwidth = achieved * 1e9 / bandwidth
    }
  }
}
