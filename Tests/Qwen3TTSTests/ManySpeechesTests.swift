// SPDX-License-Identifier: MIT

import Qwen3TTS
import Testing

/// Speeches at the same time, with the bundled voice.
@Suite struct ManySpeechesTests {
  private static let texts = [
    "The first of them says this.", "Another one says something else, and takes longer for it.",
    "Two sentences. This is the second.", "It is half past five.", "Hello!",
    "When everybody speaks at once, who listens?", "no no no", "One, two, three, four, five.",
    "Good morning.", "A quiet voice beside a loud one.", "The last but one.", "The last.",
  ]

  private static func options(seed: UInt64, frames: Int? = nil) -> SpeechOptions {
    var options = SpeechOptions()
    options.seed = seed
    options.maximumFrames = frames
    return options
  }

  private static func open(voices: Int, queue: Int = 1024) async throws -> SpeechSynthesizer {
    var limits = SpeechLimits()
    limits.voices = voices
    limits.queue = queue
    return try await SpeechSynthesizer(device: .cpu, limits: limits)
  }

  /// Whether a synthesizer has nothing to do, soon.
  private static func isIdle(_ synthesizer: SpeechSynthesizer) async -> Bool {
    for _ in 0..<1000 where !synthesizer.load.isIdle {
      try? await Task.sleep(for: .milliseconds(10))
    }
    return synthesizer.load.isIdle
  }

  @Test func `twelve at once have the samples of each alone`() async throws {
    let one = try await Self.open(voices: 1)
    var alone: [[Float]] = []
    for (index, text) in Self.texts.enumerated() {
      alone.append(
        try await one.waveform(for: text, options: Self.options(seed: UInt64(index))).samples)
    }
    // More of them than voices, so that some wait.
    let many = try await Self.open(voices: 5)
    let together = try await withThrowingTaskGroup(of: (Int, [Float]).self) { group in
      for (index, text) in Self.texts.enumerated() {
        group.addTask {
          var samples: [Float] = []
          for try await chunk in many.speech(for: text, options: Self.options(seed: UInt64(index)))
          {
            samples += chunk.samples
          }
          return (index, samples)
        }
      }
      var all = [[Float]](repeating: [], count: Self.texts.count)
      for try await (index, samples) in group { all[index] = samples }
      return all
    }
    for (index, text) in Self.texts.enumerated() {
      #expect(together[index] == alone[index], "\(text)")
    }
    #expect(await Self.isIdle(many) && many.state == .ready)
  }

  @Test func `a reader that stops reading holds its own voice alone, and at most 2 MB`()
    async throws
  {
    let long = Self.texts.prefix(8).joined(separator: " ") + " And it does not end here, no."
    let expected = try await Self.open(voices: 1)
      .waveform(for: long, options: Self.options(seed: 1)).samples
    let synthesizer = try await Self.open(voices: 2)
    let slow = synthesizer.speech(for: long, options: Self.options(seed: 1))
    var reader = slow.makeAsyncIterator()
    var samples = try #require(await reader.next()).samples
    for seed in 0..<3 as Range<UInt64> {
      let other = try await synthesizer.waveform(
        for: Self.texts[1], options: Self.options(seed: seed))
      #expect(other.summary.finishReason == .stop)
      #expect(slow.unreadFrames <= 256)
    }
    while let chunk = try await reader.next() { samples += chunk.samples }
    #expect(samples == expected)
  }

  @Test func `a speech that nobody holds any more ends, and one that is cancelled says so`()
    async throws
  {
    let synthesizer = try await Self.open(voices: 2)
    let long = Self.texts.joined(separator: " ")
    do {
      var reader = synthesizer.speech(for: long).makeAsyncIterator()
      _ = try await reader.next()
    }
    let speech = synthesizer.speech(for: long)
    var reason: FinishReason?
    for try await chunk in speech {
      speech.cancel()
      reason = chunk.summary?.finishReason
    }
    #expect(reason == .cancelled)
    let task = Task {
      for try await _ in synthesizer.speech(for: long) {}
      return Task.isCancelled
    }
    task.cancel()
    #expect(try await task.value)
    #expect(await Self.isIdle(synthesizer))
  }

  @Test func `requests beyond the queue are refused, and those before it are spoken in order`()
    async throws
  {
    let synthesizer = try await Self.open(voices: 1, queue: 3)
    let blocker = synthesizer.speech(for: Self.texts[1], options: Self.options(seed: 0))
    var reader = blocker.makeAsyncIterator()
    _ = try await reader.next()
    let codes = try await withThrowingTaskGroup(of: SynthesisError.Code?.self) { group in
      for seed in 0..<9 as Range<UInt64> {
        group.addTask {
          do throws(SynthesisError) {
            for try await _ in synthesizer.speech(
              for: "Yes.", options: Self.options(seed: seed, frames: 2))
            {}
            return nil
          } catch {
            return error.code
          }
        }
      }
      // They are all there before the first one goes on.
      for _ in 0..<1000 where synthesizer.load.waiting < 3 {
        try await Task.sleep(for: .milliseconds(10))
      }
      while try await reader.next() != nil {}
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(codes.count == 9)
    #expect(codes.count { $0 == nil } >= 3)
    #expect(codes.allSatisfy { $0 == nil || $0 == .overloaded })
  }

  @Test func `a thousand at once all end`() async throws {
    let synthesizer = try await Self.open(voices: 16)
    let ended = try await withThrowingTaskGroup(of: Int.self) { group in
      for seed in 0..<1000 as Range<UInt64> {
        group.addTask {
          var frames = 0
          for try await chunk in synthesizer.speech(
            for: "Hi.", options: Self.options(seed: seed, frames: 1))
          {
            frames += chunk.codes.count
          }
          return frames
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(ended == 1000)
  }

  @Test func `a synthesizer that is shut down ends what it has begun and refuses the rest`()
    async throws
  {
    let synthesizer = try await Self.open(voices: 2)
    let speech = synthesizer.speech(for: Self.texts[1], options: Self.options(seed: 0))
    var reader = speech.makeAsyncIterator()
    _ = try await reader.next()
    async let shutdown: Void = synthesizer.shutdown()
    var summary: SpeechMetrics?
    while let chunk = try await reader.next() { summary = chunk.summary ?? summary }
    #expect(summary?.finishReason == .stop)
    await shutdown
    #expect(synthesizer.state == .stopped)
    await #expect {
      for try await _ in synthesizer.speech(for: "Hi.") {}
    } throws: { ($0 as? SynthesisError)?.code == .stopped }
    // At once.
    let other = try await Self.open(voices: 2)
    let cut = other.speech(for: Self.texts.joined(separator: " "))
    var cutReader = cut.makeAsyncIterator()
    _ = try await cutReader.next()
    await other.shutdown(within: .zero)
    await #expect {
      while try await cutReader.next() != nil {}
    } throws: { ($0 as? SynthesisError)?.code == .stopped }
  }

  @Test func `two models on one device speak at once as each alone`() async throws {
    let first = try await Self.open(voices: 4)
    let second = try await SpeechSynthesizer(on: first)
    async let a = first.waveform(for: Self.texts[1], options: Self.options(seed: 5))
    async let b = second.waveform(for: Self.texts[2], options: Self.options(seed: 6))
    let alone = try await Self.open(voices: 1)
    #expect(
      try await a.samples
        == alone.waveform(for: Self.texts[1], options: Self.options(seed: 5)).samples)
    #expect(
      try await b.samples
        == alone.waveform(for: Self.texts[2], options: Self.options(seed: 6)).samples)
  }

  @Test func `limits out of range are refused`() async {
    var limits = SpeechLimits()
    limits.voices = 0
    await #expect {
      _ = try await SpeechSynthesizer(device: .cpu, limits: limits)
    } throws: { "\($0)" == "limits, voices: expected 1…1024, found 0" }
  }

  @Test(arguments: [TextLayout.incremental, .whole])
  func `a text spoken while it is written sounds as written at once`(layout: TextLayout)
    async throws
  {
    let text =
      "Well, this is the answer to your question. It has several sentences, some of them short. "
      + "Others go on for a while, because there is more to be said about them. Done!"
    var options = Self.options(seed: 11)
    options.textLayout = layout
    let synthesizer = try await Self.open(voices: 2)
    let whole = try await synthesizer.waveform(for: text, options: options)
    for pace in [1, 3, 17, 400] {
      let (pieces, writer) = AsyncStream<String>.makeStream()
      let speech = synthesizer.speech(for: pieces, options: options)
      Task {
        var rest = text[...]
        while !rest.isEmpty {
          writer.yield(String(rest.prefix(pace)))
          rest = rest.dropFirst(pace)
          if pace > 3 { try await Task.sleep(for: .milliseconds(20)) }
        }
        writer.finish()
      }
      var samples: [Float] = []
      var summary: SpeechMetrics?
      for try await chunk in speech {
        samples += chunk.samples
        summary = chunk.summary ?? summary
      }
      #expect(summary?.finishReason == .stop)
      // In the whole layout, parts of a text that is being written are its sentences.
      if layout == .incremental {
        #expect(samples == whole.samples)
        #expect(summary?.spokenText == whole.summary.spokenText)
      } else {
        #expect(summary?.parts == 4)
      }
    }
  }

  @Test func `a writer that pauses is waited for, and one that fails ends the speech`() async throws
  {
    struct Lost: Error {}
    let synthesizer = try await Self.open(voices: 2)
    var options = Self.options(seed: 3)
    options.textLayout = .incremental
    let begin =
      "The sentence begins here and then has so many plain words in one breath that some of them "
    let rest = "can be spoken before the pause, and the others after it."
    let text = begin + rest
    let whole = try await synthesizer.waveform(for: text, options: options).samples
    let (pieces, writer) = AsyncThrowingStream<String, any Error>.makeStream()
    var reader = synthesizer.speech(for: pieces, options: options).makeAsyncIterator()
    writer.yield(begin)
    var samples = try #require(await reader.next()).samples
    try await Task.sleep(for: .milliseconds(300))
    writer.yield(rest)
    writer.finish()
    while let chunk = try await reader.next() { samples += chunk.samples }
    #expect(samples == whole)

    // A speech that is cancelled meanwhile does not wait for its writer.
    let (silent, quiet) = AsyncStream<String>.makeStream()
    let cancelled = synthesizer.speech(for: silent, options: options)
    quiet.yield(begin)
    var reason: FinishReason?
    for try await chunk in cancelled {
      cancelled.cancel()
      reason = chunk.summary?.finishReason
    }
    #expect(reason == .cancelled)

    let (broken, failing) = AsyncThrowingStream<String, any Error>.makeStream()
    let speech = synthesizer.speech(for: broken, options: options)
    failing.yield(begin)
    failing.finish(throwing: Lost())
    await #expect {
      for try await _ in speech {}
    } throws: { ($0 as? SynthesisError)?.code == .invalidInput }
    #expect(await Self.isIdle(synthesizer))
  }
}
