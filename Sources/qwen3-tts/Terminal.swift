// SPDX-License-Identifier: MIT

import Audio
import Dispatch
import Foundation
import Qwen3TTS
import Synchronization

/// A line on the terminal that shows how far the speech is; nothing when there is no terminal.
struct ProgressLine {
  private let start = ContinuousClock.now
  private var firstAudio: Duration?
  private var samples = 0
  /// Shares of the text up to the end of the part that is spoken, and up to its beginning.
  private var share = (end: 0.0, begin: 0.0)

  mutating func show(_ chunk: AudioChunk) {
    guard isTerminal, !chunk.samples.isEmpty else { return }
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
    drawOnTerminal(line)
  }

  private static func bar(_ share: Double) -> String {
    let full = Int((share * 20).rounded())
    return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: 20 - full)
      + String(format: "] %3.0f %% ", share * 100)
  }

  func end() {
    if isTerminal, samples > 0 { drawOnTerminal("\r\u{1B}[K") }
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
  private let program: String
  private let input: FileHandle
  private let complaints = Complaints()

  /// What the program says on its standard error, read as it comes so that it never has to wait.
  private final class Complaints: Sendable {
    private let text = Mutex("")
    private let isComplete = DispatchSemaphore(value: 0)

    func read(from pipe: Pipe) {
      Thread.detachNewThread { [self] in
        while let data = try? pipe.fileHandleForReading.read(upToCount: 4096), !data.isEmpty {
          // The first lines give the reason; a player that stutters would fill memory.
          text.withLock { if $0.utf8.count < 4096 { $0 += String(decoding: data, as: UTF8.self) } }
        }
        isComplete.signal()
      }
    }

    /// The line that says that there is no device, or else the first, once the program has ended.
    var reason: (line: String?, isNoDevice: Bool) {
      isComplete.wait()
      let lines = text.withLock { $0.split(whereSeparator: \.isNewline).map(String.init) }
      let failure = lines.first { $0.contains("audio open failed") }
      return (failure ?? lines.first, failure != nil)
    }
  }

  /// Starts the program.
  ///
  /// - Throws: `SynthesisError` `deviceUnavailable` when there is none.
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
        .map { (name, $0, arguments) }
    }.first
    guard let (name, path, arguments) = found else {
      throw SynthesisError(
        .deviceUnavailable,
        "--play: expected aplay or ffplay, found neither. Install one (apt install alsa-utils), "
          + "or write a file with --output.")
    }
    let (pipe, errors) = (Pipe(), Pipe())
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.standardInput = pipe
    process.standardError = errors
    do { try process.run() } catch {
      throw SynthesisError(
        .deviceUnavailable, "--play: \(path) cannot be started: \(error.localizedDescription)",
        underlying: error)
    }
    complaints.read(from: errors)
    self.process = process
    program = name
    input = pipe.fileHandleForWriting
  }

  /// Hands samples to the program.
  ///
  /// - Returns: Whether it takes any; `finish` says why not.
  func write(_ samples: [Float]) -> Bool {
    var bytes: [UInt8] = []
    WAVSampleFormat.int16.append(samples.span, to: &bytes)
    do { try input.write(contentsOf: bytes) } catch { return false }
    return true
  }

  /// Waits until everything is played.
  ///
  /// - Returns: Why it was not.
  func finish() -> SynthesisError? {
    try? input.close()
    process.waitUntilExit()
    let (line, isNoDevice) = complaints.reason
    // ffplay ends with 0 without a device too.
    guard isNoDevice || process.terminationReason != .exit || process.terminationStatus != 0 else {
      return nil
    }
    let reason = line ?? "it ended with code \(process.terminationStatus)"
    return SynthesisError(
      .deviceUnavailable,
      "--play: expected a sound device that \(program) can play on, found none (\(reason)); write a "
        + "file with --output instead.")
  }
}
