// SPDX-License-Identifier: MIT

import SpeechAlignment
import Testing

/// Letters in made sounds, whose times are known.
@Suite struct SpeechAlignerTests {
  /// Sounds of a made language: a hum for vowels, noise for s, silence.
  enum Sound { case vowel, hiss, silence }

  /// So many hops of 10 ms of each, in whole frames.
  static func samples(_ sounds: [(Sound, hops: Int)]) -> [Float] {
    var samples: [Float] = []
    var noise: UInt32 = 1
    for (sound, hops) in sounds {
      for _ in 0..<240 * hops {
        noise = noise &* 1_664_525 &+ 1_013_904_223
        let random = Float(noise >> 8) / Float(1 << 23) - 1
        let phase = Float(samples.count % 160) / 160
        let last = samples.last ?? 0
        switch sound {
        case .vowel: samples.append(0.4 * (phase < 0.5 ? 4 * phase - 1 : 3 - 4 * phase))
        // Differences of noise: all of it high.
        case .hiss: samples.append(0.1 * random - 0.5 * last)
        case .silence: samples.append(0.0001 * random)
        }
      }
    }
    return samples + Array(repeating: 0, count: (1_920 - samples.count % 1_920) % 1_920)
  }

  static func aligner(_ words: [(String, SpeechAligner.Gap)]) -> SpeechAligner {
    var aligner = SpeechAligner()
    for (word, gap) in words { aligner.append(Array(word.unicodeScalars), after: gap) }
    aligner.endText()
    return aligner
  }

  /// "sa, sa": where its four letters are.
  private static let sounds: [(Sound, hops: Int)] = [
    (.silence, 20), (.hiss, 9), (.vowel, 14), (.silence, 30), (.hiss, 9), (.vowel, 14),
    (.silence, 40),
  ]

  @Test func `letters are found where they sound`() {
    var aligner = Self.aligner([("sa", .sentence), ("sa", .clause)])
    aligner.hear(Self.samples(Self.sounds))
    aligner.finish(isWhole: true)
    let times = aligner.takeTimes()
    #expect(times.count == 4)
    for (time, known) in zip(times, [20..<29, 29..<43, 73..<82, 82..<96]) {
      #expect(abs(time.lowerBound - known.lowerBound) <= 3, "\(time), \(known)")
      #expect(abs(time.upperBound - known.upperBound) <= 3, "\(time), \(known)")
    }
    #expect(aligner.takeTimes().isEmpty)
  }

  @Test func `a pause is looked for between words, and sooner at a mark`() {
    // The second of three words is as long as two would be, and no mark says where the pause is.
    let sounds: [(Sound, hops: Int)] = [
      (.hiss, 8), (.vowel, 12), (.hiss, 8), (.vowel, 12), (.silence, 40), (.hiss, 8), (.vowel, 12),
    ]
    for gap in [SpeechAligner.Gap.space, .clause, .sentence] {
      var aligner = Self.aligner([("sa", .sentence), ("sa", .space), ("sa", gap)])
      aligner.hear(Self.samples(sounds))
      aligner.finish(isWhole: true)
      let times = aligner.takeTimes()
      #expect(abs(times[4].lowerBound - 80) <= 3, "\(gap): \(times)")
      #expect(abs(times[3].upperBound - 40) <= 4, "\(gap): \(times)")
    }
  }

  @Test(arguments: [1, 2, 3, 8, 1_000])
  func `the pieces that sound comes in change nothing`(frames: Int) {
    let sounds = (0..<6).flatMap { _ in Self.sounds }
    let samples = Self.samples(sounds)
    let words = (0..<12).map { ("sa", $0 % 2 == 0 ? SpeechAligner.Gap.sentence : .clause) }
    var whole = Self.aligner(words)
    whole.hear(samples)
    whole.finish(isWhole: true)
    var aligner = Self.aligner(words)
    var times: [Range<Int>] = []
    for start in stride(from: 0, to: samples.count, by: 1_920 * frames) {
      aligner.hear(Array(samples[start..<min(start + 1_920 * frames, samples.count)]))
      times += aligner.takeTimes()
    }
    // All but the last were known before the end.
    #expect(frames == 1_000 || times.count >= 20)
    aligner.finish(isWhole: true)
    times += aligner.takeTimes()
    #expect(times == whole.takeTimes())
    #expect(zip(times, times.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
  }

  @Test func `words that come while the first are heard are found as if they had been there`() {
    let words = (0..<8).map { ("sa", $0 % 2 == 0 ? SpeechAligner.Gap.sentence : .clause) }
    let samples = Self.samples((0..<4).flatMap { _ in Self.sounds })
    var whole = SpeechAligner()
    for (index, (word, gap)) in words.enumerated() {
      whole.append(Array(word.unicodeScalars), after: gap, from: 4 * index)
    }
    whole.endText(from: 4 * words.count)
    whole.hear(samples)
    whole.finish(isWhole: true)
    var live = SpeechAligner()
    for frame in 0..<samples.count / 1_920 {
      if frame % 4 == 0, frame / 4 < words.count {
        let (word, gap) = words[frame / 4]
        live.append(Array(word.unicodeScalars), after: gap, from: frame)
      }
      if frame == 4 * words.count { live.endText(from: frame) }
      live.hear(Array(samples[frame * 1_920..<(frame + 1) * 1_920]))
    }
    live.finish(isWhole: true)
    #expect(live.takeTimes() == whole.takeTimes())
  }

  @Test func `what was not said has no time, unless all was said`() {
    let words = (0..<30).map { _ in ("sa", SpeechAligner.Gap.clause) }
    let samples = Self.samples(Self.sounds)
    var cut = Self.aligner(words)
    cut.hear(samples)
    cut.finish(isWhole: false)
    #expect((1...6).contains(cut.takeTimes().count))
    // Far more text than sound: everything has a time, in order, within the sound.
    var whole = Self.aligner(words)
    whole.hear(samples)
    whole.finish(isWhole: true)
    let times = whole.takeTimes()
    #expect(times.count == 60)
    #expect(zip(times, times.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
    #expect(times.last.map { $0.upperBound <= samples.count / 240 } == true)
  }

  @Test func `no text, no sound, and signs of any language`() {
    var nothing = Self.aligner([])
    nothing.hear(Self.samples(Self.sounds))
    nothing.finish(isWhole: true)
    #expect(nothing.takeTimes().isEmpty)
    var silent = Self.aligner([("sa", .sentence)])
    silent.finish(isWhole: true)
    #expect(silent.takeTimes() == [0..<0, 0..<0])
    for word in ["2026", "你好", "привет", "안녕", "ñandú", "שלום"] {
      var aligner = Self.aligner([(word, .sentence)])
      aligner.hear(Self.samples([(.vowel, 60), (.silence, 20)]))
      aligner.finish(isWhole: true)
      let times = aligner.takeTimes()
      #expect(times.count == word.unicodeScalars.count)
      #expect(times.first.map { $0.lowerBound < 10 } == true, "\(word): \(times)")
      #expect(times.last.map { abs($0.upperBound - 60) < 12 } == true, "\(word): \(times)")
    }
  }

  @Test func `ten minutes are heard in the memory of one`() {
    var aligner = Self.aligner(
      (0..<800).map { ("sa", $0 % 2 == 0 ? SpeechAligner.Gap.sentence : .clause) })
    let samples = Self.samples(Self.sounds)
    var times: [Range<Int>] = []
    for _ in 0..<400 {
      aligner.hear(samples)
      times += aligner.takeTimes()
    }
    aligner.finish(isWhole: true)
    times += aligner.takeTimes()
    #expect(times.count == 1_600)
    // Nothing has drifted: the last words are in the last sounds.
    let length = samples.count / 240
    #expect(abs(times[1_596].lowerBound - (399 * length + 20)) <= 3)
  }
}
