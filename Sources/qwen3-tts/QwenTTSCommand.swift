// SPDX-License-Identifier: MIT

public import ArgumentParser
import Audio
import BuildInformation
import CPUBackend
import Foundation
import ModelDownload
import ModelFiles
public import Qwen3TTS
import SystemIO

@main
struct QwenTTSCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "qwen3-tts",
    abstract: "Speaks with Qwen3-TTS. Without --model it uses the small bundled voice.",
    discussion: """
      Exit codes: 0 done, 64 bad usage, 65 bad input, model or output, 69 device, library, memory or \
      network missing, 70 internal, 130 interrupted.
      """,
    version: BuildInformation.summary,
    subcommands: [
      Speak.self, Normalize.self, Clone.self, Mix.self, Voices.self, Download.self, Inspect.self,
      Codec.self, Bench.self, BenchVoices.self, Load.self, Plan.self, Doctor.self,
    ] + serverCommands,
    defaultSubcommand: nil)

  /// Commands of the trait `Server`.
  private static var serverCommands: [any ParsableCommand.Type] {
    #if Server
    [Serve.self]
    #else
    []
    #endif
  }

  static func main() async {
    StandardStreams.reserve()
    StandardStreams.ignoreWriteSignals()
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try requireRoom()
        KernelProgress.show()
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      finish(with: error)
    }
  }

  /// Says what ended the command, and ends it. A help text is what was asked for, everything else a
  /// message.
  private static func finish(with error: any Error) -> Never {
    if let code = exitCode(of: error) {
      printMessage("Error: \(error)")
      Foundation.exit(code)
    }
    let code = exitCode(for: error)
    let text = fullMessage(for: error)
    if code == .success, !text.isEmpty {
      do { try printResult(text) } catch { finish(with: error) }
    } else if !text.isEmpty {
      printMessage(text)
      if ["speak", "normalize"].contains(CommandLine.arguments.dropFirst().first),
        text.contains("Unknown option '-"), !text.contains("Unknown option '--")
      {
        printMessage(TextArguments.hintOfDash)
      }
    }
    // 1 is what the parser gives errors it knows nothing of.
    Foundation.exit(code == .failure ? 70 : code.rawValue)
  }

  /// Where Dispatch cannot open files or start threads for itself, it ends the process or waits for ever.
  private static func requireRoom() throws {
    let wanted = 24
    let found = StandardStreams.openableFiles(wanted: wanted)
    guard found == wanted else {
      throw SynthesisError(
        .deviceUnavailable,
        "open files: expected room for \(wanted) more, found \(found). "
          + "Raise the limit: ulimit -n 256")
    }
    let bytes = 192 << 20
    guard StandardStreams.canMap(byteCount: bytes) else {
      throw SynthesisError(
        .deviceUnavailable,
        "memory: expected room for \(bytes >> 20) MiB more, found less. Raise the limit: ulimit -v")
    }
  }

  /// The one place where errors become exit codes; `nil` leaves it to the argument parser.
  static func exitCode(of error: any Error) -> Int32? {
    switch error {
    case let error as SynthesisError:
      switch error.code {
      case .invalidInput, .invalidModel: 65
      case .deviceUnavailable, .resourcesMissing: 69
      default: 70
      }
    case is CheckpointError: 65
    case is AudioError: 65
    case is OutputError: 65
    case let error as DownloadError:
      switch error.code {
      case .badRequest: 64
      case .badModel: 65
      case .unavailable: 69
      case .failed: 70
      case .interrupted: 130
      }
    default: nil
    }
  }
}

/// Which model, and where it runs.
struct ModelArguments: ParsableArguments {
  @Option(help: "Name or folder of a model; by default the bundled voice.")
  var model: String?

  @Option(help: "auto, cpu, cuda, or cuda:1 for the second GPU, …")
  var device = SpeechDevice.automatic

  @Option(help: KVPrecision.help)
  var kvPrecision = KVPrecision.automatic

  @Option(help: MemorySize.help)
  var memory: MemorySize?

  @Flag(help: "On a GPU, run each operation by itself: slower, but errors show where they happen.")
  var eager = false

  @OptionGroup var processor: ProcessorArguments

  func open() async throws -> SpeechSynthesizer {
    processor.apply()
    var limits = SpeechLimits()
    limits.keyValueBytes = memory?.bytes
    return try await SpeechSynthesizer(
      model: model.map(ModelLibrary.standard.model), device: device, recordsSteps: !eager,
      kvPrecision: kvPrecision, limits: limits)
  }
}

extension Checkpoint {
  /// Opens what `--model` says: a name or folder, or without it the bundled voice.
  init(model: String?) throws {
    let folder =
      try model.map(ModelLibrary.standard.model) ?? SpeechSynthesizer.bundledModel
    try self.init(folder: folder.path)
  }
}

/// How much of the processor to use.
struct ProcessorArguments: ParsableArguments {
  @Option(help: "Threads on the CPU, 1 to 64; by default one for each core this process may use.")
  var threads: Int?

  func validate() throws {
    if let threads, !(1...64).contains(threads) {
      throw ValidationError("--threads: expected 1 to 64, found \(threads).")
    }
  }

  func apply() {
    if let threads { CPUBackend.threadCount = threads }
  }
}

extension SpeechDevice: ExpressibleByArgument {}
extension TextLayout: ExpressibleByArgument {}
extension TextNormalizationMode: ExpressibleByArgument {}
