// SPDX-License-Identifier: MIT

import ArgumentParser
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
      weights in a released shape, so that nothing needs to be downloaded.
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

  @OptionGroup var processor: ProcessorArguments

  @Flag(help: "Prints JSON.")
  var json = false

  func validate() throws {
    guard model == nil || synthetic == nil else {
      throw ValidationError("Give --model or --synthetic, not both.")
    }
    if let synthetic, SyntheticSize(rawValue: synthetic) == nil {
      throw ValidationError("--synthetic: expected tiny, 0.6B or 1.7B, found \(synthetic).")
    }
    guard (1...16).contains(laterChunk) else {
      throw ValidationError("--later-chunk: expected 1…16, found \(laterChunk).")
    }
    guard (1...1000).contains(frames), (1...100).contains(repeats), (1...1000).contains(tokens)
    else {
      throw ValidationError("Expected 1…1000 frames and tokens and 1…100 repeats.")
    }
  }

  /// Median and spread of some milliseconds.
  struct Spread: Encodable {
    let p50: Double
    let p95: Double
    let p99: Double
    let min: Double

    init(_ values: [Double]) {
      let sorted = values.sorted()
      func at(_ share: Double) -> Double {
        sorted.isEmpty ? 0 : sorted[Swift.min(sorted.count - 1, Int(share * Double(sorted.count)))]
      }
      (p50, p95, p99, min) = (at(0.5), at(0.95), at(0.99), at(0))
    }
  }

  struct Result: Encodable {
    let model: String
    let device: String
    let load_seconds: Double
    let prefill_ms: Spread
    let step_ms: Spread
    let codec_ms_per_frame: Spread
    let ttfa_ms: Spread
    /// Time to first audio by frames in the first chunk.
    let ttfa_ms_by_chunk: [String: Spread]
    let rtf: Spread
    let frames: Int
    let repeats: Int
  }

  func run() async throws {
    processor.apply()
    let clock = ContinuousClock()
    let start = clock.now
    let checkpoint =
      if let synthetic, let size = SyntheticSize(rawValue: synthetic) {
        Checkpoint.synthetic(size, variant: .customVoice, seed: 1)
      } else {
        try Checkpoint(model: model)
      }
    let opened = try OpenedEngine.open(checkpoint, on: device, capacity: 4096)
    let engine = opened.engine
    if let notice = opened.notice { printError("Note: \(notice)") }
    let load = (clock.now - start).seconds
    let configuration = checkpoint.configuration
    let text = configuration.text
    let target =
      [text.imStart, text.assistant, 0] + (0..<tokens).map { Int32(100 + $0 % 100) }
      + [text.imEnd, 0, text.imStart, text.assistant, 0]
    let prompt = Prompt(
      target: target, language: configuration.talker.languages["english"],
      speaker: configuration.talker.speakers.values.min().map { .named($0) } ?? .unspecified,
      layout: .whole, configuration: configuration)
    var prefill: [Double] = []
    var steps: [Double] = []
    var codec: [Double] = []
    var first: [Double] = []
    var factors: [Double] = []
    for index in 0...repeats {
      let begin = clock.now
      var firstAudio: Duration?
      var made = 0
      // A random model may end early: the seed changes until the frames are there.
      var seed = UInt64(1000 * index)
      var reports: [UtteranceReport] = []
      while made < frames {
        let report = try engine.speak(
          prompt,
          settings: UtteranceSettings(
            talker: checkpoint.generation.talker, predictor: checkpoint.generation.predictor,
            seed: seed),
          budget: frames - made, chunks: (1, laterChunk), isCancelled: { false },
          deliver: { _, codes in
            firstAudio = firstAudio ?? (clock.now - begin)
            made += codes.count
          })
        reports.append(report)
        seed += 1
        if seed % 1000 == 999 { break }
      }
      // The first run warms up.
      guard index > 0 else { continue }
      prefill += reports.map { $0.prefill.seconds * 1000 }
      steps += reports.flatMap(\.frames).map { $0.seconds * 1000 }
      codec += reports.flatMap(\.codec).map { $0.time.seconds * 1000 / Double($0.frames) }
      first.append((firstAudio ?? .zero).seconds * 1000)
      factors.append(Double(made) * 0.08 / (clock.now - begin).seconds)
    }
    var firstByChunk = ["1": Spread(first)]
    for frames in [2, 4, 8] {
      var times: [Double] = []
      for index in 0...repeats {
        let begin = clock.now
        var heard: Duration?
        _ = try engine.speak(
          prompt,
          settings: UtteranceSettings(
            talker: checkpoint.generation.talker, predictor: checkpoint.generation.predictor,
            seed: UInt64(index)),
          budget: frames, chunks: (frames, frames), isCancelled: { false },
          deliver: { _, _ in heard = heard ?? (clock.now - begin) })
        if index > 0, let heard { times.append(heard.seconds * 1000) }
      }
      firstByChunk[String(frames)] = Spread(times)
    }
    let result = Result(
      model: synthetic.map { "synthetic \($0)" } ?? model ?? "bundled voice",
      device: opened.device,
      load_seconds: load, prefill_ms: Spread(prefill), step_ms: Spread(steps),
      codec_ms_per_frame: Spread(codec), ttfa_ms: Spread(first), ttfa_ms_by_chunk: firstByChunk,
      rtf: Spread(factors),
      frames: frames, repeats: repeats)
    if json { return try printJSON(result) }
    func line(_ name: String, _ spread: Spread) {
      print(
        name.padding(toLength: 20, withPad: " ", startingAt: 0)
          + String(
            format: "%9.2f  %9.2f  %9.2f  %9.2f", spread.min, spread.p50, spread.p95, spread.p99))
    }
    print("\(result.model) on \(result.device); \(frames) frames, \(repeats) repeats")
    print(String(format: "ready after %.2f s", load))
    print("                          min        p50        p95        p99")
    line("prefill, ms", result.prefill_ms)
    line("frame step, ms", result.step_ms)
    line("codec, ms a frame", result.codec_ms_per_frame)
    for frames in [1, 2, 4, 8] {
      guard let spread = result.ttfa_ms_by_chunk[String(frames)] else { continue }
      line("first \(frames == 1 ? "frame" : "\(frames) frames"), ms", spread)
    }
    line("RTF", result.rtf)
  }
}
