// SPDX-License-Identifier: MIT

import CPUBackend
import Foundation
import ModelFiles
import Qwen3TTS
import SpeechModel
import SpeechRuntime
import SpeechScheduler
import Synchronization
import SyntheticCheckpoint
import Testing

/// What an engine takes on, and what is left of what it has done.
@Suite struct EngineTests {
  @Test func `of a thousand requests at once the first are spoken in order and the others refused`()
    throws
  {
    let checkpoint = Checkpoint.synthetic(.tiny06, variant: .customVoice, seed: 0)
    var limits = EngineLimits(capacity: 64)
    limits.voices = 16
    limits.queue = 300
    let engine = try SpeechEngine(checkpoint, limits, on: CPUBackend())
    let prompt = Prompt(
      target: (0..<10).map { Int32(3 + $0) }, language: nil, speaker: .unspecified,
      layout: .whole, configuration: checkpoint.configuration)
    let settings = SamplingSettings()
    var admitted: [Int] = []
    var reasons: [EndReason?] = Array(repeating: nil, count: 1000)
    for index in 0..<1000 {
      var utterance = Utterance(
        prompt: prompt,
        settings: UtteranceSettings(talker: settings, predictor: settings, seed: UInt64(index)),
        frameLimit: 1)
      utterance.deadlines = .throughput
      _ = engine.submit(utterance) { event in
        switch event {
        case .admitted: admitted.append(index)
        case .ended(let ending, _): reasons[index] = ending.reason
        default: break
        }
      }
    }
    while !engine.status.voices.isEmpty || engine.status.waiting > 0 { _ = try engine.turn() }
    _ = try engine.turn()
    #expect(admitted == Array(0..<316))
    #expect(reasons.prefix(316).allSatisfy { $0 == .limit || $0 == .stop })
    #expect(reasons.dropFirst(316).allSatisfy { $0 == .refused(.overloaded) })
    #expect(engine.status.pagesUsed == 0)
  }

  @Test func `speeches wait for pages, say the same, and are refused when they need more than all`()
    async throws
  {
    // Two pages, of which each speech needs one: prompt and frames are 64 positions at the most.
    var limits = SpeechLimits()
    limits.voices = 8
    limits.keyValueBytes = 3 * 64 * 2 * 3 * 256 * 4
    let few = try await LiveSpeechTests.synthesizer(.customVoice, limits: limits)
    let many = try await LiveSpeechTests.synthesizer(.customVoice)
    @Sendable func speak(
      _ synthesizer: SpeechSynthesizer, seed: UInt64
    ) async throws -> [Float] {
      var options = SpeechOptions()
      options.maximumFrames = 30
      options.seed = seed
      return try await synthesizer.waveform(for: "Good morning.", options: options).samples
    }
    let most = try await withThrowingTaskGroup(of: Int.self) { group in
      for seed in 0..<12 as Range<UInt64> {
        group.addTask {
          let samples = try await speak(few, seed: seed)
          let load = few.load
          #expect(try await speak(many, seed: seed) == samples)
          #expect(load.pagesUsed <= 2)
          return load.waiting
        }
      }
      return try await group.reduce(0, max)
    }
    #expect(few.load.pages == 2 && most > 0)
    let error = await #expect(throws: SynthesisError.self) {
      _ = try await few.waveform(for: String(repeating: "many words ", count: 60))
    }
    #expect(error?.code == .invalidInput)
    #expect(error?.message.contains("expected a prompt under 128 positions") == true)
  }

  @Test(
    arguments: [
      // One page is for rows that fill up a step.
      (4, 17, 1_000, 4 * 64), (4, 19, 1_000, 4 * 64), (4, 3, 1_000, 64), (4, nil, 1_000, 1_000),
      (1, 2, 1_000, 128),
    ] as [(Int, Int?, Int, Int)])
  func `a plan says what each voice can have while all speak`(
    voices: Int, pages: Int?, capacity: Int, each: Int
  ) throws {
    let checkpoint = Checkpoint.synthetic(.tiny06, variant: .customVoice, seed: 0)
    let shape = checkpoint.configuration.talker.transformer
    var limits = EngineLimits(capacity: capacity)
    limits.voices = voices
    limits.keyValueBytes = pages.map { $0 * 64 * 2 * shape.layerCount * shape.kvWidth * 4 }
    let plan = try MemoryPlan(checkpoint, limits, precision: .float32)
    #expect(plan.capacityOfEach == each)
  }

  @Test func `a model can be used while it is being loaded`() async throws {
    let gate = Gate()
    let (checkpoint, tokenizer) = try LiveSpeechTests.model(.customVoice)
    let synthesizer = try SpeechSynthesizer(
      loading: checkpoint.watched { _ in gate.wait() }, tokenizer: tokenizer)
    #expect(synthesizer.state == .loading && synthesizer.device.isEmpty)
    #expect(!synthesizer.voices.isEmpty)
    var options = SpeechOptions()
    options.maximumFrames = 2
    let speech = synthesizer.speech(for: "Hello.", options: options)
    #expect(synthesizer.state == .loading && !synthesizer.isStalled(for: .zero))
    gate.open()
    var summary: SpeechMetrics?
    for try await chunk in speech { summary = chunk.summary ?? summary }
    #expect(summary?.frames == 2 && synthesizer.state == .ready)
    #expect(summary?.device == synthesizer.device && synthesizer.device.hasPrefix("CPU"))
  }

  @Test func `a second model is loaded while the first one speaks`() async throws {
    let first = try await LiveSpeechTests.synthesizer(.customVoice)
    var options = SpeechOptions()
    options.textLayout = .incremental
    options.maximumFrames = 12
    let (pieces, writer) = AsyncStream<String>.makeStream()
    var reader = first.speech(for: pieces, options: options).makeAsyncIterator()
    writer.yield("This waits for more ")
    _ = try #require(await reader.next())
    let (checkpoint, tokenizer) = try LiveSpeechTests.model(.base)
    let wasIdle = Mutex<[Bool]>([])
    let watched = checkpoint.watched { _ in
      let isIdle = first.load.isIdle
      let count = wasIdle.withLock { wasIdle in
        wasIdle.append(isIdle)
        return wasIdle.count
      }
      if count == 1 {
        writer.yield("and gets it while another model comes.")
        writer.finish()
      }
      // Between two weights the engine takes turns; what it waits for comes from other threads.
      if !isIdle { Thread.sleep(forTimeInterval: 0.01) }
    }
    let second = try await SpeechSynthesizer(watched, tokenizer: tokenizer, on: first)
    let seen = wasIdle.withLock { $0 }
    #expect(seen.first == false && seen.last == true, "\(seen.count)")
    while try await reader.next() != nil {}
    options.voice = .embedding([Float](repeating: 0.1, count: 128))
    #expect(try await second.waveform(for: "Hi.", options: options).summary.frames > 0)
  }

  @Test func `a device that is at one thing for long is stalled, and one that waits is not`()
    async throws
  {
    let first = try await LiveSpeechTests.synthesizer(.customVoice)
    #expect(!first.isStalled(for: .zero))
    let gate = Gate()
    let (checkpoint, tokenizer) = try LiveSpeechTests.model(.base)
    let watched = checkpoint.watched { _ in gate.wait() }
    async let second = SpeechSynthesizer(watched, tokenizer: tokenizer, on: first)
    for _ in 0..<1000 where !first.isStalled(for: .milliseconds(20)) {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(first.isStalled(for: .milliseconds(20)) && !first.isStalled(for: .seconds(3600)))
    gate.open()
    _ = try await second
    for _ in 0..<1000 where first.isStalled(for: .zero) {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(!first.isStalled(for: .zero))
  }

  @Test(arguments: [
    ("auto", SpeechDevice.automatic), ("cpu", .cpu), ("cuda", .cuda), ("cuda:0", .cuda(0)),
    ("cuda:12", .cuda(12)), ("cuda:", nil), ("cuda:-1", nil), ("cuda:x", nil), ("cuda:1:2", nil),
    ("cuda:99999999999999999999", nil), ("gpu", nil), ("", nil),
  ]) func `devices have names`(_ name: String, _ device: SpeechDevice?) {
    #expect(SpeechDevice(rawValue: name) == device)
    if let device { #expect(SpeechDevice(rawValue: device.rawValue) == device) }
  }

  /// `SPEECH_REQUESTS` sets another number than 1,000.
  @Test func `memory is the same after a thousand requests as after a hundred`() async {
    await #expect(processExitsWith: .success) {
      let synthesizer = try await LiveSpeechTests.synthesizer(.customVoice)
      var options = SpeechOptions()
      options.maximumFrames = 2
      func speak(_ seeds: Range<Int>) async throws {
        for start in stride(from: seeds.lowerBound, to: seeds.upperBound, by: 20) {
          try await withThrowingTaskGroup(of: Void.self) { group in
            for seed in start..<min(start + 20, seeds.upperBound) {
              group.addTask { [options] in
                var options = options
                options.seed = UInt64(seed)
                // Texts differ, so that tokens come and go.
                let text = "Number \(seed), \(seed % 7 == 0 ? "again and again" : "once")."
                for try await chunk in synthesizer.speech(for: text, options: options) {
                  // Some are given up.
                  if seed % 11 == 0, !chunk.samples.isEmpty { break }
                }
              }
            }
            try await group.waitForAll()
          }
        }
      }
      func resident() throws -> Int {
        let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
          .split(separator: " ")[1]
        return try #require(Int(pages)) * 4096
      }
      let count =
        ProcessInfo.processInfo.environment["SPEECH_REQUESTS"].flatMap { Int($0) } ?? 1000
      try await speak(0..<100)
      let before = try resident()
      try await speak(100..<count)
      let growth = try resident() - before
      // What the allocator keeps for itself varies, however many there were.
      #expect(growth < 4 << 20, "\(growth) bytes more than the \(before) after 100")
      #expect(synthesizer.state == .ready)
    }
  }
}

/// Holds a thread until it is opened.
private final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)

  func open() { semaphore.signal() }

  /// Everybody who comes afterwards passes.
  func wait() {
    semaphore.wait()
    semaphore.signal()
  }
}

/// Weights that report what is read of them.
private struct WatchedWeights: WeightSource {
  let base: any WeightSource & Sendable
  let onRead: @Sendable (String) -> Void

  func tensor(_ name: String, _ shape: [Int]) throws -> HostTensor {
    onRead(name)
    return try base.tensor(name, shape)
  }
}

extension Checkpoint {
  fileprivate func watched(_ onRead: @escaping @Sendable (String) -> Void) -> Checkpoint {
    Checkpoint(
      configuration: configuration, codecConfiguration: codecConfiguration, generation: generation,
      weights: WatchedWeights(base: weights, onRead: onRead),
      codecWeights: WatchedWeights(base: codecWeights, onRead: onRead))
  }
}
