// SPDX-License-Identifier: MIT

import Foundation
import Testing
import TextTokenizer

/// Ids of a text that comes a piece at a time.
@Suite struct AppendableTokenizerTests {
  /// A text cut at random places between its scalars, every third one into single scalars.
  static func cut(_ text: String, seed: UInt64) -> [String] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    var pieces: [String] = []
    var piece = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      piece.append(scalar)
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      if seed % 3 == 0 || state >> 33 % (2 + seed % 11) == 0 {
        pieces.append(String(piece))
        piece = String.UnicodeScalarView()
      }
    }
    return pieces + [String(piece)]
  }

  static func ids(_ pieces: [String], _ tokenizer: TextTokenizer) -> [Int32] {
    var tokens = AppendableTokenizer(tokenizer)
    var ids: [Int32] = []
    for piece in pieces { ids += tokens.append(piece) }
    return ids + tokens.finish()
  }

  static func body(_ text: String, _ tokenizer: TextTokenizer) -> [Int32] {
    Array(tokenizer.targetIDs(text).dropFirst(3).dropLast(5))
  }

  @Test func `every recorded text has the same ids however it is cut`() throws {
    let tokenizer = try TextTokenizerTests.released()
    let data = try Data(
      contentsOf: TextTokenizerTests.fixtures.appending(path: "cases.json"))
    let texts = try JSONDecoder().decode([TextTokenizerTests.Case].self, from: data).map(\.text)
    #expect(texts.count > 200)
    for text in texts + ["\n\n a", " \n", "\r", "\r\n\r", "a.\n \n b", "\u{16D67}\u{16D67}"] {
      let expected = Self.body(text, tokenizer)
      for seed: UInt64 in 0..<12 {
        let pieces = Self.cut(text, seed: seed)
        #expect(Self.ids(pieces, tokenizer) == expected, "\(pieces)")
      }
    }
  }

  /// Scalars that compose, reorder, end pieces or none of these, in any order.
  @Test func `random texts have the same ids however they are cut`() throws {
    let tokenizer = try TextTokenizerTests.released()
    let scalars = Array(
      """
      aeor's'reSTDll  \n\r\t.,!¿—x1２½\u{301}\u{308}\u{323}\u{328}\u{345}\u{327}가각\u{1100}\u{1161}\u{11A8}\
      か\u{3099}ハ\u{309A}é\u{1E9B}\u{F71}\u{F72}\u{F73}\u{F80}\u{F81}ཀক\u{9C7}\u{9BE}\u{9D7}\
      \u{16D67}\u{16D63}\u{16D69}\u{113C2}\u{2126}\u{212B}ſ\u{A0}\u{2003}\u{2028}😀\u{200D}👨\u{FE0F}🇩
      """.unicodeScalars)
    var state: UInt64 = 7
    for round in 0..<3_000 {
      var text = String.UnicodeScalarView()
      for _ in 0..<(1 + round % 17) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        text.append(scalars[Int(state >> 33) % scalars.count])
      }
      let whole = String(text)
      let pieces = Self.cut(whole, seed: UInt64(round))
      #expect(Self.ids(pieces, tokenizer) == Self.body(whole, tokenizer), "\(Array(text))")
    }
  }

  @Test func `all words but the last are out`() throws {
    let tokenizer = try TextTokenizerTests.released()
    var tokens = AppendableTokenizer(tokenizer)
    var ids: [Int32] = []
    for character in "Hello world this is" { ids += tokens.append(String(character)) }
    #expect(ids == Self.body("Hello world this", tokenizer))
    #expect(tokens.finish() == tokenizer.encode(" is"))
  }

  @Test func `a word that ends is out with the space after it`() throws {
    let tokenizer = try TextTokenizerTests.released()
    var tokens = AppendableTokenizer(tokenizer)
    let ids = tokens.append("Hello there.") + tokens.endWord() + tokens.append(" You")
    #expect(ids == Self.body("Hello there.", tokenizer))
    #expect(tokens.finish() == tokenizer.encode(" You"))
  }

  @Test func `is not slow on one long word that comes in letters`() throws {
    let tokenizer = try TextTokenizerTests.released()
    for letter in ["a", " ", "\n", "1", "語", "\u{301}", "."] {
      let ids = Self.ids(Array(repeating: letter, count: 100_000), tokenizer)
      #expect(ids.count <= 200_000)
    }
  }
}
