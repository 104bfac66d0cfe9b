// SPDX-License-Identifier: MIT

import Foundation
import Qwen3TTS
import Testing

/// When the words of a text are heard, in terms of the text as it was written.
@Suite struct TimestampTests {
  /// A time for each letter that is said: the second with its number.
  static func times(_ text: String, isEnglish: Bool, pieces: [String]? = nil) throws
    -> (words: [SpokenWord], characters: [SpokenCharacter])
  {
    let said = isEnglish ? try SpeechSynthesizer.englishText(for: text) : text
    let letters = said.unicodeScalars.count {
      $0.properties.isAlphabetic || $0.properties.numericType != nil
    }
    var written = WrittenTimes(isEnglish: isEnglish)
    for piece in pieces ?? [text] { written.append(piece) }
    written.endText()
    var words: [SpokenWord] = []
    var characters: [SpokenCharacter] = []
    for letter in 0..<letters {
      let more = written.take([.seconds(letter)..<(.seconds(letter + 1))])
      words += more.words
      characters += more.characters
    }
    let last = written.finish(at: .seconds(letters + 2))
    words += last.words
    characters += last.characters
    return (words, characters)
  }

  @Test func `a word that was heard before its text was known to end comes with the end`() {
    var written = WrittenTimes(isEnglish: false)
    written.append("go ")
    #expect(written.take([.seconds(0)..<(.seconds(1)), .seconds(1)..<(.seconds(2))]).words.isEmpty)
    written.endText()
    let last = written.finish(at: .seconds(3))
    #expect(last.words.map(\.text) == ["go"] && last.words.map(\.end) == [.seconds(2)])
    #expect(last.characters.map(\.character) == ["g", "o", " "])
  }

  @Test func `words that are said as they stand have their own letters' times`() throws {
    let (words, characters) = try Self.times("Well, it's  so\n«late» – now.", isEnglish: false)
    #expect(words.map(\.text) == ["Well,", "it's", "so", "«late»", "now."])
    #expect(words.map(\.start) == [0, 4, 7, 9, 13].map { .seconds($0) })
    #expect(words.map(\.end) == [4, 7, 9, 13, 16].map { .seconds($0) })
    #expect(words.map(\.range) == [0..<5, 6..<10, 12..<14, 15..<21, 24..<28])
    #expect(characters.map(\.character) == Array("Well, it's  so\n«late» – now."))
    #expect(zip(characters, characters.dropFirst()).allSatisfy { $0.end <= $1.start })
    // Marks at the end have what is left.
    #expect(characters.last?.end == .seconds(18))
  }

  @Test(arguments: [
    (
      "Dr. Lee paid $5.", ["Dr.", "Lee", "paid", "$5."], ["Doctor", "Lee", "paid", "five dollars"]
    ),
    (
      "It costs $3.50, not €20!", ["It", "costs", "$3.50,", "not", "€20!"],
      ["It", "costs", "three dollars and fifty cents", "not", "twenty euros"]
    ),
    (
      "On May 3rd, 2020, 12 of us came at 5 p.m. to St. Ives.",
      [
        "On", "May", "3rd,", "2020,", "12", "of", "us", "came", "at", "5", "p.m.", "to", "St.",
        "Ives.",
      ],
      [
        "On", "May", "third", "twenty twenty", "twelve", "of", "us", "came", "at", "five", "P M",
        "to", "Saint", "Ives",
      ]
    ),
    (
      "R&D is up 12%.", ["R&D", "is", "up", "12%."], ["R and D", "is", "up", "twelve percent"]
    ),
    (
      "Mr. O'Neil's NASA memo", ["Mr.", "O'Neil's", "NASA", "memo"],
      ["Mister", "O'Neil's", "NASA", "memo"]
    ),
  ])
  func `a word that was rewritten has the time of what was said for it`(
    text: String, written: [String], said: [String]
  ) throws {
    let spoken = try SpeechSynthesizer.englishText(for: text)
    let (words, characters) = try Self.times(text, isEnglish: true)
    #expect(words.map(\.text) == written, "\(spoken)")
    // One second a letter: the lengths say what was said for each.
    let letters = said.map { $0.filter(\.isLetter).count }
    #expect(words.map { Int(($0.end - $0.start).seconds) } == letters, "\(spoken)")
    #expect(String(characters.map(\.character)) == text)
    #expect(zip(characters, characters.dropFirst()).allSatisfy { $0.end <= $1.start })
  }

  @Test func `characters of a rewritten word share its time`() throws {
    let (_, characters) = try Self.times("Now $5.", isEnglish: true)
    // "five dollars" has eleven letters.
    #expect(characters[4].character == "$" && characters[4].start == .seconds(3))
    #expect(characters[4].end == .seconds(8.5) && characters[5].end == .seconds(14))
  }

  @Test func `ideographs are words, with the marks after them`() throws {
    let (words, characters) = try Self.times("你好，world。再见", isEnglish: false)
    #expect(words.map(\.text) == ["你", "好，", "world。", "再", "见"])
    #expect(String(characters.map(\.character)) == "你好，world。再见")
  }

  @Test func `however a text is cut, its words are the same`() throws {
    for text in LiveTextTests.texts.prefix(150) where text.contains(where: \.isLetter) {
      for isEnglish in [true, false] {
        guard let whole = try? Self.times(text, isEnglish: isEnglish) else { continue }
        #expect(String(whole.characters.map(\.character)) == text, "\(text.debugDescription)")
        for seed in [1, 3] {
          let cut = try Self.times(
            text, isEnglish: isEnglish, pieces: LiveTextTests.cut(text, seed: seed))
          #expect(cut.words == whole.words, "\(text.debugDescription)")
          #expect(cut.characters == whole.characters, "\(text.debugDescription)")
        }
      }
    }
  }

  @Test func `what is said for a few words together is divided among them`() {
    #expect(
      SpokenForms.letters(of: ["$5", "million", "or"], in: "five million dollars or")
        == [4, 14, 2])
    #expect(SpokenForms.letters(of: ["Dr.", "Lee"], in: "Doctor Lee") == [6, 3])
    #expect(SpokenForms.letters(of: ["–", "yes"], in: " yes") == [0, 3])
    #expect(SpokenForms.letters(of: ["*", "#"], in: "") == [0, 0])
    #expect(SpokenForms.letters(of: [], in: "words") == [])
  }

  // MARK: Speeches

  private struct Spoken: Equatable {
    var samples: [Float] = []
    var words: [SpokenWord] = []
    var characters: [SpokenCharacter] = []
    /// Words by the chunk they came with.
    var chunks: [(words: Int, end: Duration)] = []

    init(_ speech: Speech) async throws {
      for try await chunk in speech {
        samples += chunk.samples
        words += chunk.words
        characters += chunk.characters
        chunks.append(
          (chunk.words.count, .microseconds(samples.count * 1_000 / 24)))
      }
    }

    static func == (a: Self, b: Self) -> Bool {
      a.samples == b.samples && a.words == b.words && a.characters == b.characters
    }
  }

  private static let text =
    "Dr. Lee paid $5, and left. \"Who was that?\" asked the boy who had opened the door for him."

  @Test func `the bundled voice says when its words are heard, and sounds as it does without`()
    async throws
  {
    let synthesizer = try await SpeechSynthesizer(device: .cpu)
    var options = SpeechOptions()
    options.seed = 4
    let silent = try await Spoken(synthesizer.speech(for: Self.text, options: options))
    #expect(silent.words.isEmpty && silent.characters.isEmpty)
    options.timestamps = true
    for layout in [TextLayout.whole, .incremental] {
      options.textLayout = layout
      let spoken = try await Spoken(synthesizer.speech(for: Self.text, options: options))
      if layout == .whole { #expect(spoken.samples == silent.samples) }
      let length = Duration.microseconds(spoken.samples.count * 1_000 / 24)
      #expect(spoken.words.map(\.text) == Self.text.split(separator: " ").map { String($0) })
      #expect(String(spoken.characters.map(\.character)) == Self.text)
      #expect(zip(spoken.words, spoken.words.dropFirst()).allSatisfy { $0.end <= $1.start })
      #expect(
        zip(spoken.characters, spoken.characters.dropFirst()).allSatisfy { $0.end <= $1.start })
      #expect(spoken.words.allSatisfy { $0.start < $0.end && $0.end <= length })
      #expect(spoken.characters.last?.end == length)
      // Most are known while more is still to be heard, none before it was.
      let early = spoken.chunks.dropLast().reduce(0) { $0 + $1.words }
      #expect(early > spoken.words.count / 2)
      var known = 0
      for chunk in spoken.chunks {
        known += chunk.words
        #expect(spoken.words.prefix(known).allSatisfy { $0.end <= chunk.end })
      }
      // Whatever the chunks, and written word by word.
      options.chunkFrames = 1
      #expect(try await Spoken(synthesizer.speech(for: Self.text, options: options)) == spoken)
      options.chunkFrames = 8
      guard layout == .incremental else { continue }
      let (stream, writer) = AsyncStream<String>.makeStream()
      for piece in LiveTextTests.cut(Self.text, seed: 3) { writer.yield(piece) }
      writer.finish()
      #expect(try await Spoken(synthesizer.speech(for: stream, options: options)) == spoken)
    }
  }

  @Test func `parts of a long text follow one another in one time`() async throws {
    let synthesizer = try await SpeechSynthesizer(device: .cpu)
    var options = SpeechOptions()
    options.timestamps = true
    options.tokensPerPart = 20
    let spoken = try await Spoken(synthesizer.speech(for: Self.text, options: options))
    #expect(spoken.words.map(\.text) == Self.text.split(separator: " ").map { String($0) })
    #expect(zip(spoken.words, spoken.words.dropFirst()).allSatisfy { $0.end <= $1.start })
    // Cut off: what was said, and no more.
    options.maximumFrames = 20
    let cut = try await Spoken(synthesizer.speech(for: Self.text, options: options))
    #expect(cut.words.count > 1 && cut.words.count < spoken.words.count)
    #expect(cut.words.allSatisfy { $0.end <= .milliseconds(1_600) })
    // All at once has times too; they come with the chunks, so there are none to return.
    let (samples, summary) = try await synthesizer.waveform(for: "Good morning.", options: options)
    #expect(samples.count == summary.frames * 1_920)
  }
}
