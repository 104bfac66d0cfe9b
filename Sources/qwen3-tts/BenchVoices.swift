// SPDX-License-Identifier: MIT

import ArgumentParser
import Audio
import CPUBackend
import Foundation
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

  @Flag(help: "Prints JSON.")
  var json = false

  struct Result: Encodable {
    let model: String
    let device: String
    let seconds: Double
    let load_ms: Double
    let mel_ms: Spread
    let speaker_ms: Spread
    let codec_ms: Spread
    let decoder_warm_up_ms: Spread
    let decoder_warm_up_again_ms: Spread
    let repeats: Int
  }

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
    let checkpoint =
      if let synthetic, let size = SyntheticSize(rawValue: synthetic) {
        Checkpoint.synthetic(size, variant: .base, seed: 1)
      } else {
        try Checkpoint(model: model ?? "")
      }
    guard let shape = checkpoint.configuration.speakerEncoder else {
      throw SynthesisError(.invalidModel, "bench-voices: expected a Base model, found another")
    }
    let clock = ContinuousClock()
    let start = clock.now
    let samples = (0..<Int(seconds * 24_000)).map { Float(sin(Double($0) * 0.05)) * 0.3 }
    let backend = CPUBackend()
    let codec = checkpoint.codecConfiguration
    let speaker = SpeakerEncoding(
      try SpeakerEncoder(
        reading: checkpoint.weights.scoped("speaker_encoder."), shape, on: backend),
      capacity: samples.count / 256, on: backend)
    let encoding = CodecEncoding(
      try CodecEncoder(
        reading: checkpoint.codecWeights.scoped("encoder."), codec.encoder,
        quantizerCount: codec.encoderQuantizerCount, on: backend),
      capacity: samples.count, on: backend)
    let decoder = CodecStream(
      try CodecDecoder(
        reading: checkpoint.codecWeights.scoped("decoder."), codec.decoder, on: backend),
      chunkCapacity: SpeechSynthesizer.longestChunk, on: backend)
    let load = (clock.now - start).seconds * 1000
    var times: [[Double]] = [[], [], [], [], []]
    for index in 0...repeats {
      func measure(_ place: Int, _ body: () -> Void) {
        let time = clock.measure(body).seconds * 1000
        // The first run warms up.
        if index > 0 { times[place].append(time) }
      }
      var bands: [Float] = []
      var frames: [[Int32]] = []
      measure(0) { bands = speaker.mel(samples) }
      measure(1) { _ = speaker.embedding(ofMel: bands) }
      measure(2) { frames = encoding.encode(samples) }
      // Another reference each time, then the same one again.
      let reference = Array(frames.dropLast(index % 2).joined())
      measure(3) { decoder.begin(after: reference) }
      measure(4) { decoder.begin(after: reference) }
    }
    let result = Result(
      model: synthetic.map { "synthetic \($0)" } ?? model ?? "",
      device: "CPU, \(CPUBackend.threadCount) threads, \(CPUBackend.instructionSet)",
      seconds: seconds, load_ms: load, mel_ms: Spread(times[0]),
      speaker_ms: Spread(times[1]),
      codec_ms: Spread(times[2]), decoder_warm_up_ms: Spread(times[3]),
      decoder_warm_up_again_ms: Spread(times[4]), repeats: repeats)
    if json { return try printJSON(result) }
    print("\(result.model) on \(result.device); a recording of \(seconds) s, \(repeats) repeats")
    for (name, spread) in [
      ("mel", result.mel_ms), ("speaker encoder", result.speaker_ms),
      ("codec encoder", result.codec_ms), ("decoder warm-up", result.decoder_warm_up_ms),
      ("the same again", result.decoder_warm_up_again_ms),
    ] {
      print(
        name.padding(toLength: 20, withPad: " ", startingAt: 0)
          + String(format: "%9.1f ms (p50), %9.1f ms (p95)", spread.p50, spread.p95))
    }
    print(String(format: "encoders and decoder ready after %.0f ms", load))
  }
}
