// SPDX-License-Identifier: MIT

import CPUBackend
import CUDA
import CUDABackend
package import ModelFiles
package import Qwen3TTS
import SpeechModel

/// Measures cloning: the encoders, and the start of a speech after a reference.
package struct VoiceBenchmark {
  /// The model in words.
  package let name: String
  let checkpoint: Checkpoint
  /// Where to run.
  package var device = SpeechDevice.automatic
  /// Seconds of the recording.
  package var seconds = 10.0
  /// Runs that count, after one that warms up.
  package var repeats = 3
  /// Whether the first audio of speeches with and without a cloned voice is measured, which takes the
  /// whole model.
  package var measuresFirstAudio = false

  /// - Parameters:
  ///   - name: The model in words.
  ///   - checkpoint: A Base model.
  package init(_ name: String, _ checkpoint: Checkpoint) {
    (self.name, self.checkpoint) = (name, checkpoint)
  }

  /// Measures everything.
  ///
  /// - Throws: `SynthesisError`: `invalidModel` when it is no Base model, `deviceUnavailable`.
  package func run() throws -> VoiceBenchmarkResult {
    guard let shape = checkpoint.configuration.speakerEncoder else {
      throw SynthesisError(
        .invalidModel,
        "\(name): expected a Base model, which has a speaker encoder, found a "
          + "\(checkpoint.configuration.variant.rawValue) model")
    }
    // As engines are opened: what a device lacks is reported in the same words.
    let opened =
      measuresFirstAudio
      ? try OpenedEngine.open(checkpoint, on: device, capacity: 4096) : nil
    var result: VoiceBenchmarkResult
    if let context = try opened.map({ $0.context }) ?? CUDAContext.chosen(by: device) {
      result = try run(
        shape, on: CUDABackend(context), context.deviceDescription)
    } else {
      result = try run(
        shape, on: CPUBackend(), CPUBackend.deviceDescription)
    }
    if let engine = opened?.engine { try measureFirstAudio(engine, into: &result) }
    return result
  }

  /// The encoders and the decoder on a backend.
  private func run<B: Backend>(
    _ shape: SpeakerEncoderConfiguration, on backend: B, _ device: String
  ) throws -> VoiceBenchmarkResult {
    let clock = ContinuousClock()
    let start = clock.now
    let samples = (0..<Int(seconds * 24_000)).map { Float(Math.sin(Double($0) * 0.05)) * 0.3 }
    let codec = checkpoint.codecConfiguration
    let speaker = try SpeakerEncoding(
      SpeakerEncoder(
        reading: checkpoint.weights.scoped("speaker_encoder."), shape, on: backend),
      capacity: samples.count / 256, on: backend)
    let encoding = try CodecEncoding(
      CodecEncoder(
        reading: checkpoint.codecWeights.scoped("encoder."), codec.encoder,
        quantizerCount: codec.encoderQuantizerCount, on: backend),
      capacity: samples.count, on: backend)
    let decoder = try CodecStreams(
      CodecDecoder(
        reading: checkpoint.codecWeights.scoped("decoder."), codec.decoder, on: backend),
      batchCapacity: SpeechSynthesizer.longestChunk, on: backend)
    let load = (clock.now - start).seconds * 1000
    var times: [[Double]] = [[], [], [], [], []]
    for index in 0...repeats {
      func measure(_ place: Int, _ body: () throws -> Void) rethrows {
        let time = try clock.measure(body).seconds * 1000
        // The first run warms up.
        if index > 0 { times[place].append(time) }
      }
      let bands = speaker.mel(samples)
      var frames: [[Int32]] = []
      try measure(0) { _ = try speaker.embedding(ofMel: bands) }
      try measure(1) { _ = try speaker.embedding(of: samples) }
      try measure(2) { frames = try encoding.encode(samples) }
      // Another reference each time, then the same one again.
      let reference = Array(frames.dropLast(index % 2).joined())
      for place in [3, 4] {
        let time = try backend.time { () throws(B.Failure) in
          try decoder.begin(after: reference)
        }
        if index > 0 { times[place].append(time.seconds * 1000) }
      }
    }
    return VoiceBenchmarkResult(
      model: name, device: device, seconds: seconds, repeats: repeats, load_ms: load,
      speaker_after_mel_ms: Spread(times[0]), speaker_ms: Spread(times[1]),
      codec_ms: Spread(times[2]), decoder_warm_up_ms: Spread(times[3]),
      decoder_warm_up_again_ms: Spread(times[4]))
  }

  // MARK: First audio

  /// The first audio of a cloned voice whose codes and embedding are known, and that of a speech without
  /// a voice and with as many rows of prompt, in turn.
  private func measureFirstAudio(
    _ engine: any PromptSpeaking, into result: inout VoiceBenchmarkResult
  ) throws {
    for layout in PromptLayout.allCases {
      let voices = [clonedPrompt(layout, voice: 0), clonedPrompt(layout, voice: 1)]
      var prompts = [("none", plainPrompt(rows: voices[0].rows.count))]
      for voice in voices { prompts += [("another", voice), ("same", voice)] }
      var times: [String: [Double]] = [:]
      for round in 0...repeats {
        for (name, prompt) in prompts {
          let time = try Self.firstAudio(engine, prompt)
          // The first round records and warms up.
          if round > 0, let time { times[name, default: []].append(time.seconds * 1000) }
        }
      }
      result.first_audio_rows[layout.rawValue] = voices[0].rows.count
      result.first_audio_ms[layout.rawValue] = times.mapValues(Spread.init)
    }
  }

  private func target(_ tokens: Int) -> [Int32] {
    let text = checkpoint.configuration.text
    return [text.imStart, text.assistant, 0] + (0..<tokens).map { Int32(3 + $0 * 5 % 61) }
      + [text.imEnd, 0, text.imStart, text.assistant, 0]
  }

  /// A prompt with a reference of ten seconds.
  private func clonedPrompt(_ layout: PromptLayout, voice: Int) -> Prompt {
    let configuration = checkpoint.configuration
    let entries = Int32(configuration.predictor.codebookSize)
    let codes = (0..<125).map { frame in
      (0..<16).map { Int32(frame * 7919 + $0 * 104_729 + voice * 31) % entries }
    }
    let width = configuration.talker.transformer.hiddenSize
    return Prompt(
      target: target(30), language: nil,
      speaker: .embedding((0..<width).map { 0.02 * Float(Math.sin(Double($0))) }),
      reference: PromptReference(textIDs: Array(target(40).dropLast(3)), codes: codes),
      layout: layout, configuration: configuration)
  }

  /// A prompt without a voice, of so many rows.
  private func plainPrompt(rows: Int) -> Prompt {
    func prompt(_ tokens: Int) -> Prompt {
      Prompt(
        target: target(tokens), language: nil, speaker: .unspecified, layout: .whole,
        configuration: checkpoint.configuration)
    }
    return prompt(1 + rows - prompt(1).rows.count)
  }

  /// From the call to the first samples; `nil` when the speech ended before.
  private static func firstAudio(
    _ engine: any PromptSpeaking, _ prompt: Prompt
  ) throws -> Duration? {
    let clock = ContinuousClock()
    let settings = SamplingSettings(repetitionPenalty: 1.05)
    var heard: Duration?
    let start = clock.now
    _ = try engine.speak(
      prompt, settings: UtteranceSettings(talker: settings, predictor: settings, seed: 7),
      budget: 1, chunks: (1, 4), isCancelled: { false },
      deliver: { _, _ in heard = heard ?? (clock.now - start) })
    return heard
  }
}
