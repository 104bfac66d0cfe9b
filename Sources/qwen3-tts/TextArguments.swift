// SPDX-License-Identifier: MIT

import ArgumentParser
import Qwen3TTS
import SystemIO

/// Where a text comes from.
struct TextArguments: ParsableArguments {
  @Argument(
    help: "The text, or - to read it from standard input. One that begins with - goes after --.")
  var text: String?

  @Option(help: "A file with the text, or - for standard input; pipes are read to their end.")
  var textFile: String?

  static let hintOfDash =
    "A text that begins with - goes after --: qwen3-tts speak -o hello.wav -- \"-5 degrees\""

  func validate() throws {
    guard (text == nil) != (textFile == nil) else {
      throw ValidationError(
        "Give a text, - for standard input, or --text-file. \(Self.hintOfDash)")
    }
  }

  /// The text, in UTF-8.
  ///
  /// - Throws: `SynthesisError` `invalidInput` that names the source and what is wrong with it.
  func read() throws -> String {
    guard let path = textFile ?? (text == "-" ? "-" : nil) else { return text ?? "" }
    // A socket as standard input cannot be opened by its path again.
    let isStandardInput = ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].contains(path)
    let source = isStandardInput ? "standard input" : path
    let bytes: [UInt8]
    do {
      let file =
        try isStandardInput
        ? FileDescriptor.standardInput : FileDescriptor(opening: path, for: .read)
      bytes = try file.readAll(limit: Self.longest + 1)
    } catch {
      let found =
        error.isFolder ? "a folder" : error.isMissingStream ? "it closed" : error.reason
      throw SynthesisError(
        .invalidInput, "\(source): expected a readable text file, found \(found)",
        underlying: error)
    }
    guard bytes.count <= Self.longest else {
      throw SynthesisError(
        .invalidInput,
        "\(source): expected a text of at most \(Self.longest >> 20) MiB, found a longer one")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw SynthesisError(
        .invalidInput,
        "\(source): expected UTF-8 text, found other bytes. iconv converts other encodings.")
    }
    // Editors on Windows begin files with this mark.
    return text.hasPrefix("\u{FEFF}") ? String(text.unicodeScalars.dropFirst()) : text
  }

  /// Bytes of the longest text: some months of speech.
  private static let longest = 256 << 20
}

/// `qwen3-tts normalize`
struct Normalize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints a text as the bundled voice reads it: in words.",
    discussion: """
      qwen3-tts normalize "Dr. Lee paid 3.50 at 5 p.m."

      `speak --normalize on` follows the same rules.
      """)

  @OptionGroup var source: TextArguments

  func run() throws {
    let text = try source.read()
    try printResult(SpeechSynthesizer.englishText(for: text))
    if let notice = SpeechSynthesizer.noticeOnLeftOutWords(in: text) {
      printMessage("Note: \(notice)")
    }
  }
}
