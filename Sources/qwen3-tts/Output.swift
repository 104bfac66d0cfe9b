// SPDX-License-Identifier: MIT

import Foundation
import Qwen3TTS
import SystemIO

// All that the command writes to its standard streams goes through here. Results must arrive, or the
// command fails; messages need not, because speech matters more than what is said about it.

/// A result that could not be written to standard output.
struct OutputError: Error, CustomStringConvertible {
  let reason: SystemError

  var description: String {
    let found =
      reason.isMissingStream ? "it closed" : reason.isBrokenPipe ? "no reader" : reason.reason
    return "standard output: expected a place for the result, found \(found)"
  }
}

/// Writes a line to standard output: something that was asked for.
///
/// - Throws: `OutputError` when it cannot be written.
func printResult(_ line: String) throws(OutputError) {
  do { try FileDescriptor.standardOutput.write(Array("\(line)\n".utf8).span) } catch {
    throw OutputError(reason: error)
  }
}

/// Writes a value as JSON to standard output.
///
/// - Throws: `OutputError` when it cannot be written.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  try printResult(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// Writes a text to a file, which appears whole or not at all.
///
/// - Throws: `SynthesisError` `invalidInput` when it cannot be written.
func writeFile(_ text: String, to path: String) throws {
  do {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
  } catch {
    throw SynthesisError(
      .invalidInput,
      "\(path): expected a file that can be written, found \(error.localizedDescription)",
      underlying: error)
  }
}

/// Throws now what `writeFile` would throw later, where the folder is not there or may not be written.
func checkFolder(of path: String) throws {
  let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
  guard FileManager.default.isWritableFile(atPath: folder) else {
    throw SynthesisError(
      .invalidInput,
      "\(path): expected a file that can be written, found no folder \(folder) that can be")
  }
}

/// Writes a line to standard error; it is dropped where that is closed, full or no longer read.
func printMessage(_ line: String) { drawOnTerminal(line + "\n") }

/// Writes to standard error as it is, for lines that are drawn over; dropped like a message.
func drawOnTerminal(_ text: String) {
  try? FileDescriptor.standardError.write(Array(text.utf8).span)
}

/// Whether standard error is a terminal, where a line can be drawn over.
let isTerminal = isatty(STDERR_FILENO) == 1
