// SPDX-License-Identifier: MIT

import CPUBackend
import Foundation
import ModelFiles
import SpeechModel
import Testing

/// Cloned voices from the recording to the last sample, against the official package.
@Suite struct CloningGoldenTests {
  static let cases = GoldenCase.all.filter { $0.variant == .base }

  @Test(arguments: cases)
  func `speaks with a voice as the official package does, from recording to samples`(
    _ golden: GoldenCase
  ) throws {
    let speaker = try GoldenSpeaker(golden)
    let encoders = try Encoders(golden.size, seed: golden.seed)
    let recording = try ReferenceRecording.samples(try #require(golden.entry.ref_samples))
    let isInContext = speaker.arrays.tensors["ref_ids"] != nil
    let reference = isInContext ? try encoders.codec().encode(recording) : []
    let prompt = try speaker.prompt(
      embedding: try encoders.speaker().embedding(of: recording), codes: reference)
    let (codes, tokens) = try speaker.speak(prompt)
    #expect(try codes == speaker.integers("codes"))
    #expect(try tokens == speaker.integers("step_tokens"))
    try checkStream(codes, after: Array(reference.joined()), speaker)
  }

  /// Streams in chunks of one frame after the reference: the samples are those of one pass over
  /// everything, bit for bit, and up to 300 frames those of the official package.
  func checkStream(
    _ codes: [Int32], after reference: [Int32], _ speaker: GoldenSpeaker
  ) throws {
    speaker.codec.begin(after: reference)
    let streamed = stride(from: 0, to: codes.count, by: 16).flatMap {
      speaker.codec.decode(Array(codes[$0..<$0 + 16]))
    }
    speaker.codec.reset()
    let whole = speaker.codec.decodeAll(reference + codes)
    #expect(streamed == Array(whole.dropFirst(reference.count / 16 * 1920)))
    #expect(streamed.count == codes.count / 16 * 1920)
    guard (reference.count + codes.count) / 16 <= 300 else { return }
    let recorded = try speaker.recordedSamples(of: streamed)
    expectClose(recorded.ours, recorded.official, "wav", tolerance: 1e-4)
  }

  @Test func `the four modes have fixtures with references of 1 to 14 seconds`() {
    let modes = Set(
      Self.cases.map { "\($0.entry.ref_text == nil) \($0.entry.text_layout ?? "")" })
    #expect(modes.count == 4)
    let lengths = Set(Self.cases.compactMap { ($0.entry.ref_samples ?? 0) / 24_000 })
    #expect(lengths.isSuperset(of: [1, 3, 14]) && lengths.contains { (8...9).contains($0) })
    #expect(Self.cases.contains { ($0.entry.ref_samples ?? 0) % 1920 != 0 })
  }

  @Test(arguments: [0, 1, 5, 9, 10, 11, 12, 26, 27, 40])
  func `a speech after a reference of any length is that of one pass`(_ count: Int) throws {
    let golden = try #require(Self.cases.first { $0.entry.name == "context_14s" })
    let speaker = try GoldenSpeaker(golden)
    let all = try speaker.integers("ref_codes")
    let reference = Array(all.prefix(16 * count))
    let codes = Array(all.suffix(16 * 6))
    speaker.codec.begin(after: reference)
    let afterReference = speaker.codec.decodeAll(codes)
    // Again, and again after another reference.
    for other in [reference, Array(all.dropFirst(160).prefix(320)), reference] {
      speaker.codec.begin(after: other)
      #expect((speaker.codec.decodeAll(codes) == afterReference) == (other == reference))
    }
    speaker.codec.reset()
    let whole = speaker.codec.decodeAll(reference + codes)
    #expect(afterReference == Array(whole.suffix(6 * 1920)))
    // And the reference is heard: without it the first samples are others.
    speaker.codec.begin(after: [])
    #expect((speaker.codec.decodeAll(codes) == afterReference) == (count == 0))
  }
}
