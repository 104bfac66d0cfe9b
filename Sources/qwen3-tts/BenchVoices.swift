// SPDX-License-Identifier: MIT

import ArgumentParser
import Benchmarking
import ModelFiles
import Qwen3TTS
import SpeechModel
import SyntheticCheckpoint

/// `qwen3-tts bench-voices`
struct BenchVoices: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-voices",
    abstract: "Measures cloning: the encoders, and the start of a speech after a reference.")

  @Option(help: "Name or folder of a Base model.")
  var model: String?

  @Option(help: "Random weights in the shape of tiny, 0.6B or 1.7B.")
  var synthetic: String?

  @Option(help: "Seconds of the recording.")
  var seconds = 10.0

  @Option(help: "Measured runs, after one that warms up.")
  var repeats = 3

  @Option(help: "auto, cpu, cuda, or cuda:1 for the second GPU, …")
  var device = SpeechDevice.automatic

  @Flag(help: "Also measures the first audio of speeches with a cloned voice and without.")
  var firstAudio = false

  @OptionGroup var processor: ProcessorArguments

  @Flag(help: "Prints JSON.")
  var json = false

  func validate() throws {
    guard (model == nil) != (synthetic == nil) else {
      throw ValidationError("Give --model or --synthetic.")
    }
    guard synthetic.map({ SyntheticSize(rawValue: $0) != nil }) ?? true else {
      throw ValidationError("--synthetic: expected tiny, 0.6B or 1.7B.")
    }
    guard (0.5...120).contains(seconds), (1...100).contains(repeats) else {
      throw ValidationError("Expected 0.5 to 120 seconds and 1…100 repeats.")
    }
  }

  func run() async throws {
    processor.apply()
    let checkpoint =
      if let synthetic, let size = SyntheticSize(rawValue: synthetic) {
        Checkpoint.synthetic(size, variant: .base, seed: 1)
      } else {
        try Checkpoint(model: model)
      }
    var benchmark = VoiceBenchmark(
      synthetic.map { "synthetic \($0)" } ?? model ?? "", checkpoint)
    benchmark.seconds = seconds
    benchmark.repeats = repeats
    benchmark.device = device
    benchmark.measuresFirstAudio = firstAudio
    let result = try benchmark.run()
    if json { return try printJSON(result) }
    try printResult(result.table)
  }
}
