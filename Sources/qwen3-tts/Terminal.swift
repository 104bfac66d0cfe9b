// SPDX-License-Identifier: MIT

import Audio
import Dispatch
import Foundation
import Qwen3TTS
import Synchronization

/// A line on the terminal that shows how far the speech is; nothing when there is no terminal.
struct ProgressLine {
  private let isShown = isatty(STDERR_FILENO) == 1
  private let start = ContinuousClock.now
  private var firstAudio: Duration?
  private var samples = 0
  /// Shares of the text up to the end of the part that is spoken, and up to its beginning.
  private var share = (end: 0.0, begin: 0.0)

  mutating func show(_ chunk: AudioChunk) {
    guard isShown, !chunk.samples.isEmpty else { return }
    let elapsed = ContinuousClock.now - start
    firstAudio = firstAudio ?? elapsed
    samples += chunk.samples.count
    let seconds = Double(samples) / Double(SpeechSynthesizer.sampleRate)
    if chunk.textShare > share.end { share = (chunk.textShare, share.end) }
    // A text in one part has no share to show.
    let isInParts = share.begin > 0 || share.end < 0.999
    let line =
      "\r" + (isInParts ? Self.bar(share.begin) : "")
      + String(
        format: "%6.1f s of speech, RTF %.1f, first audio after %.0f ms", seconds,
        seconds / max(elapsed.seconds, 1e-9), (firstAudio ?? elapsed).seconds * 1000)
    FileHandle.standardError.write(Data(line.utf8))
  }

  private static func bar(_ share: Double) -> String {
    let full = Int((share * 20).rounded())
    return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: 20 - full)
      + String(format: "] %3.0f %% ", share * 100)
  }

  func end() {
    if isShown, samples > 0 { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
  }
}

/// Calls back on Ctrl-C and on a request to terminate.
final class Interrupt {
  private let seen: Seen
  private let sources: [any DispatchSourceSignal]

  private final class Seen: Sendable {
    let value = Atomic(false)
  }

  var happened: Bool { seen.value.load(ordering: .relaxed) }

  init(_ action: @escaping @Sendable () -> Void) {
    let seen = Seen()
    self.seen = seen
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        seen.value.store(true, ordering: .relaxed)
        action()
      }
      source.resume()
      return source
    }
  }
}

/// Plays samples through a program of the system, as they come.
final class Player: Sendable {
  private let process: Process
  private let input: FileHandle

  init() throws {
    let programs = [
      ("aplay", ["-q", "-t", "raw", "-f", "S16_LE", "-r", "24000", "-c", "1", "-"]),
      (
        "ffplay",
        [
          "-nodisp", "-autoexit", "-loglevel", "error", "-f", "s16le", "-ar", "24000",
          "-ch_layout", "mono", "-",
        ]
      ),
    ]
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    let found = programs.lazy.compactMap { name, arguments in
      folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
        .map { ($0, arguments) }
    }.first
    guard let (path, arguments) = found else {
      throw SynthesisError(
        .deviceUnavailable,
        "--play: expected aplay or ffplay, found neither. Install one (apt install alsa-utils), "
          + "or write a file with --output.")
    }
    let pipe = Pipe()
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.standardInput = pipe
    try process.run()
    self.process = process
    input = pipe.fileHandleForWriting
  }

  func write(_ samples: [Float]) throws {
    var bytes: [UInt8] = []
    WAVSampleFormat.int16.append(samples.span, to: &bytes)
    try input.write(contentsOf: bytes)
  }

  func finish() {
    try? input.close()
    process.waitUntilExit()
  }
}
