// SPDX-License-Identifier: MIT

import Qwen3TTS
import Testing

/// Where a long text is cut; a part is measured in characters here.
@Suite struct SentenceSplitterTests {
  func parts(_ text: String, _ limit: Int) -> [String] {
    SentenceSplitter(text, limit: limit) { $0.count }.map(\.text)
  }

  @Test func `a text that fits stays whole`() {
    #expect(parts("One. Two! Three?", 100) == ["One. Two! Three?"])
  }

  @Test func `sentences are joined up to the limit`() {
    #expect(parts("One. Two. Three. Four.", 10) == ["One. Two.", "Three.", "Four."])
  }

  @Test func `a long sentence is cut at commas, then at spaces, then anywhere`() {
    #expect(parts("first half, second half.", 14) == ["first half,", "second half."])
    #expect(parts("alpha beta gamma", 11) == ["alpha beta", "gamma"])
    #expect(parts("aaaaaaaaaa", 5) == ["aaaaa", "aaaaa"])
  }

  @Test func `abbreviations, initials and decimals end no sentence`() {
    #expect(
      parts("Dr. Smith paid 3.50 to J. Doe. He left.", 31) == [
        "Dr. Smith paid 3.50 to J. Doe.", "He left.",
      ])
  }

  @Test func `spelled letters can end a sentence`() {
    #expect(parts("He left at five P M. We ate.", 20) == ["He left at five P M.", "We ate."])
  }

  @Test func `closing quotes stay with their sentence`() {
    #expect(
      parts("\u{201C}Go!\u{201D} he said. \u{201C}Now.\u{201D}", 17) == [
        "\u{201C}Go!\u{201D} he said.", "\u{201C}Now.\u{201D}",
      ])
  }

  @Test func `sentences of other scripts and lines end too`() {
    #expect(parts("你好。世界！", 3) == ["你好。", "世界！"])
    #expect(parts("Title\nText follows", 12) == ["Title", "Text follows"])
  }

  @Test func `a wrapped line ends no sentence, an empty one does`() {
    let wrapped = "It was a bright cold day in April. And all the clocks\nwere striking. He left."
    #expect(
      parts(wrapped, 40) == [
        "It was a bright cold day in April.", "And all the clocks\nwere striking.", "He left.",
      ])
    let paragraphs = "It was a bright cold day in April, and the clocks struck\n\nHe left"
    #expect(
      parts(paragraphs, 60) == [
        "It was a bright cold day in April, and the clocks struck", "He left",
      ])
  }

  @Test func `nothing but spaces is lost, whatever the limit`() {
    let text =
      "It's 5 o'clock -- or so; \u{201C}tea?\u{201D} asked Mr. Grey... (No!) 100,000.50 日本語、です。\n\n* * *\nThe end"
    for limit in 1...80 {
      let joined = parts(text, limit).joined()
      #expect(
        joined.filter { !$0.isWhitespace } == text.filter { !$0.isWhitespace }, "limit \(limit)")
    }
  }

  @Test func `a text without a letter or digit has no part`() {
    for text in ["", "  \n", "?!", "... -- ..."] { #expect(parts(text, 10).isEmpty) }
  }

  @Test func `the share spoken grows to the whole`() {
    let ends = SentenceSplitter("One. Two. Three. ?!", limit: 6) { $0.count }.map(\.end)
    #expect(ends == ends.sorted() && ends.last == 1)
  }

  @Test func `the first part of a long text needs no look at the rest`() {
    var measured = 0
    let text = String(repeating: "A short sentence. ", count: 100_000)
    var parts = SentenceSplitter(text, limit: 100) {
      measured += $0.count
      return $0.count
    }
    #expect(parts.next() != nil)
    #expect(measured < 10_000)
  }
}
