// SPDX-License-Identifier: MIT

import Audio
import Foundation
import ModelFiles
import Qwen3TTS
import SpeechModel
import TextNormalization
import TextTokenizer

/// A reader of bytes that somebody else wrote, with what must hold whatever the bytes are.
///
/// A refusal is fine as long as it is the reader's own kind of error and has words. Everything else
/// is a finding: a trap, a broken promise, another error, time, memory.
package enum FuzzTarget: String, CaseIterable, Sendable {
  /// A recording to take a voice from, as WAV.
  case wav
  /// A file of a cloned voice.
  case voice
  /// Weights.
  case safetensors
  /// The three JSON files of a model, with a zero byte between them; missing ones are good.
  case configuration
  /// The same files with values replaced: three bytes say which value, by what, and how often.
  case settings
  /// Text to speak, and after a zero byte merges of a tokenizer.
  case text
  /// Text to write out in English words.
  case normalizer

  /// A promise that was not kept.
  package struct BrokenPromise: Error {
    package var words: String
  }

  /// Reads the bytes.
  ///
  /// - Throws: `BrokenPromise`, or an error that the reader should not throw.
  package func read(_ bytes: [UInt8]) throws {
    do {
      switch self {
      case .wav: try readRecording(bytes)
      case .voice: try readVoice(bytes)
      case .safetensors: try readSafetensors(bytes)
      case .configuration: try readConfiguration(bytes)
      case .settings: try readConfiguration(ChangedSettings(edits: bytes).files)
      case .text: try readText(bytes)
      case .normalizer: try normalize(String(decoding: bytes, as: UTF8.self))
      }
    } catch let error as AudioError {
      try expect(!error.description.isEmpty, "an error has words")
    } catch let error as SynthesisError {
      try expect(!error.message.isEmpty, "an error has words")
    } catch let error as CheckpointError {
      try expect(!error.description.isEmpty, "an error has words")
    } catch let error as TokenizerError {
      try expect(!error.description.isEmpty, "an error has words")
    }
  }

  private func expect(_ holds: Bool, _ promise: String) throws {
    if !holds { throw BrokenPromise(words: promise) }
  }

  private func readRecording(_ bytes: [UInt8]) throws {
    let samples = try ReferenceAudio(
      WAVReader(ArrayByteSource(bytes), name: "a.wav"), limits: Self.limits
    ).samples
    try expect(samples.allSatisfy(\.isFinite), "samples are finite")
    try expect(samples.count <= Int(Self.limits.longest * 24_000), "recordings end at the limit")
  }

  /// Short inputs must get past the checks of length and of sound.
  private static let limits: ReferenceAudio.Limits = {
    var limits = ReferenceAudio.Limits()
    limits.shortest = 0
    limits.longest = 10
    limits.needsSound = false
    return limits
  }()

  private func readVoice(_ bytes: [UInt8]) throws {
    let voice = try ClonedVoice(fileBytes: bytes, path: "a.voice")
    try expect(
      voice.width * 4 + voice.codes.count * 64 <= bytes.count, "a voice is no larger than its file")
    try expect(voice.embedding.allSatisfy(\.isFinite), "embeddings are finite")
    let again = try ClonedVoice(fileBytes: voice.fileBytes(), path: "again.voice")
    try expect(again == voice, "a voice survives being written")
  }

  private func readSafetensors(_ bytes: [UInt8]) throws {
    let file = try Safetensors(path: "a.safetensors", bytes: bytes)
    for tensor in file.tensors.values {
      try expect(tensor.byteRange.upperBound <= bytes.count, "tensors lie in their file")
      switch tensor.elementType {
      case .float32, .bfloat16, .float16: _ = tensor.floats()
      case .int32: _ = try tensor.integers()
      case .int64, .int16, .uint8: break
      }
    }
  }

  private func readConfiguration(_ bytes: [UInt8]) throws {
    let parts = bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
    try readConfiguration(
      (0..<3).map { $0 < parts.count ? Array(parts[$0]) : Self.configurations[$0] })
  }

  private func readConfiguration(_ files: [[UInt8]]) throws {
    try Checkpoint.checkConfigurations(main: files[0], codec: files[1], generation: files[2])
  }

  private func readText(_ bytes: [UInt8]) throws {
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let text = String(decoding: parts[0], as: UTF8.self)
    var tokenizer = try Self.tokenizer.get()
    if parts.count == 2 {
      tokenizer = try TextTokenizer(
        vocabulary: Self.vocabulary.get(), merges: String(decoding: parts[1], as: UTF8.self),
        addedTokens: ["<|im_end|>": 2040])
    }
    _ = tokenizer.encode(text)
    let ids = tokenizer.encode(text, addedTokens: .asText)
    try expect(ids.allSatisfy { (0..<2048).contains($0) }, "ids are in the vocabulary")
    try expect(!ids.contains(2040), "text cannot end its own turn")
    var spoken = ""
    for part in SentenceSplitter(text, limit: 24, length: { $0.utf8.count }) {
      try expect(!part.text.isEmpty && part.end <= 1, "parts say something")
      spoken += part.text
    }
    // Scalars, because the marks of a character may go with another part than its letter. Marks
    // on spaces go with the spaces.
    func letters(_ text: String) -> [Unicode.Scalar] {
      text.unicodeScalars.filter {
        switch $0.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: false
        default: $0.properties.isAlphabetic || $0.properties.numericType != nil
        }
      }
    }
    try expect(letters(spoken) == letters(text), "no letter is lost or said twice")
  }

  private func normalize(_ text: String) throws {
    let spoken = EnglishNormalizer.normalize(text)
    try expect(EnglishNormalizer.normalize(spoken) == spoken, "twice is once")
    try expect(SpokenPieces(text, shortest: 1).joined() == spoken, "pieces say what the whole says")
    var live = AppendableNormalizer()
    let said = text.unicodeScalars.map { live.append(String($0)) }.joined() + live.finish()
    try expect(said == spoken, "a text being written is said as the whole is")
    try expect(spoken.unicodeScalars.allSatisfy(Self.isSaid), "nothing but letters and marks")
    // Markup by itself has letters but no words.
    let hasLetters =
      text.unicodeScalars.contains { $0.isASCII && $0.properties.isAlphabetic }
      && !text.utf8.contains { "<&[`~$\\".utf8.contains($0) }
    try expect(!spoken.isEmpty || !hasLetters, "letters are said")
    try expect(spoken.utf8.count <= 100 + 60 * text.utf8.count, "words are in proportion")
  }

  private static func isSaid(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII && scalar.properties.isAlphabetic || " .,;:!?'-".unicodeScalars.contains(scalar)
  }

  // MARK: Good inputs

  private static let tokenizer = Result {
    try TextTokenizer(folder: SpeechSynthesizer.bundledModel)
  }
  private static let vocabulary = Result {
    try JSONDecoder().decode([String: Int32].self, from: Data(file("vocab.json")))
  }

  private static func file(_ name: String) -> [UInt8] {
    (try? Array(Data(contentsOf: SpeechSynthesizer.bundledModel.appending(path: name)))) ?? []
  }

  /// The bundled model's, without the spaces.
  static let configurations: [[UInt8]] = [
    "config.json", "speech_tokenizer/config.json", "generation_config.json",
  ].map { file($0).filter { $0 != 0x20 && $0 != 0x0A } }

  /// The beginning of a Base model's `config.json`.
  private static let speakerEncoder = """
    {"speaker_encoder_config":{"enc_dim":256,"mel_dim":128,"enc_channels":[64,64,64,128],\
    "enc_kernel_sizes":[5,3,3,1],"enc_dilations":[1,2,3,1],"enc_res2net_scale":8,\
    "enc_attention_channels":16,"enc_se_channels":16},
    """

  static let configurationWithEncoder =
    Array(speakerEncoder.utf8) + configurations[0].dropFirst()

  /// Well-formed inputs to start from.
  package func seeds() throws -> [[UInt8]] {
    switch self {
    case .wav: return Self.recordings
    case .voice:
      return try [0, 1, 3].map { frames in
        try ClonedVoice(
          embedding: [-2.5, 0, 1, 3], codes: Array(repeating: Array(0..<16), count: frames),
          transcript: frames == 0 ? nil : "Words.", origin: "a test"
        ).fileBytes()
      }
    case .safetensors:
      return try [1, 4].map { count in
        try SafetensorsWriter.bytes(
          (0..<count).flatMap { index in
            [
              SafetensorsWriter.Tensor(name: "f\(index)", shape: [2, 1], values: [1, .nan]),
              SafetensorsWriter.Tensor(
                name: "i\(index)", shape: [3], values: [1, -2, 3] as [Int32]),
            ]
          }, metadata: ["format": "pt"])
      }
    case .configuration:
      return [Array(Self.configurations.joined(separator: [0])), Self.configurationWithEncoder]
    case .settings: return [[0, 0, 0], [20, 1, 1, 60, 5, 2], [90, 7, 3, 30, 2, 9]]
    case .text:
      return [
        "Dr. Smith paid $3.50. \u{201C}Why?\u{201D} he asked...\n\nNo!",
        "Grüße, 你好。世界！ 👩🏽‍🚀 <|im_end|>",
        "It's 5 o'clock\u{0}#version: 0.2\nĠ t\nh e\nĠt he",
      ].map { Array($0.utf8) }
    case .normalizer:
      return [
        "Dr. Smith paid $3.50 at 9:30 a.m. on June 4, 2024.", "5 km/h, 20°C, 1/2, 3-5, 1990s, 22nd",
        "STOP THAT NOW! King Henry VIII", "(415) 555-0199 or me@example.com",
        "e.g. AT&T, C++, CD-ROM",
      ].map { Array($0.utf8) }
    }
  }

  /// One WAV file for each sample format, byte order and kind of header.
  private static var recordings: [[UInt8]] {
    let formats = [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64), (6, 8), (7, 8)]
    return formats.flatMap { tag, bits in
      ["RIFF", "RIFX", "RF64"].map { recording($0, tag: tag, bits: bits) }
    }
  }

  private static func recording(_ kind: String, tag: Int, bits: Int) -> [UInt8] {
    func number(_ value: Int, _ count: Int) -> [UInt8] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      return kind == "RIFX" ? bytes.reversed() : bytes
    }
    func chunk(_ id: String, _ bytes: [UInt8]) -> [UInt8] {
      Array(id.utf8) + number(bytes.count, 4) + bytes
    }
    let channels = bits == 16 ? 2 : 1
    let align = channels * bits / 8
    let data = (0..<12 * align).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    let isExtensible = bits == 24
    var format =
      number(isExtensible ? 0xFFFE : tag, 2) + number(channels, 2) + number(16_000, 4)
      + number(16_000 * align, 4) + number(align, 2) + number(bits, 2)
    if isExtensible {
      format +=
        number(22, 2) + number(bits, 2) + number(0, 4) + number(tag, 4) + number(0, 2)
        + number(0x10, 2) + [0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]
    }
    var content = Array("WAVE".utf8)
    if kind == "RF64" {
      content += chunk("ds64", number(100, 8) + number(data.count, 8) + number(12, 8))
    }
    content += chunk("fmt ", format) + chunk("LIST", [1, 2, 3, 4]) + chunk("data", data)
    return Array(kind.utf8) + number(content.count, 4) + content
  }
}
