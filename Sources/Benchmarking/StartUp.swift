// SPDX-License-Identifier: MIT

import Foundation
import Qwen3TTS

/// How long a process takes from its start until it can speak.
package struct StartUp: Codable, Sendable {
  /// With no kernels compiled before; `nil` where none are compiled.
  package let first_seconds: Double?
  /// With kernels from the cache.
  package let cached_seconds: Double

  /// Starts this program twice, with an empty cache of kernels and with what that left.
  ///
  /// - Parameter arguments: With which this program makes itself ready to speak and then prints
  ///   `secondsSinceStart`. Models are named by their folders: another cache folder hides the downloaded.
  /// - Throws: `SynthesisError` with what a process said when it ends otherwise.
  static func measure(_ arguments: [String]) throws -> StartUp {
    let cache = FileManager.default.temporaryDirectory.appending(
      path: "qwen3-tts-start-\(ProcessInfo.processInfo.processIdentifier)")
    defer { try? FileManager.default.removeItem(at: cache) }
    func start() throws -> Double {
      let process = Process()
      process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      process.arguments = arguments
      process.environment = ProcessInfo.processInfo.environment.merging(
        ["XDG_CACHE_HOME": cache.path]
      ) { $1 }
      let (results, messages) = (Pipe(), Pipe())
      process.standardOutput = results
      process.standardError = messages
      try process.run()
      // Messages are a few lines, which a pipe holds.
      func text(_ pipe: Pipe) throws -> String {
        let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
        return String(decoding: bytes, as: UTF8.self)
          .trimmingCharacters(in: .whitespacesAndNewlines)
      }
      let (result, said) = (try text(results), try text(messages))
      process.waitUntilExit()
      guard process.terminationStatus == 0, let seconds = Double(result) else {
        // The codes that the command gives its errors.
        let code: SynthesisError.Code =
          switch process.terminationStatus {
          case 65: .invalidInput
          case 69: .deviceUnavailable
          default: .internalFailure
          }
        throw SynthesisError(
          code, "A process that was started to measure its start ended with: \(said)\(result)")
      }
      return seconds
    }
    let first = try start()
    let compiles = FileManager.default.fileExists(atPath: cache.path)
    return StartUp(first_seconds: compiles ? first : nil, cached_seconds: try start())
  }

  /// Seconds since this process was started, in steps of 10 ms.
  package static func secondsSinceStart() throws -> Double {
    // Field 22 of the line is the start in ticks of 1/100 s since boot; the name in field 2 may hold
    // anything but ends with the last parenthesis.
    let line = try String(contentsOfFile: "/proc/self/stat", encoding: .utf8)
    let fields = line.suffix(from: line.lastIndex(of: ")") ?? line.startIndex).split(separator: " ")
    guard fields.count > 20, let ticks = Double(fields[20]) else {
      throw SynthesisError(.internalFailure, "/proc/self/stat: expected 22 fields, found \(line)")
    }
    let uptime = try String(contentsOfFile: "/proc/uptime", encoding: .utf8)
    guard let now = uptime.split(separator: " ").first.flatMap({ Double($0) }) else {
      throw SynthesisError(.internalFailure, "/proc/uptime: expected a number, found \(uptime)")
    }
    return now - ticks / 100
  }
}
