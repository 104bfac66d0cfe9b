// SPDX-License-Identifier: MIT

import ArgumentParser
import Dispatch
import Foundation
import ModelDownload
import ModelFiles
import ModelStore
import Qwen3TTS
import Synchronization

/// `qwen3-tts download`
struct Download: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Downloads a model, verifies it and puts it where --model finds it by name.",
    discussion: """
      qwen3-tts download 0.6B-CustomVoice
      qwen3-tts speak "Good morning." --model 0.6B-CustomVoice -o morning.wav

      Released models: \(PublishedModel.all.map(\.name.short).joined(separator: ", ")). \
      Their files are verified against built-in checksums. Any other name is \
      OWNER/NAME on the hub, and its files are verified against the hub's checksums.

      An interrupted download resumes. A model in the Hugging Face cache is used from \
      there. This is the only command that touches the network; it needs libcurl \
      (apt install \(CurlLibrary.packageName)).

      Environment: HF_ENDPOINT (a mirror), HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, \
      XDG_DATA_HOME, and https_proxy as curl has it.
      """)

  @Argument(help: "A released model's name, or OWNER/NAME.")
  var model: String

  @Option(help: "A branch, tag or commit; its files are verified against the hub's own checksums.")
  var revision: String?

  @Option(help: "Folder for the model; by default ~/.local/share/qwen3-tts/models/OWNER/NAME.")
  var to: String?

  @Option(help: "Files to fetch at once, 1 to 4.")
  var connections = 4

  @Option(help: "Consecutive tries without a new byte before giving up, 0 to 1000.")
  var retries = 8

  @Option(help: "Seconds before the second try; the wait doubles up to 30.")
  var retryDelay = 1.0

  @Option(help: "Seconds without bytes after which a connection is dropped, 1 to 3600.")
  var stallTimeout = 30

  @Flag(help: "Prints a summary as JSON.")
  var json = false

  func validate() throws {
    guard ModelName(model) != nil else {
      throw ValidationError(
        "Expected one of \(PublishedModel.all.map(\.name.short).joined(separator: ", ")), or "
          + "OWNER/NAME, found \(model).")
    }
    guard (1...4).contains(connections) else {
      throw ValidationError("--connections: expected 1 to 4, found \(connections).")
    }
    guard (0...1000).contains(retries), (0...3600).contains(retryDelay) else {
      throw ValidationError("Expected 0 to 1000 --retries, and 0 to 3600 seconds --retry-delay.")
    }
    guard (1...3600).contains(stallTimeout) else {
      throw ValidationError("--stall-timeout: expected 1 to 3600, found \(stallTimeout).")
    }
    guard revision.map({ !$0.isEmpty }) ?? true, to.map({ !$0.isEmpty }) ?? true else {
      throw ValidationError("--revision and --to need a value.")
    }
  }

  private struct Summary: Encodable {
    let model: String
    let folder: String
    let source: String
    let revision: String?
    let commit: String?
    let files: Int
    let bytes: Int
    let fetched_bytes: Int
    let seconds: Double
  }

  func run() async throws {
    guard let name = ModelName(model) else { throw ValidationError("Expected a model.") }
    let environment = ProcessInfo.processInfo.environment
    let store = ModelStore(environment: environment)
    var settings = ModelDownload.Settings()
    settings.revision = revision
    settings.destination = to
    settings.persistence = Persistence(retries: retries, delay: .seconds(retryDelay))
    settings.stallSeconds = stallTimeout
    settings.connections = connections
    let stop = Stop()
    let interrupt = Interrupt { stop.isAsked.store(true, ordering: .relaxed) }
    defer { withExtendedLifetime(interrupt) {} }
    let start = ContinuousClock.now
    let progress = DownloadProgress { DownloadLine.say("Note: \($0)") }
    let display = Task { await DownloadLine.show(progress, since: start) }
    let result: Result<ModelDownload.Report, any Error>
    do {
      let download = ModelDownload(
        name, settings: settings, store: store, hub: try Hub(environment: environment),
        progress: progress, isCancelled: { stop.isAsked.load(ordering: .relaxed) })
      result = .success(try await download.run())
    } catch { result = .failure(error) }
    display.cancel()
    await display.value
    try report(result.get(), name, after: ContinuousClock.now - start)
    // The first speech would have to wait for them. Without a GPU there is nothing to compile.
    if let folder = try? result.get().folder, let checkpoint = try? Checkpoint(folder: folder) {
      try? OpenedEngine.prepareKernels(for: [checkpoint.configuration])
    }
  }

  private func report(
    _ report: ModelDownload.Report, _ name: ModelName, after elapsed: Duration
  ) throws {
    let seconds = elapsed / Duration.seconds(1)
    if json {
      return try printJSON(
        Summary(
          model: name.description, folder: report.folder, source: report.source.rawValue,
          revision: revision, commit: report.commit, files: report.files,
          bytes: report.byteCount, fetched_bytes: report.fetchedByteCount, seconds: seconds))
    }
    let size = ModelDownload.megabytes(report.byteCount)
    switch report.source {
    case .downloaded:
      printMessage(
        "\(name), \(size): \(ModelDownload.megabytes(report.fetchedByteCount)) fetched in "
          + String(format: "%.0f s", seconds) + " and verified")
    case .alreadyThere: printMessage("\(name), \(size), is there already, verified")
    case .huggingFaceCache:
      printMessage("\(name), \(size), is in the Hugging Face cache, and is used from there")
    }
    try printResult(report.folder)
  }

  /// Set when someone asks to stop.
  private final class Stop: Sendable {
    let isAsked = Atomic(false)
  }
}

/// A line on the terminal that shows how far the download is; nothing when there is no terminal.
private enum DownloadLine {
  /// Writes a line of its own, over the bar.
  static func say(_ line: String) {
    printMessage((isTerminal ? "\r\u{1B}[K" : "") + line)
  }

  /// Draws the bar until the task is cancelled.
  static func show(_ progress: DownloadProgress, since start: ContinuousClock.Instant) async {
    guard isTerminal else { return }
    // The rate is that of the last seconds, so that it shows what the connection does at present.
    var history: [(time: Double, done: Int)] = []
    while !Task.isCancelled {
      let moment = progress.now
      let time = (ContinuousClock.now - start) / Duration.seconds(1)
      history.append((time, moment.done))
      history.removeAll { $0.time < time - 5 }
      if moment.total > 0 { draw(moment, history) }
      try? await Task.sleep(for: .milliseconds(100))
    }
    drawOnTerminal("\r\u{1B}[K")
  }

  private static func draw(
    _ moment: DownloadProgress.Moment, _ history: [(time: Double, done: Int)]
  ) {
    let share = min(1, Double(moment.done) / Double(moment.total))
    let full = Int(share * 20)
    var line =
      "\r[" + String(repeating: "#", count: full) + String(repeating: ".", count: 20 - full)
      + String(
        format: "] %3.0f %%  %.1f of %.1f MB", share * 100, Double(moment.done) / 1e6,
        Double(moment.total) / 1e6)
    if let first = history.first, let last = history.last, last.time - first.time > 0.5 {
      let rate = max(0, Double(last.done - first.done) / (last.time - first.time))
      line += String(format: "  %.1f MB/s", rate / 1e6)
      if rate > 1000 {
        let left = Int(Double(moment.total - moment.done) / rate)
        line += left >= 60 ? "  \(left / 60) min \(left % 60) s left" : "  \(left) s left"
      }
    }
    drawOnTerminal(line + "\u{1B}[K")
  }
}
