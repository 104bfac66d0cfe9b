// SPDX-License-Identifier: MIT

import Foundation
import ModelFiles
import Qwen3TTS
import SpeechModel
import Synchronization

/// What a bench does with an engine.
struct BenchRuns {
  private let engine: any PromptSpeaking
  private let checkpoint: Checkpoint
  private let laterChunk: Int
  private let prompt: Prompt
  private let clock = ContinuousClock()

  /// - Parameters:
  ///   - tokens: Of the invented text.
  ///   - laterChunk: Frames of each chunk behind the first.
  init(engine: any PromptSpeaking, checkpoint: Checkpoint, tokens: Int, laterChunk: Int) {
    (self.engine, self.checkpoint, self.laterChunk) = (engine, checkpoint, laterChunk)
    let configuration = checkpoint.configuration
    let text = configuration.text
    let target =
      [text.imStart, text.assistant, 0] + (0..<tokens).map { Int32(100 + $0 % 100) }
      + [text.imEnd, 0, text.imStart, text.assistant, 0]
    prompt = Prompt(
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
    frames: Int, repeats: Int, into result: inout BenchResult, ran: () -> Void
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
      prefill += reports.map { $0.prefill.seconds * 1000 }
      steps += reports.flatMap(\.frames).map { $0.seconds * 1000 }
      codec += reports.flatMap(\.codec).map { $0.time.seconds * 1000 / Double($0.frames) }
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
  func split(count: Int, into result: inout BenchResult) throws {
    let times = try engine.measure(behind: prompt, settings: settings(seed: 1), count: count)
    func milliseconds(_ durations: [Duration]) -> Spread {
      Spread(durations.map { $0.seconds * 1000 })
    }
    let frame = milliseconds(times.frame)
    result.split_ms["frame"] = frame
    for (part, durations) in times.parts {
      result.split_ms[part.rawValue] = milliseconds(durations)
    }
    let bytes = checkpoint.configuration.frameByteCount(
      position: prompt.rows.count + count / 2, weights: try checkpoint.talkerElementType)
    result.frame_bytes = bytes
    result.achieved_gb_s = Double(bytes) / (frame.p50 / 1000) / 1e9
  }

  /// Real-time factor of so many seconds in one go: one utterance that does not end before.
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

/// How long a process takes from its start until it can speak.
struct StartUp: Codable {
  /// With no kernels compiled before; `nil` where none are compiled.
  let first_seconds: Double?
  /// With kernels from the cache.
  let cached_seconds: Double

  /// Starts this program twice, with an empty cache of kernels and with what that left.
  static func measure(model: String?, _ device: Device) throws -> StartUp {
    let cache = FileManager.default.temporaryDirectory.appending(
      path: "qwen3-tts-start-\(ProcessInfo.processInfo.processIdentifier)")
    defer { try? FileManager.default.removeItem(at: cache) }
    // The folder, because another cache folder hides models that are found by name.
    let folder =
      try model.map { try ModelLibrary.standard.model(named: $0) } ?? SpeechSynthesizer.bundledModel
    func start() throws -> Double {
      let process = Process()
      process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      process.arguments =
        ["bench", "--only-start", "--device", device.rawValue, "--model", folder.path]
      process.environment = ProcessInfo.processInfo.environment.merging(
        ["XDG_CACHE_HOME": cache.path]
      ) { $1 }
      let pipe = Pipe()
      process.standardOutput = pipe
      try process.run()
      let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
      process.waitUntilExit()
      let text = String(decoding: output, as: UTF8.self)
      guard process.terminationStatus == 0,
        let seconds = Double(text.trimmingCharacters(in: .whitespacesAndNewlines))
      else {
        throw SynthesisError(
          .internalFailure,
          "A process started for measuring ended with code \(process.terminationStatus).")
      }
      return seconds
    }
    let first = try start()
    let compiles = FileManager.default.fileExists(atPath: cache.path)
    return StartUp(first_seconds: compiles ? first : nil, cached_seconds: try start())
  }

  /// Seconds since this process was started, in steps of 10 ms.
  static func secondsSinceStart() throws -> Double {
    // Field 22 of the line is the start in ticks of 1/100 s since boot; the name in field 2 may hold
    // anything but ends with the last parenthesis.
    let line = try String(contentsOfFile: "/proc/self/stat", encoding: .utf8)
    let fields = line.suffix(from: line.lastIndex(of: ")") ?? line.startIndex).split(separator: " ")
    guard fields.count > 20, let ticks = Double(fields[20]) else {
      throw SynthesisError(.internalFailure, "/proc/self/stat: expected 22 fields, found \(line)")
    }
    let uptime = try String(contentsOfFile: "/proc/uptime", encoding: .utf8)
    guard let now = uptime.split(separator: " ").first.flatMap({ Double($0) }) else {
      throw SynthesisError(.internalFailure, "/proc/uptime: expected a number, found \(uptime)")
    }
    return now - ticks / 100
  }
}

/// Weights that count what is asked of them, the text table excepted, of which rows are read.
final class CountedWeights: WeightSource, Sendable {
  private let base: any WeightSource & Sendable
  private let total: Total

  /// Bytes of all tensors that were asked for.
  final class Total: Sendable {
    fileprivate let bytes = Mutex<[String: Int]>([:])
    var byteCount: Int { bytes.withLock { $0.values.reduce(0, +) } }
  }

  private init(_ base: any WeightSource & Sendable, _ total: Total) {
    (self.base, self.total) = (base, total)
  }

  func tensor(_ name: String, _ shape: [Int]) throws -> HostTensor {
    let tensor = try base.tensor(name, shape)
    if !name.hasSuffix("text_embedding.weight") {
      total.bytes.withLock { $0[name] = tensor.byteRange.count }
    }
    return tensor
  }

  /// A checkpoint whose weights are counted.
  static func counting(_ checkpoint: Checkpoint) -> (Checkpoint, Total) {
    let total = Total()
    let counted = Checkpoint(
      configuration: checkpoint.configuration, codecConfiguration: checkpoint.codecConfiguration,
      generation: checkpoint.generation, weights: CountedWeights(checkpoint.weights, total),
      codecWeights: CountedWeights(checkpoint.codecWeights, total))
    return (counted, total)
  }
}
