// SPDX-License-Identifier: MIT

import ModelFiles
import Qwen3TTS
import SpeechModel
import SpeechRuntime

/// What a benchmark does with an engine.
struct BenchmarkRuns {
  private let engine: any PromptSpeaking
  private let checkpoint: Checkpoint
  private let laterChunk: Int
  private let prompt: Prompt
  private let clock = ContinuousClock()

  /// - Parameters:
  ///   - tokens: Of the invented text.
  ///   - laterChunk: Frames of each chunk after the first.
  init(engine: any PromptSpeaking, checkpoint: Checkpoint, tokens: Int, laterChunk: Int) {
    (self.engine, self.checkpoint, self.laterChunk) = (engine, checkpoint, laterChunk)
    prompt = Self.prompt(tokens: tokens, checkpoint.configuration)
  }

  /// A prompt of so many tokens of an invented text.
  static func prompt(tokens: Int, _ configuration: ModelConfiguration) -> Prompt {
    let text = configuration.text
    let target =
      [text.imStart, text.assistant, 0] + (0..<tokens).map { Int32(100 + $0 % 100) }
      + [text.imEnd, 0, text.imStart, text.assistant, 0]
    return Prompt(
      target: target, language: configuration.talker.languages["english"],
      speaker: configuration.talker.speakers.values.min().map { .named($0) } ?? .unspecified,
      layout: .whole, configuration: configuration)
  }

  private func settings(seed: UInt64) -> UtteranceSettings {
    UtteranceSettings(
      talker: checkpoint.generation.talker, predictor: checkpoint.generation.predictor, seed: seed)
  }

  private func speak(
    budget: Int, first: Int = 1, later: Int, seed: UInt64, deliver: (Int) -> Void = { _ in }
  ) throws -> UtteranceReport {
    try engine.speak(
      prompt, settings: settings(seed: seed), budget: budget, chunks: (first, later),
      isCancelled: { false }, deliver: { _, codes in deliver(codes.count) })
  }

  /// About how long a frame takes here, from a few after one utterance to warm up.
  func secondsPerFrame() throws -> Double {
    for isMeasured in [false, true] {
      let begin = clock.now
      var made = 0
      for seed in 0..<UInt64(1000) where made < 4 {
        _ = try speak(budget: 4 - made, later: laterChunk, seed: seed) { made += $0 }
      }
      if isMeasured { return (clock.now - begin).seconds / Double(max(1, made)) }
    }
    return 0
  }

  /// Speaks so many frames, several times; the first time warms up.
  ///
  /// - Parameter ran: Called after each time.
  func speak(
    frames: Int, repeats: Int, into result: inout BenchmarkResult, ran: () -> Void
  ) throws {
    var (prefill, steps, codec, factors): ([Double], [Double], [Double], [Double]) = (
      [], [], [], []
    )
    for index in 0...repeats {
      let begin = clock.now
      var made = 0
      // A random model may end early: the seed changes until the frames are there.
      var seed = UInt64(1000 * index)
      var reports: [UtteranceReport] = []
      while made < frames, seed % 1000 < 999 {
        reports.append(
          try speak(budget: frames - made, later: laterChunk, seed: seed) { made += $0 })
        seed += 1
      }
      ran()
      guard index > 0 else { continue }
      prefill += reports.map { $0.times.prefill.seconds * 1000 }
      steps += reports.flatMap(\.times.frames).map { $0.seconds * 1000 }
      codec += reports.flatMap(\.times.codec).map { $0.time.seconds * 1000 / Double($0.frames) }
      factors.append(Double(made) * 0.08 / (clock.now - begin).seconds)
    }
    result.prefill_ms = Spread(prefill)
    result.step_ms = Spread(steps)
    result.codec_ms_per_frame = Spread(codec)
    result.rtf = Spread(factors)
  }

  /// Times from the text to the first samples in memory of the host; the first time warms up.
  func firstAudio(frames: Int, repeats: Int) throws -> Spread {
    var times: [Double] = []
    var seed: UInt64 = 0
    while times.count <= repeats, seed < 1000 {
      let begin = clock.now
      var heard: Duration?
      _ = try speak(budget: frames, first: frames, later: frames, seed: seed) {
        // Speech that ended before the chunk was full does not count.
        if $0 == frames { heard = heard ?? (clock.now - begin) }
      }
      if let heard { times.append(heard.seconds * 1000) }
      seed += 1
    }
    guard times.count > 1 else { throw endsBefore(frames) }
    return Spread(Array(times.dropFirst()))
  }

  private func endsBefore(_ frames: Int) -> SynthesisError {
    SynthesisError(
      .internalFailure, "The model ends its speech before \(frames) frames, whatever the seed.")
  }

  /// Frame step and its parts on the device, and how fast it reads what a frame has to read.
  ///
  /// - Parameter count: Frame steps, and as many of each part.
  func split(count: Int, into result: inout BenchmarkResult) throws {
    let times = try engine.measure(after: prompt, settings: settings(seed: 1), count: count)
    let frame = milliseconds(times.frame)
    result.frame_path =
      times.isOneKernel
      ? .kernel : result.architecture != nil && !result.eager ? .graph : .operations
    result.split_ms["frame"] = frame
    for (part, durations) in times.parts {
      result.split_ms[part.rawValue] = milliseconds(durations)
    }
    let bytes = checkpoint.configuration.frameByteCount(
      position: prompt.rows.count + count / 2, weights: try checkpoint.talkerElementType,
      cache: engine.cachePrecision)
    result.frame_bytes = bytes
    result.achieved_gb_s = Double(bytes) / (frame.p50 / 1000) / 1e9
  }

  /// Frames of the chunks whose decoding is timed.
  static let codecChunks = [1, 2, 4, 8, 16]

  /// Reading prompts of several lengths and decoding chunks of several sizes, each until it is done.
  func parts(repeats: Int, into result: inout BenchmarkResult) throws {
    for tokens in [30, 100, 200] {
      let prompt = Self.prompt(tokens: tokens, checkpoint.configuration)
      let times = try engine.measurePrompt(
        prompt, settings: settings(seed: 1), count: repeats)
      result.prompt_ms_by_rows[String(prompt.rows.count)] = milliseconds(times)
    }
    for frames in Self.codecChunks {
      result.codec_ms_by_chunk[String(frames)] = milliseconds(
        try engine.measureCodec(frames: frames, count: repeats))
    }
  }

  private func milliseconds(_ durations: [Duration]) -> Spread {
    Spread(durations.map { $0.seconds * 1000 })
  }

  /// Real-time factor of so many seconds without a break: one utterance that does not end before.
  func long(seconds: Int) throws -> Double {
    let frames = seconds * 25 / 2
    for seed in 0..<UInt64(200) {
      let begin = clock.now
      var made = 0
      let report = try speak(budget: frames, later: laterChunk, seed: seed) { made += $0 }
      let time = clock.now - begin
      if made == frames, report.finishReason == .length {
        return Double(frames) * 0.08 / time.seconds
      }
    }
    throw endsBefore(frames)
  }
}
