// SPDX-License-Identifier: MIT

import BackendVerification
import CUDA
import CUDABackend
import ModelFiles
import SpeechModel
import SyntheticCheckpoint

/// Prints the time of a frame on random weights, in variants that only developers need; whether what is
/// computed is right, `qwen3-tts doctor --verify` says.
///
/// `gpu-check [tiny|tiny06|0.6B|1.7B] [frames] [--plain] [--share PERCENT] [--parts] [--once] [--greedy]
/// [--variant MACRO+MACRO …]`
///
/// With `--parts` it times the prompt and the codec alone; with `--once` it runs them once, operation by
/// operation, for a profiler; with `--variant` it times frames as one kernel, or as the `graph`; with
/// `--encoders` it looks at cloned voices (`EncoderCheck.swift`).
@main struct GPUCheck {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    let plain = arguments.filter { !$0.hasPrefix("-") }
    let size = plain.first.flatMap { SyntheticSize(rawValue: $0) } ?? .tiny06
    let frames = plain.dropFirst().first.flatMap { Int($0) } ?? 20
    if arguments.contains("--encoders") {
      return try checkEncoders(size, onCPU: arguments.contains("--cpu"))
    }
    let checkpoint = Checkpoint.synthetic(size, variant: .customVoice, seed: 0)
    let context = try CUDAContext()
    let share = arguments.firstIndex(of: "--share").flatMap { Int(arguments[$0 + 1]) }
    print("\(context.name), sm_\(context.architecture), \(size.rawValue), \(frames) frames")
    if arguments.contains("--parts") || arguments.contains("--once") {
      return try parts(checkpoint, context, arguments.map { $0 })
    }
    let variants = zip(arguments, arguments.dropFirst()).filter { $0.0 == "--variant" }.map(\.1)
    for variant in variants {
      let backend =
        try variant == "graph"
        ? CUDABackend(context, frameKernel: .off)
        : CUDABackend(
          context, frameKernel: .on(macros: variant.split(separator: "+").map(String.init)))
      var greedy = SamplingSettings(samples: false)
      greedy.repetitionPenalty = 1.05
      let run = try Speaker(checkpoint, on: backend)
      for (name, settings) in [
        ("greedy", greedy), ("top-k", SamplingSettings(repetitionPenalty: 1.05)),
      ] {
        let said = try run.time(settings, frames: frames)
        var digest = 17
        for code in said.codes { digest = (digest &* 31 &+ Int(code)) & 0xffff_ffff }
        print(
          "\(variant), \(name): \(said.time) ms a frame, predictor \(said.predictorTime), "
            + "codes \(digest)")
      }
    }
    if !variants.isEmpty { return }
    let streams = !arguments.contains("--plain")
    let recorded = try Speaker(
      checkpoint,
      on: CUDABackend(context, streamsWeights: streams, sharedMemoryShare: share ?? 50))
    let eager = try Speaker(
      checkpoint, on: CUDABackend(context, recordsSteps: false, streamsWeights: streams))
    var greedy = SamplingSettings(samples: false)
    greedy.repetitionPenalty = 1.05
    var nucleus = SamplingSettings(topP: 0.9)
    nucleus.repetitionPenalty = 1.05
    let settings = [
      ("greedy", greedy), ("top-k", SamplingSettings(repetitionPenalty: 1.05)),
      ("top-p", nucleus),
    ]
    for (name, settings) in settings.prefix(arguments.contains("--greedy") ? 1 : 3) {
      let fast = try recorded.time(settings, frames: frames)
      let slow = try eager.time(settings, frames: frames)
      print(
        "\(name): ms a frame: recorded \(fast.time), of it predictor and sampling "
          + "\(fast.predictorTime); eager \(slow.time)")
    }
  }

  /// How fast the prompt and the codec are.
  static func parts(
    _ checkpoint: Checkpoint, _ context: CUDAContext, _ arguments: [String]
  ) throws {
    if arguments.contains("--once") {
      let eager = try Speaker(
        checkpoint, on: CUDABackend(context, recordsSteps: false))
      return try eager.once()
    }
    try Speaker(checkpoint, on: CUDABackend(context)).measure()
  }
}

extension Speaker {
  /// Milliseconds a frame of an invented text takes, and one without the talker's step.
  func time(
    _ settings: SamplingSettings, frames: Int
  ) throws -> (codes: [Int32], time: Double, predictorTime: Double) {
    _ = try read(prompt(tokens: 22, layout: .incremental), settings)
    // The second frame may record; the time starts after it.
    var codes = try speak(frames: 2)
    let clock = ContinuousClock()
    let start = clock.now
    codes += try speak(frames: frames - 2, after: 2)
    let time = (clock.now - start) / Duration.milliseconds(1) / Double(frames - 2)
    // The first frame has no talker step.
    let predictorStart = clock.now
    for index in frames..<frames + 50 {
      try step.firstFrame()
      _ = try step.collect(index)
    }
    let predictorTime = (clock.now - predictorStart) / Duration.milliseconds(1) / 50
    return (codes, time, predictorTime)
  }

  private var settings: UtteranceSettings {
    let rule = SamplingSettings(repetitionPenalty: 1.05)
    return UtteranceSettings(talker: rule, predictor: rule, seed: 7)
  }
}

extension Speaker where B == CUDABackend {
  func once() throws {
    let codes = inventedCodes(frames: 4)
    _ = try read(prompt(tokens: 30, layout: .whole), settings.talker)
    print("MARK prompt")
    _ = try decode(Array(codes.prefix(16)), chunk: 1)
    print("MARK one frame")
    _ = try decode(codes, chunk: 4)
  }

  /// Wall time of `body` until the device is done, median and best of some runs, in milliseconds.
  private func time(_ name: String, _ body: () throws -> Void) throws {
    let clock = ContinuousClock()
    for _ in 0..<3 { try body() }
    try backend.stream.synchronize()
    var times: [Double] = []
    var returns: [Double] = []
    for _ in 0..<25 {
      let start = clock.now
      try body()
      returns.append((clock.now - start) / Duration.milliseconds(1))
      try backend.stream.synchronize()
      times.append((clock.now - start) / Duration.milliseconds(1))
    }
    times.sort()
    returns.sort()
    print("\(name): median \(times[12]) best \(times[0]), returned after \(returns[12]) ms")
  }

  func measure() throws {
    for tokens in [30, 100, 200] {
      let prompt = prompt(tokens: tokens, layout: .whole)
      try time("prompt of \(prompt.rows.count) rows") {
        try step.begin(prompt, settings: settings)
      }
    }
    for count in [1, 2, 4, 8, 16] {
      let codes = inventedCodes(frames: count)
      try time("codec, \(count) frames") { _ = try codec.decode(codes) }
    }
    let prompt = prompt(tokens: 30, layout: .whole)
    try time("codec reset") { try codec.begin(after: []) }
    try time("first frame's codes") {
      try step.firstFrame()
    }
    try time("first audio") {
      try codec.begin(after: [])
      try step.begin(prompt, settings: settings)
      try step.firstFrame()
      let codes = try step.collect(0)
      _ = try codec.decode(codes.map { min($0, Int32(entries) - 1) })
    }
  }
}
