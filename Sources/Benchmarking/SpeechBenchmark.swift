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
  /// - Parameter notice: Receives what the caller should know, such as why a GPU is not used.
  /// - Throws: As `engine`; and `SynthesisError` `internalFailure` when the model does not speak as long
  ///   as the benchmark needs.
  package func run(notice: (String) -> Void) throws -> BenchmarkResult {
    // Other processes start before this one holds memory of the device.
    let starts = try startArguments.map(StartUp.measure)
    let clock = ContinuousClock()
    let start = clock.now
    let (checkpoint, weights) = CountedWeights.counting(try open())
    let opened = try engine(checkpoint)
    let load = (clock.now - start).seconds
    if let text = opened.notice { notice(text) }
    let engine = opened.engine
    let runs = BenchmarkRuns(
      engine: engine, checkpoint: checkpoint, tokens: tokens, laterChunk: laterChunk)
    var result = BenchmarkResult(
      model: name, device: opened.device, kv_precision: KVPrecision(engine.cachePrecision).rawValue,
      architecture: opened.context.map { "\($0.architecture)" }, eager: !recordsSteps,
      load_seconds: load, start: starts, frames: frames, repeats: repeats, tokens: tokens,
      later_chunk: laterChunk)
    try runs.speak(frames: frames, repeats: repeats, into: &result)
    for frames in [1, 2, 4, 8] {
      result.ttfa_ms_by_chunk[String(frames)] = try runs.firstAudio(
        frames: frames, repeats: repeats)
    }
    try runs.split(into: &result)
    try runs.parts(repeats: repeats, into: &result)
    if speaksLong { result.long = try runs.long() }
    result.weight_bytes = weights.byteCount
    if let context = opened.context { try describe(context, into: &result) }
    return result
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
