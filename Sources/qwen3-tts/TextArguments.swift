// SPDX-License-Identifier: MIT

import ArgumentParser
import Foundation
import Qwen3TTS

/// Where a text comes from.
struct TextArguments: ParsableArguments {
  @Argument(help: "The text, or - to read it from standard input.")
  var text: String?

  @Option(help: "A file with the text.")
  var textFile: String?

  func validate() throws {
    guard (text == nil) != (textFile == nil) else {
      throw ValidationError("Give a text, - for standard input, or --text-file.")
    }
  }

  func read() throws -> String {
    if let textFile {
      guard let data = FileManager.default.contents(atPath: textFile) else {
        throw SynthesisError(
          .invalidInput, "\(textFile): expected a readable text file, found none")
      }
      return try decode(data, from: textFile)
    }
    if text == "-" {
      return try decode(FileHandle.standardInput.readDataToEndOfFile(), from: "standard input")
    }
    return text ?? ""
  }

  private func decode(_ data: Data, from source: String) throws -> String {
    guard let text = String(validating: data, as: UTF8.self) else {
      throw SynthesisError(.invalidInput, "\(source): expected UTF-8 text, found other bytes")
    }
    return text
  }
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
    print(try SpeechSynthesizer.englishText(for: source.read()))
  }
}
