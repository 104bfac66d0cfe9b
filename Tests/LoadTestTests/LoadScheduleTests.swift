// SPDX-License-Identifier: MIT
import LoadTest
import Testing

@Suite struct LoadScheduleTests {
  @Test func `starts requests where the published rule does`() {
    // From the rule itself, computed with Python's hashlib and math.log1p.
    let slots = LoadSchedule.slots(
      .poisson, requestsPerSecond: 2, duration: .seconds(10), seed: 0, phase: .measurement)
    #expect(
      Array(slots.prefix(8)) == [
        103_043_130, 166_161_535, 774_362_137, 949_436_157, 1_563_238_876, 2_136_499_596,
        2_317_504_949, 2_829_003_974,
      ])
    let order = LoadSchedule.order(
      (0..<20).map { "p\($0)" }, count: 20, seed: 1, phase: .warmup)
    #expect(order == [11, 18, 3, 12, 5, 6, 15, 9, 16, 14, 7, 8, 17, 4, 13, 10, 19, 0, 2, 1])
  }

  @Test func `constant times are equal and end before the duration`() {
    let slots = LoadSchedule.slots(
      .constant, requestsPerSecond: 4, duration: .seconds(1), seed: 0, phase: .warmup)
    #expect(slots == [0, 250_000_000, 500_000_000, 750_000_000])
  }

  @Test func `each epoch has all prompts once, in another order`() {
    let names = (0..<7).map { "p\($0)" }
    let order = LoadSchedule.order(names, count: 21, seed: 3, phase: .measurement)
    for epoch in 0..<3 { #expect(Set(order[7 * epoch..<7 * epoch + 7]).count == 7) }
    #expect(order[0..<7] != order[7..<14])
  }

  @Test func `the project's sentences are as long as the published ones, and all different`() {
    let sentences = SentencePool.standard.sentences
    #expect(sentences.count == 1_088)
    #expect(Set(sentences.map(\.text)).count == 1_088)
    #expect(Set(sentences.map(\.id)).count == 1_088)
    let counts = sentences.map(\.wordCount)
    let mean = Double(counts.reduce(0, +)) / 1_088
    #expect(abs(mean - 10.6) < 0.6, "\(mean) words")
    #expect(counts.allSatisfy { (4...24).contains($0) })
  }
}

@Suite struct PlaybackTraceTests {
  /// So many samples of silence or of a loud tone, as bytes.
  func bytes(_ count: Int, isLoud: Bool = true) -> [UInt8] {
    (0..<count).flatMap { index -> [UInt8] in
      let sample = isLoud ? Int16(index % 80 < 40 ? 8_000 : -8_000) : 0
      return [UInt8(truncatingIfNeeded: sample), UInt8(truncatingIfNeeded: sample >> 8)]
    }
  }

  @Test func `hears no gap while chunks come before they are needed`() {
    var trace = PlaybackTrace()
    for chunk in 0..<5 { trace.hear(bytes(1_920), at: 0.01 + 0.05 * Double(chunk)) }
    #expect(trace.firstAudio == 0.01)
    #expect(trace.gaps.isEmpty)
    #expect(trace.audioSeconds == 0.4)
  }

  @Test func `a late chunk is a gap of its lateness, and playback resumes from there`() {
    var trace = PlaybackTrace()
    trace.hear(bytes(1_920), at: 0.1)
    trace.hear(bytes(1_920), at: 0.25)
    trace.hear(bytes(1_920), at: 0.32)
    #expect(trace.gaps.count == 1)
    #expect(abs(trace.worstGap - 0.07) < 1e-9)
  }

  @Test func `the first sound that can be heard comes after the silence`() throws {
    var trace = PlaybackTrace()
    trace.hear(bytes(1_920, isLoud: false), at: 0.1)
    #expect(trace.audible == nil)
    trace.hear(bytes(1_920), at: 0.12)
    let audible = try #require(trace.audible)
    // Silence plays until 0.18; windows of 20 ms may begin within it.
    #expect(audible > 0.155 && audible < 0.19, "\(audible)")
  }

  @Test func `samples may be cut between their bytes`() {
    var trace = PlaybackTrace()
    let all = bytes(100)
    trace.hear(all[..<77], at: 0)
    trace.hear(all[77...], at: 0.001)
    #expect(trace.sampleCount == 100)
  }
}

@Suite struct LoadReportTests {
  @Test func `percentiles are by nearest rank`() {
    let percentiles = LoadReport.Percentiles((1...20).map(Double.init).shuffled())
    #expect(percentiles.p50 == 10)
    #expect(percentiles.p95 == 19)
    #expect(percentiles.p99 == 20)
    #expect(LoadReport.Percentiles([]).p95 == 0)
  }

  @Test func `a closed loop speaks each request once, no more than its listeners at a time`() async
  {
    let runner = LoadRunner(pool: .standard, seed: 0) { _ in
      try? await Task.sleep(for: .milliseconds(2))
      var result = LoadResult()
      result.playback.hear([UInt8](repeating: 1, count: 3_840), at: 0.001)
      return result
    }
    let report = await runner.run(.closed(listeners: 3, requests: 20))
    #expect(report.requests == 20 && report.succeeded == 20)
    #expect(report.peakInFlight == 3)
  }

  @Test func `failures are counted by what they say`() async {
    let runner = LoadRunner(pool: .standard, seed: 0) { sentence in
      var result = LoadResult()
      if sentence.wordCount % 2 == 0 { result.failure = "status 503 overloaded" }
      return result
    }
    let report = await runner.run(.closed(listeners: 4, requests: 100))
    #expect(report.failures["status 503 overloaded"] == 100 - report.succeeded)
    #expect(report.text.contains("status 503 overloaded"))
  }
}
