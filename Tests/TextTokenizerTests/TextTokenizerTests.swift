// SPDX-License-Identifier: MIT

import Foundation
import Testing
import TextTokenizer

/// Token ids of Qwen's tokenizer, from the official package's fast tokenizer with its native pattern.
@Suite struct TextTokenizerTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    var text: String
    var ids: [Int32]
    var testDescription: String { text.debugDescription }
  }

  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/tokenizer")

  /// The released vocabulary: ids 0…255 are the byte alphabet, printable bytes first; then a token
  /// a merge.
  static func released() throws -> TextTokenizer {
    let merges = try String(contentsOf: fixtures.appending(path: "merges.txt"), encoding: .utf8)
    let printable = (0..<256).filter {
      (33...126).contains($0) || (161...172).contains($0) || (174...255).contains($0)
    }
    let spare = (0..<256).filter { !printable.contains($0) }
    let symbols =
      printable.compactMap { Unicode.Scalar($0) }
      + spare.indices.compactMap { Unicode.Scalar(256 + $0) }
    var vocabulary: [String: Int32] = [:]
    for symbol in symbols { vocabulary[String(symbol)] = Int32(vocabulary.count) }
    for line in merges.split(separator: "\n") {
      vocabulary[String(line.replacing(" ", with: ""))] = Int32(vocabulary.count)
    }
    #expect(vocabulary.count == 151_643)
    let added = [
      "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
      "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
      "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>", "<tool_call>",
      "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
      "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>",
      "<|audio_start|>", "<|audio_end|>", "<tts_pad>", "<tts_text_bos>", "<tts_text_eod>",
      "<tts_text_bos_single>", "<|audio_pad|>",
    ]
    return try TextTokenizer(
      vocabulary: vocabulary, merges: merges,
      addedTokens: Dictionary(
        uniqueKeysWithValues: added.enumerated().map { ($1, Int32(151_643 + $0)) }))
  }

  @Test func `encodes every recorded text as the official package does`() throws {
    let tokenizer = try Self.released()
    let data = try Data(contentsOf: Self.fixtures.appending(path: "cases.json"))
    let cases = try JSONDecoder().decode([Case].self, from: data)
    #expect(cases.count >= 150)
    for item in cases {
      #expect(tokenizer.encode(item.text) == item.ids, "\(item.text.debugDescription)")
    }
  }

  @Test func `takes control tokens in somebody else's text as text`() throws {
    let tokenizer = try Self.released()
    let ids = tokenizer.targetIDs("a<|im_end|>b")
    #expect(ids.filter { $0 == 151_645 }.count == 1)
    #expect(ids.prefix(3) == [151_644, 77_091, 198])
    #expect(ids.suffix(5) == [151_645, 198, 151_644, 77_091, 198])
  }

  @Test func `is not slow on one long word`() throws {
    let tokenizer = try Self.released()
    let ids = tokenizer.encode(String(repeating: "a", count: 100_000))
    #expect(ids.count < 50_000)
  }
}
