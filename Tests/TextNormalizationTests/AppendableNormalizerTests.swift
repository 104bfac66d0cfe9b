// SPDX-License-Identifier: MIT

import FuzzSupport
import Testing
import TextNormalization

/// What is said of a paragraph that is still being written.
@Suite struct AppendableNormalizerTests {
  static let texts =
    EnglishNormalizerTests.cases.map(\.written) + ReportedTextTests.reported.map(\.0)
    + ReportedTextTests.neighbours.map(\.0)

  /// Says a text a few scalars at a time, and checks that all of it is said in the end.
  static func check(_ text: String, seed: UInt64) {
    let whole = EnglishNormalizer.normalize(text)
    var mutator = Mutator(seed: seed)
    var spoken = AppendableNormalizer()
    var said = ""
    var piece = String.UnicodeScalarView()
    let longest = 1 + Int(seed % 20)
    for scalar in text.unicodeScalars {
      piece.append(scalar)
      guard mutator.below(longest) == 0 else { continue }
      said += spoken.append(String(piece))
      piece = String.UnicodeScalarView()
      guard whole.hasPrefix(said) else { break }
    }
    said += spoken.append(String(piece))
    said += spoken.finish()
    #expect(said == whole, "\(text.debugDescription)")
  }

  @Test func `says every text as the whole is said`() {
    for (index, text) in Self.texts.enumerated() { Self.check(text, seed: UInt64(index)) }
  }

  @Test func `says several texts in one paragraph as the whole is said`() {
    var mutator = Mutator(seed: 3)
    for seed: UInt64 in 0..<400 {
      let text = (0..<5).map { _ in Self.texts[mutator.below(Self.texts.count)] }
      Self.check(
        text.joined(
          separator: [" ", "\n", ". ", " and then the ", " the old man saw "][mutator.below(5)]),
        seed: seed)
    }
  }

  @Test func `says damaged texts as the whole is said`() {
    let seeds = Self.texts.map { Array($0.utf8) }
    var mutator = Mutator(seed: 11)
    for seed: UInt64 in 0..<6_000 {
      let words = (0..<3).map { _ in String(decoding: mutator.mutate(seeds), as: UTF8.self) }
      Self.check(words.joined(separator: " the word stands here "), seed: seed)
    }
  }

  @Test(arguments: [
    ("the old man walked down towards", "the old man walked"),
    (
      "I think that we should leave. You may stay here if",
      "I think that we should leave. You may stay"
    ),
    ("It costs 3", ""),
    ("The old man saw 3", "The old man"),
    ("The old man saw 3 boats. They were", "The old man saw three boats."),
    (
      "We paid with R&D money, `x < 5` and more, in the long old house of",
      "We paid with R and D money, x is less than five and more, in the long old"
    ),
  ]) func `plain words are said a few words late`(_ written: String, _ said: String) {
    var spoken = AppendableNormalizer()
    #expect(written.map { spoken.append(String($0)) }.joined() == said)
  }
}
