// SPDX-License-Identifier: MIT

import Foundation
import FuzzSupport
import Qwen3TTS
import SpeechModel
import Testing
import TextTokenizer

/// What a voice gets of a text that is still being written.
@Suite struct LiveTextTests {
  /// How a text is read.
  struct Reading: CustomTestStringConvertible {
    var tokenizer: TextTokenizer
    var layout: PromptLayout
    var isEnglish: Bool
    var groupsRepetitions = false
    var limit: Int

    var testDescription: String {
      "\(layout), \(isEnglish ? "English" : "as it is"), \(groupsRepetitions), \(limit)"
    }

    func text(byteCount: Int? = nil) -> LiveText {
      LiveText(
        tokenizer, layout: layout, isEnglish: isEnglish, groupsRepetitions: groupsRepetitions,
        limit: limit, byteCount: byteCount)
    }

    /// All that comes of pieces, with the tokens of each part together.
    func parts(_ pieces: [String]) -> [Part] {
      var text = text()
      var events: [LiveText.Event] = []
      for piece in pieces { events += text.append(piece) }
      events += text.finish()
      var parts: [Part] = []
      var open: Part?
      for event in events {
        switch event {
        case .begin(let isContinued):
          #expect(open == nil)
          open = Part(isContinued: isContinued)
        case .tokens(let ids, _): open?.ids += ids
        case .end(let part):
          #expect(open?.isContinued == part.isContinued)
          open?.text = part.text
          open?.repeated = part.repeated
          parts += [open].compactMap(\.self)
          open = nil
        }
      }
      #expect(open == nil)
      return parts
    }

    func body(_ text: String) -> [Int32] {
      Array(tokenizer.targetIDs(text).dropFirst(3).dropLast(5))
    }
  }

  struct Part: Equatable {
    var ids: [Int32] = []
    var text = ""
    var repeated: String?
    var isContinued: Bool
  }

  static let bundled = Result { try TextTokenizer(folder: SpeechSynthesizer.bundledModel) }

  static func readings() throws -> [Reading] {
    let bundled = try bundled.get()
    var readings: [Reading] = []
    for layout in PromptLayout.allCases {
      for limit in [7, 120] {
        readings.append(
          Reading(tokenizer: bundled, layout: layout, isEnglish: false, limit: limit))
        readings.append(
          Reading(
            tokenizer: bundled, layout: layout, isEnglish: true, groupsRepetitions: true,
            limit: limit))
      }
    }
    return readings
  }

  static let prose = """
    It was a bright cold day in April, and the clocks were striking thirteen. "Will you come?" she
    asked him (twice!). He said that he would; he did not say when. Nobody laughed...

    The second paragraph began with a number: 1,234.50 dollars, paid on 6/4/2024 at 5 p.m. by
    Dr. J. Doe.  Then it went on and on, without a full stop, until the very last of all the words was
    written down in the old book that lay upon the table near the window
    """

  static let texts: [String] = {
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures/tokenizer/cases.json")
    struct Case: Decodable { var text: String }
    let cases = (try? Data(contentsOf: fixtures))
      .flatMap { try? JSONDecoder().decode([Case].self, from: $0) }?.map(\.text)
    return (cases ?? []) + [
      prose, String(repeating: "no ", count: 50),
      "She said: no no no no no no no no no no no no. Bye",
      String(repeating: "come on, ", count: 37) + "now", String(repeating: "ha", count: 60),
      "Title\n\nText follows.\r\nAnother line\r\n\r\nEnd", "* one\n* two\n* three",
      "# Heading\n\nSome *emphasis* and `code`, [a link](http://example.com) and <b>bold</b> text.",
      "<p>One.</p><p>Two &amp; three.</p>", "你好。世界！今天天气很好，我们去公园散步吧。然后回家……好吗？",
      "これはテストです。とても長い文章なので、途中で切れます。「本当ですか？」と彼は言った。",
      "यह एक वाक्य है। यह दूसरा है।", "Wait 👨‍👩‍👧‍👦! What? 🇩🇪🇫🇷 e\u{301}te\u{301} \u{301}x",
      "... ?! -- * * *", "Hello... * * * \n\n World. -- ?!", String(repeating: "a", count: 400),
      String(repeating: "漢", count: 200), String(repeating: "-", count: 300) + " x",
      "I.e. this. E.g. that! Mr. X vs. Ms. Y etc. Also: 3.14. Ok?",
      "A. B. C. \"Yes.\" 'No.' (Go.) so",
    ]
  }()

  /// A text in characters, scalars, words, or pieces of random size.
  static func cut(_ text: String, seed: Int) -> [String] {
    switch seed {
    case 0: return text.map(String.init)
    case 1: return text.unicodeScalars.map(String.init)
    case 2: return text.split(separator: " ", omittingEmptySubsequences: false).map { $0 + " " }
    default:
      var mutator = Mutator(seed: UInt64(seed))
      var pieces: [String] = []
      var piece = String.UnicodeScalarView()
      for scalar in text.unicodeScalars {
        piece.append(scalar)
        guard mutator.below(1 + 3 * seed) == 0 else { continue }
        pieces.append(String(piece))
        piece = String.UnicodeScalarView()
      }
      return pieces + [String(piece)]
    }
  }

  @Test func `every text has the same parts and tokens however it is cut`() throws {
    #expect(Self.texts.count > 300)
    for reading in try Self.readings() {
      for (index, text) in Self.texts.enumerated() {
        // In words it ends with a space.
        let text = text + " "
        let whole = reading.parts([text])
        for part in whole {
          #expect(part.ids == reading.body(part.text), "\(part.text.debugDescription)")
        }
        for seed in 0..<6 {
          var pieces = Self.cut(text, seed: seed == 5 ? 5 + index : seed)
          if seed == 2 { pieces.removeLast() }
          #expect(
            reading.parts(pieces) == whole,
            "\(reading.testDescription) \(seed) \(text.debugDescription)")
        }
      }
    }
  }

  @Test func `a text that is all there has the same parts in the incremental layout`() throws {
    for reading in try Self.readings() where reading.layout == .incremental {
      for text in Self.texts {
        let parts = Array(
          TextParts(
            text, layout: .incremental, isEnglish: reading.isEnglish,
            groupsRepetitions: reading.groupsRepetitions, limit: reading.limit,
            tokenizer: reading.tokenizer))
        #expect(parts.map(\.text) == reading.parts(text.map(String.init)).map(\.text))
        #expect(parts.map(\.end) == parts.map(\.end).sorted())
        #expect(parts.last.map { $0.end == 1 } ?? true)
      }
    }
  }

  @Test func `English is what is said of the whole text`() throws {
    let reading = Reading(
      tokenizer: try Self.bundled.get(), layout: .incremental, isEnglish: true, limit: 120)
    func letters(_ text: String) -> String { text.filter(\.isLetter) }
    // Paragraphs of pages, with sentences and without, are read a few pages at a time.
    let pages = [
      Array(repeating: Self.prose, count: 100).joined(separator: " "),
      String(repeating: "The boat came. It was 5 p.m. on Monday. ", count: 1_000),
      String(repeating: "the old man saw the sea and 3 boats, ", count: 1_000),
    ]
    for text in Self.texts + pages {
      let spoken = reading.parts(text.map(String.init)).map(\.text).joined()
      let whole = (try? SpeechSynthesizer.englishText(for: text)) ?? ""
      #expect(letters(spoken) == letters(whole), "\(text.debugDescription)")
    }
  }

  @Test func `nothing but spaces and marks at an end is lost`() throws {
    for reading in try Self.readings() where !reading.isEnglish {
      for text in Self.texts {
        let spoken = reading.parts([text]).map(\.text).joined()
        func letters(_ text: String) -> [Unicode.Scalar] {
          text.unicodeScalars.filter {
            $0.properties.isAlphabetic || $0.properties.numericType != nil
          }
        }
        #expect(letters(spoken) == letters(text), "\(text.debugDescription)")
      }
    }
  }

  /// Events of a text that is not finished: what is out, and the parts that have ended.
  static func out(_ reading: Reading, _ text: String) -> (ids: [Int32], ended: [String]) {
    var live = reading.text()
    var ids: [Int32] = []
    var ended: [String] = []
    for event in text.flatMap({ live.append(String($0)) }) {
      switch event {
      case .begin: break
      case .tokens(let more, _): ids += more
      case .end(let part): ended.append(part.text)
      }
    }
    return (ids, ended)
  }

  @Test(arguments: [
    ("Hello world this is", "Hello world this"), ("Hello world. ", "Hello world."),
    ("One two.\n", "One two"), ("One, two", "One,"), ("你好，世界", "你好"), ("Hello", ""),
  ]) func `text that is read as it is comes out a word late`(_ text: String, _ out: String) throws {
    let reading = Reading(
      tokenizer: try Self.bundled.get(), layout: .incremental, isEnglish: false, limit: 120)
    #expect(Self.out(reading, text).ids == (out.isEmpty ? [] : reading.body(out)))
  }

  @Test func `English comes out a few words late`() throws {
    var reading = Reading(
      tokenizer: try Self.bundled.get(), layout: .incremental, isEnglish: true, limit: 120)
    let text = "The old woman walked slowly down towards the river where small boats"
    #expect(
      Self.out(reading, text).ids
        == reading.body("The old woman walked slowly down towards the river"))
    reading.groupsRepetitions = true
    #expect(Self.out(reading, text).ids == reading.body("The old woman walked slowly down"))
  }

  @Test(arguments: [false, true])
  func `in the whole layout a part comes when its sentence has ended`(_ isEnglish: Bool) throws {
    let reading = Reading(
      tokenizer: try Self.bundled.get(), layout: .whole, isEnglish: isEnglish, limit: 120)
    #expect(
      Self.out(reading, "The first one ended. The second one").ended == ["The first one ended."])
    #expect(Self.out(reading, "A title of one line\n").ended == ["A title of one line"])
    #expect(
      reading.parts(["The first one ended. The second", " did not! Or"]).map(\.text)
        == ["The first one ended.", "The second did not!", "Or"])
  }

  @Test func `parts are of the length that speaks well`() throws {
    let reading = Reading(
      tokenizer: try Self.bundled.get(), layout: .incremental, isEnglish: false, limit: 60)
    let text = Array(repeating: Self.prose, count: 20).joined(separator: "\n\n")
    let parts = reading.parts([text])
    #expect(parts.allSatisfy { $0.ids.count <= 60 })
    #expect(parts.dropLast().allSatisfy { $0.ids.count >= 30 })
  }

  @Test func `a long text that comes in single characters is read to its end`() throws {
    for reading in try Self.readings() {
      for text in [Self.prose, "x", "x\n", " ", "$5 ", "[", "no ", "語"] {
        let count = 20_000 / text.count
        let parts = reading.parts(
          Array(repeating: text, count: count).flatMap { $0.map(String.init) })
        let isSaid = text.unicodeScalars.contains {
          reading.isEnglish
            ? $0.isASCII && $0.properties.isAlphabetic || $0 == "5"
            : $0.properties.isAlphabetic || $0 == "5"
        }
        #expect(parts.isEmpty != isSaid)
      }
    }
  }
}
