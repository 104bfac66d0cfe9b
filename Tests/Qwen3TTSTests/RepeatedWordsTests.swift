// SPDX-License-Identifier: MIT

import Qwen3TTS
import SpeechModel
import Testing

/// What is repeated many times is spoken a few at a time, and no part takes much longer than usual.
@Suite struct RepeatedWordsTests {
  static let usual = UsualFrames(
    text: 5, letter: 1, word: 0, spelledLetter: 1, comma: 2, stop: 1, wait: 5)

  @Test(arguments: [
    "It was a bright cold day in April, and the clocks were striking thirteen.",
    "Very, very, very, very good.", "no no no no no", "Again and again and again and again.",
    "ha ha ha ha ha ha ha ha ha ha", "banana", "", "?!",
  ]) func `ordinary texts stay whole`(_ text: String) {
    #expect(RepeatedWords.groups(of: text) == [.init(text: text)])
  }

  @Test(arguments: [
    (String(repeating: "no ", count: 50), "no", 50),
    (String(repeating: "Hello! ", count: 40), "hello", 40),
    (String(repeating: "da, ", count: 23), "da", 23),
    (String(repeating: "please-", count: 31) + "please.", "please", 32),
    (String(repeating: "come on ", count: 20), "come on", 40),
    (String(repeating: "ha", count: 60), "ha", 60),
  ]) func `repetitions are cut into groups, and nothing is lost`(
    _ text: String, _ unit: String, _ words: Int
  ) {
    let groups = RepeatedWords.groups(of: text)
    #expect(groups.count >= words / 10)
    #expect(groups.allSatisfy { $0.unit == unit })
    func letters(_ text: String) -> String { text.filter { !$0.isWhitespace } }
    #expect(letters(groups.map(\.text).joined()) == letters(text))
    let counts = groups.map { $0.text.count(where: \.isLetter) }
    let largest = 10 * unit.count(where: \.isLetter)
    #expect(counts.allSatisfy { $0 <= largest })
    // No group is so small that it is a word by itself.
    #expect(counts.allSatisfy { $0 * 3 > largest })
  }

  @Test func `what stands around a repetition is a part of its own`() {
    let run = String(repeating: "no ", count: 12)
    let groups = RepeatedWords.groups(of: "She said: \(run)and left.")
    #expect(groups.map(\.unit) == [nil, "no", "no", nil])
    #expect(groups.first?.text == "She said:")
    #expect(groups.last?.text == "and left.")
  }

  @Test func `a part may take two and a half times what it usually takes`() {
    let part = TextPart(text: "Good morning.", end: 1)
    let usual = Self.usual.frames(for: part.text)
    #expect(usual == 17)
    let whole = FrameBudget(Self.usual, framesPerToken: nil, isIncremental: false)
    #expect(whole.frames(for: part, tokenCount: 5) == 52)
    let incremental = FrameBudget(Self.usual, framesPerToken: nil, isIncremental: true)
    #expect(incremental.frames(for: part, tokenCount: 5) == 57)
  }

  @Test func `without a usual length tokens count, and with a stated one too`() {
    let part = TextPart(text: "Good morning.", end: 1)
    let unlearned = FrameBudget(nil, framesPerToken: nil, isIncremental: false)
    #expect(unlearned.frames(for: part, tokenCount: 5) == 110)
    let stated = FrameBudget(Self.usual, framesPerToken: 2, isIncremental: false)
    #expect(stated.frames(for: part, tokenCount: 5) == 60)
  }

  @Test func `a repetition is held to the least it took before`() {
    let group = TextPart(text: "no no no no", end: 1, repeated: "no")
    var budget = FrameBudget(Self.usual, framesPerToken: nil, isIncremental: false)
    let first = budget.frames(for: group, tokenCount: 4)
    #expect(first == 19)
    budget.note(group, frames: first, .runaway)
    #expect(budget.frames(for: group, tokenCount: 4) == first)
    budget.note(group, frames: 12, .stop)
    #expect(budget.frames(for: group, tokenCount: 4) == 16)
    budget.note(group, frames: 8, .stop)
    budget.note(group, frames: 12, .stop)
    #expect(budget.frames(for: group, tokenCount: 4) == 12)
    #expect(budget.notices(on: 2).count == 2)
  }

  // Frames that the voice's teacher, hibari-tts, takes; in one go, the voice took 1,346 for fifty times "no".
  @Test(arguments: [("no", 50, 158), ("Debbie", 29, 137), ("agree", 44, 205)], TextLayout.allCases)
  func `a word many times takes at most 1.6 times as long as its teacher, with a notice`(
    _ text: (unit: String, count: Int, frames: Int), _ layout: TextLayout
  ) async throws {
    let synthesizer = try await SpeechSynthesizer(device: .cpu)
    var options = SpeechOptions()
    options.seed = 1
    options.textLayout = layout
    let summary = try await synthesizer.waveform(
      for: Array(repeating: text.unit, count: text.count).joined(separator: " "), options: options
    ).summary
    let wait = layout == .incremental ? 5 : 0
    #expect(summary.frames - wait <= text.frames * 16 / 10)
    #expect(summary.parts > 1)
    #expect(summary.notices.contains { $0.contains("a few at a time") })
    #expect(summary.finishReason == .stop || summary.notices.contains { $0.contains("cut off") })
  }

  @Test func `words of other scripts are named`() async throws {
    let synthesizer = try await SpeechSynthesizer(device: .cpu)
    var options = SpeechOptions()
    options.maximumFrames = 2
    let notices = try await synthesizer.waveform(
      for: "Hello «мир», naïve café 日本語 and мир.", options: options
    ).summary.notices
    #expect(
      notices == ["Left out, because this voice has no way to say it: мир, 日本語 (3 words in all)."])
    let plain = try await synthesizer.waveform(for: "Hello — “world” 😀", options: options)
    #expect(plain.summary.notices.isEmpty)
  }

  @Test(arguments: ["word ", "1234 ", "This is sentence five. "])
  func `the first part of a long text is there without the rest`(_ unit: String) async throws {
    let synthesizer = try await SpeechSynthesizer(device: .cpu)
    var options = SpeechOptions()
    options.maximumFrames = 1
    // Read whole, it would be many minutes of work.
    let text = String(repeating: unit, count: 50_000_000 / unit.count)
    let chunk = try await synthesizer.waveform(for: text, options: options)
    #expect(chunk.samples.count == 1920)
    #expect(chunk.summary.parts == 1)
  }
}
