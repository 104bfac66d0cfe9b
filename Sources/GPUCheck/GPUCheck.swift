// SPDX-License-Identifier: MIT

import CPUBackend
import CUDA
import CUDABackend
import ModelFiles
import SpeechModel
import SyntheticCheckpoint

/// Compares the CUDA backend with the CPU's on random weights and prints the time of a frame.
///
/// `gpu-check [tiny|tiny06|0.6B|1.7B] [frames] [--no-cpu] [--plain] [--share PERCENT] [--define MACRO]
/// [--greedy] [--against-plain]`
@main struct GPUCheck {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    let plain = arguments.filter { !$0.hasPrefix("-") }
    let size = plain.first.flatMap { SyntheticSize(rawValue: $0) } ?? .tiny06
    let frames = plain.dropFirst().first.flatMap { Int($0) } ?? 20
    let checkpoint = Checkpoint.synthetic(size, variant: .customVoice, seed: 0)
    let context = try CUDAContext()
    let share = arguments.firstIndex(of: "--share").flatMap { Int(arguments[$0 + 1]) }
    let definitions = zip(arguments, arguments.dropFirst()).filter { $0.0 == "--define" }.map(\.1)
    print("\(context.name), sm_\(context.architecture), \(size.rawValue), \(frames) frames")
    let variants = zip(arguments, arguments.dropFirst()).filter { $0.0 == "--variant" }.map(\.1)
    for variant in variants {
      let backend = try CUDABackend(
        context, definitions: variant.split(separator: "+").map(String.init))
      var greedy = SamplingSettings(samples: false)
      greedy.repetitionPenalty = 1.05
      let run = try Run(checkpoint, on: backend)
      let said = try run.speak(greedy, frames: frames)
      var digest = 17
      for code in said.codes { digest = (digest &* 31 &+ Int(code)) & 0xffff_ffff }
      print("\(variant): \(said.time) ms a frame, predictor \(said.predictorTime), codes \(digest)")
    }
    if !variants.isEmpty { return }
    do {
      let recorded = try Run(
        checkpoint,
        on: CUDABackend(
          context, streamsWeights: !arguments.contains("--plain"),
          sharedMemoryShare: share ?? 50,
          definitions: definitions))
      let eager = try Run(
        checkpoint,
        on: CUDABackend(
          context, recordsSteps: false,
          streamsWeights: !arguments.contains("--plain") && !arguments.contains("--against-plain"),
          definitions: definitions))
      var greedy = SamplingSettings(samples: false)
      greedy.repetitionPenalty = 1.05
      var nucleus = SamplingSettings(topP: 0.9)
      nucleus.repetitionPenalty = 1.05
      let settings = [
        ("greedy", greedy), ("top-k", SamplingSettings(repetitionPenalty: 1.05)),
        ("top-p", nucleus),
      ]
      let reference = arguments.contains("--no-cpu") ? nil : try Run(checkpoint, on: CPUBackend())
      for (name, settings) in settings.prefix(arguments.contains("--greedy") ? 1 : 3) {
        let fast = try recorded.speak(settings, frames: frames)
        let slow = try eager.speak(settings, frames: frames)
        print("\(name): recorded = eager: \(agreement(fast.codes, slow.codes))")
        print(
          "\(name): ms a frame: recorded \(fast.time), of it predictor and sampling "
            + "\(fast.predictorTime); eager \(slow.time)")
        guard let reference else { continue }
        let expected = try reference.speak(settings, frames: frames)
        print("\(name): CUDA = CPU: \(agreement(fast.codes, expected.codes)), \(expected.time) ms")
        print("\(name): hidden state after the prompt: \(difference(fast.hidden, expected.hidden))")
        print("\(name): scores of frame 0: \(difference(fast.logits, expected.logits))")
        if name == "greedy" {
          let samples = try recorded.decode(expected.codes)
          print("codec: \(difference(samples, try reference.decode(expected.codes)))")
        }
      }
      print("allocations alive: \(context.liveAllocationCount)")
    }
    print("allocations left: \(context.liveAllocationCount)")
  }

  /// How many codes agree, and the first that does not.
  static func agreement(_ codes: [Int32], _ reference: [Int32]) -> String {
    guard codes.count == reference.count else { return "\(codes.count) of \(reference.count)" }
    guard let first = codes.indices.first(where: { codes[$0] != reference[$0] }) else {
      return "all \(codes.count) codes"
    }
    return "DIFFERS from frame \(first / 16) codebook \(first % 16)"
  }

  /// The largest difference, beside the largest value.
  static func difference(_ values: [Float], _ reference: [Float]) -> String {
    guard values.count == reference.count else { return "DIFFERS in length" }
    let worst = zip(values, reference).map { abs($0 - $1) }.max() ?? 0
    let anyNaN = values.contains { $0.isNaN }
    return "largest difference \(worst) beside \(reference.map { abs($0) }.max() ?? 0)"
      + (anyNaN ? ", NaN" : "")
  }
}

/// One backend with a model.
struct Run<B: Backend> {
  let backend: B
  let configuration: ModelConfiguration
  let step: FrameStep<B>
  let codec: CodecStream<B>

  init(_ checkpoint: Checkpoint, on backend: B) throws {
    self.backend = backend
    configuration = checkpoint.configuration
    let model = try LanguageModel(
      reading: checkpoint.weights, checkpoint.configuration, on: backend)
    step = try FrameStep(model, capacity: 1024, on: backend)
    codec = try CodecStream(
      CodecDecoder(
        reading: checkpoint.codecWeights.scoped("decoder."), checkpoint.codecConfiguration.decoder,
        on: backend),
      chunkCapacity: 8, on: backend)
  }

  /// Frames of an invented text, whether or not they say that speech ends.
  func speak(
    _ settings: SamplingSettings, frames: Int
  ) throws -> (
    codes: [Int32], hidden: [Float], logits: [Float], time: Double, predictorTime: Double
  ) {
    let prompt = Prompt(
      target: (0..<30).map { Int32(3 + $0 * 5 % 61) }, language: nil,
      speaker: configuration.talker.speakers["ryan"].map { .named($0) } ?? .unspecified,
      layout: .incremental, configuration: configuration)
    try step.begin(
      prompt, settings: UtteranceSettings(talker: settings, predictor: settings, seed: 7))
    let hidden = try backend.read(step.hidden)
    try step.firstFrame()
    var codes = try backend.collect(0, from: step.ring)
    let logits = try backend.read(step.logits)
    // The second frame may record; the time starts after it.
    try step.nextFrame()
    codes += try backend.collect(1, from: step.ring)
    let clock = ContinuousClock()
    let start = clock.now
    var begun = 2
    for index in 2..<frames {
      while begun < frames, begun < index + backend.framesInFlight {
        try step.nextFrame()
        begun += 1
      }
      codes += try backend.collect(index, from: step.ring)
    }
    let time = (clock.now - start) / Duration.milliseconds(1) / Double(frames - 2)
    // The first frame has no talker step.
    let predictorStart = clock.now
    for index in frames..<frames + 50 {
      try step.firstFrame()
      _ = try backend.collect(index, from: step.ring)
    }
    let predictorTime = (clock.now - predictorStart) / Duration.milliseconds(1) / 50
    return (codes, hidden, logits, time, predictorTime)
  }

  func decode(_ codes: [Int32]) throws -> [Float] {
    let entries = Int32(step.model.predictor.configuration.codebookSize)
    try codec.reset()
    return try codec.decodeAll(codes.map { min($0, entries - 1) })
  }
}
