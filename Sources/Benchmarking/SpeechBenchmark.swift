// SPDX-License-Identifier: MIT

package import CUDA
package import CUDABackend
package import ModelFiles
package import Qwen3TTS
import SpeechModel

/// Measures how fast a model speaks on this machine: time per frame, first audio, real-time factor.
///
/// What each figure means is in docs/benchmark.md.
package struct SpeechBenchmark {
  /// The model in words.
  package let name: String
  private let open: () throws -> Checkpoint
  /// Where to run.
  package var device = SpeechDevice.automatic
  /// Whether a GPU records a step once and replays it.
  package var recordsSteps = true
  /// How the talker's keys and values are kept.
  package var kvPrecision = KVPrecision.automatic
  /// An older architecture than the GPU's, as which it then runs; `nil` for its own.
  package var architecture: Architecture?
  /// Whether a GPU makes a frame as one kernel.
  package var frameKernel = FrameKernel.automatic
  /// Frames of each run.
  package var frames = 60
  /// Runs that count.
  package var repeats = 3
  /// Text tokens of the prompt.
  package var tokens = 30
  /// Frames of each chunk after the first.
  package var laterChunk = 4
  /// Whether 10 and 60 seconds are spoken without a break.
  package var speaksLong = false
  /// Seconds that measuring may take: longer runs get fewer frames, fewer repeats and no long speeches.
  package var within: Int?
  /// Arguments with which this program makes itself ready to speak and then prints
  /// `StartUp.secondsSinceStart`; `nil` when its start is not measured.
  package var startArguments: [String]?

  /// - Parameters:
  ///   - name: The model in words.
  ///   - open: Opens it; how long that takes is measured.
  package init(_ name: String, open: @escaping () throws -> Checkpoint) {
    (self.name, self.open) = (name, open)
  }

  /// Makes ready to speak.
  ///
  /// - Throws: `SynthesisError` `deviceUnavailable`, or what is wrong with the checkpoint.
  package func engine() throws -> OpenedEngine { try engine(try open()) }

  private func engine(_ checkpoint: Checkpoint) throws -> OpenedEngine {
    try OpenedEngine.open(
      checkpoint, on: device, capacity: 4096, recordsSteps: recordsSteps, kvPrecision: kvPrecision,
      architecture: architecture, frameKernel: frameKernel)
  }

  /// Measures everything.
  ///
  /// - Parameter report: Receives what the benchmark is doing, as it does it.
  /// - Throws: As `engine`; and `SynthesisError` `internalFailure` when the model does not speak as long
  ///   as the benchmark needs.
  package func run(_ report: (BenchmarkEvent) -> Void = { _ in }) throws -> BenchmarkResult {
    // Other processes start before this one holds memory of the device.
    let starts = try startArguments.map(StartUp.measure)
    report(.stage("opening \(name)"))
    let clock = ContinuousClock()
    let start = clock.now
    let (checkpoint, weights) = CountedWeights.counting(try open())
    let opened = try engine(checkpoint)
    let load = (clock.now - start).seconds
    if let text = opened.notice { report(.notice(text)) }
    let runs = BenchmarkRuns(
      engine: opened.engine, checkpoint: checkpoint, tokens: tokens, laterChunk: laterChunk)
    let perFrame = try runs.secondsPerFrame()
    var plan = BenchmarkPlan(
      frames: frames, repeats: repeats, longSeconds: speaksLong ? [10, 60] : [])
    if let within { plan = plan.fitted(to: Int(Double(within) / perFrame)) }
    report(.planned(plan, secondsPerFrame: perFrame))
    var result = BenchmarkResult(
      model: name, device: opened.device,
      kv_precision: KVPrecision(opened.engine.cachePrecision).rawValue,
      architecture: opened.context.map { "\($0.architecture)" }, eager: !recordsSteps,
      load_seconds: load, start: starts, frames: plan.frames, repeats: plan.repeats,
      tokens: tokens, later_chunk: laterChunk)
    result.within_seconds = within
    try measure(plan, runs, into: &result, report)
    result.weight_bytes = weights.byteCount
    if let context = opened.context { try describe(context, into: &result) }
    return result
  }

  private func measure(
    _ plan: BenchmarkPlan, _ runs: BenchmarkRuns, into result: inout BenchmarkResult,
    _ report: (BenchmarkEvent) -> Void
  ) throws {
    defer { report(.ended) }
    report(.stage("speaking"))
    try runs.speak(frames: plan.frames, repeats: plan.repeats, into: &result) {
      report(.stage("speaking", done: plan.frames))
    }
    for frames in BenchmarkPlan.firstChunks {
      report(.stage("first audio, \(frames) frames"))
      result.ttfa_ms_by_chunk[String(frames)] = try runs.firstAudio(
        frames: frames, repeats: plan.repeats)
      report(.stage("first audio", done: frames * (plan.repeats + 1)))
    }
    report(.stage("frame steps and their parts"))
    try runs.split(count: plan.splitCount, into: &result)
    report(.stage("prompts and codec chunks", done: 2 * plan.splitCount))
    if plan.timesParts { try runs.parts(repeats: plan.repeats, into: &result) }
    report(.stage("prompts and codec chunks", done: plan.partsCost))
    for seconds in plan.longSeconds {
      report(.stage("\(seconds) s without a break"))
      let factor = try runs.long(seconds: seconds)
      var speeches = result.long ?? BenchmarkResult.LongSpeeches()
      if seconds == 10 { speeches.rtf_10_s = factor } else { speeches.rtf_60_s = factor }
      result.long = speeches
      report(.stage("\(seconds) s without a break", done: seconds * 25 / 2))
    }
  }

  /// What only a GPU has to say.
  private func describe(_ context: CUDAContext, into result: inout BenchmarkResult) throws {
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

/// What a benchmark is doing.
package enum BenchmarkEvent: Sendable {
  /// What the caller should know, such as why a GPU is not used.
  case notice(String)
  /// What will be run, and about how long a frame of it takes.
  case planned(BenchmarkPlan, secondsPerFrame: Double)
  /// What is run next, and frames made since the last event.
  case stage(String, done: Int = 0)
  case ended
}
