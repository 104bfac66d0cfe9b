// SPDX-License-Identifier: MIT

import ArgumentParser
import Benchmarking
import CUDA
package import CUDABackend
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

  @Option(help: "Name or folder of a model; by default the bundled voice.")
  var model: String?

  @Option(help: "Random weights in the shape of tiny, 0.6B or 1.7B.")
  var synthetic: String?

  @Option(help: "Frames in each run.")
  var frames = 60

  @Option(help: "Measured runs, after one that warms up.")
  var repeats = 3

  @Option(help: "Text tokens of the prompt.")
  var tokens = 30

  @Option(help: "Frames of each chunk after the first.")
  var laterChunk = 4

  @Option(help: "auto, cpu, cuda, or cuda:1 for the second GPU, …")
  var device = SpeechDevice.automatic

  @Option(help: KVPrecision.help)
  var kvPrecision = KVPrecision.automatic

  @OptionGroup var older: ArchitectureArguments

  @Flag(help: "On a GPU, run each operation by itself instead of a recorded step.")
  var eager = false

  @Option(
    help: """
      How a GPU makes a frame: auto; graph, of many kernels; or kernel, as one. Macros for that one \
      follow it: kernel+NO_BULK_COPIES.
      """)
  var framePath = FrameKernel.automatic

  @Flag(help: "Also speaks 10 and 60 seconds without a break, and compares their RTF.")
  var long = false

  @Option(
    help: """
      Numbers of voices, such as 1,8,32,64: measures only what a step of so many costs, frames, codec \
      and prompts, without a scheduler.
      """)
  var voices: VoiceCounts?

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
    try older.check(device)
  }

  func run() async throws {
    processor.apply()
    if let voices { return try runBatch(voices.counts) }
    var benchmark = SpeechBenchmark(
      synthetic.map { "synthetic \($0)" } ?? model ?? "bundled voice", open: checkpoint)
    benchmark.device = older.architecture == nil ? device : .cuda
    benchmark.recordsSteps = !eager
    benchmark.kvPrecision = kvPrecision
    benchmark.architecture = older.architecture
    benchmark.frameKernel = framePath
    benchmark.frames = frames
    benchmark.repeats = repeats
    benchmark.tokens = tokens
    benchmark.laterChunk = laterChunk
    benchmark.speaksLong = long
    benchmark.within = within
    if onlyStart {
      _ = try benchmark.engine()
      return try printResult("\(StartUp.secondsSinceStart())")
    }
    benchmark.startArguments = try startArguments()
    let progress = BenchProgress()
    let result = try benchmark.run { progress.show($0) }
    if json { return try printJSON(result) }
    try printResult(result.table)
  }

  /// Measures steps of many voices.
  private func runBatch(_ voices: [Int]) throws {
    var benchmark = BatchBenchmark(
      synthetic.map { "synthetic \($0)" } ?? model ?? "bundled voice", try checkpoint())
    benchmark.device = device
    benchmark.voices = voices
    let result = try benchmark.run()
    if json { return try printJSON(result) }
    try printResult(result.table)
  }

  /// Checks and opens what is to be measured.
  private func checkpoint() throws -> Checkpoint {
    if let synthetic, let size = SyntheticSize(rawValue: synthetic) {
      return .synthetic(size, variant: .customVoice, seed: 1)
    }
    return try Checkpoint(model: model)
  }

  /// The arguments of a process whose start is measured; none where weights are invented.
  private func startArguments() throws -> [String]? {
    guard synthetic == nil else { return nil }
    var arguments = ["bench", "--only-start", "--device", device.rawValue]
    arguments += ["--kv-precision", kvPrecision.rawValue]
    if let number = older.architecture?.number { arguments += ["--architecture", String(number)] }
    if let model {
      arguments += ["--model", try ModelLibrary.standard.model(named: model).path]
    }
    return arguments
  }
}

/// Numbers of voices, separated by commas.
struct VoiceCounts: ExpressibleByArgument {
  let counts: [Int]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    counts = parts.compactMap { $0 }
    guard counts.count == parts.count, counts.allSatisfy({ (1...256).contains($0) }) else {
      return nil
    }
  }
}

extension FrameKernel: ExpressibleByArgument {
  /// `auto`, `graph`, or `kernel` with macros after it, joined by `+`.
  package init?(argument: String) {
    let parts = argument.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    switch (parts[0], parts.count) {
    case ("auto", 1): self = .automatic
    case ("graph", 1): self = .off
    case ("kernel", _) where !parts.contains(""): self = .on(macros: Array(parts.dropFirst()))
    default: return nil
    }
  }

  package var defaultValueDescription: String { "auto" }
}
