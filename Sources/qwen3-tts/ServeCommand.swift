// SPDX-License-Identifier: MIT
#if Server
import ArgumentParser
import BuildInformation
import Foundation
import Logging
import Qwen3TTS
import SpeechModel
import SpeechServer
import SyntheticCheckpoint
import SystemIO

/// `qwen3-tts serve`
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serves speech over HTTP, to every client that speaks to OpenAI's.",
    discussion: """
      qwen3-tts serve
      qwen3-tts serve --model 0.6B-CustomVoice --model 0.6B-Base --host 0.0.0.0 --api-key-file key

      A page to try it is at http://127.0.0.1:8000/. --config takes a YAML file with the names of \
      these options; what the command line says counts more.
      """)

  @Option(help: "The address to listen at; 0.0.0.0 is all of the machine's.")
  var host = "127.0.0.1"

  @Option(help: "The port; 0 takes a free one.")
  var port = 8_000

  @Option(
    help:
      "A port for the Wyoming protocol, Home Assistant's, too; 10200 is usual. It asks for no key.")
  var wyomingPort: Int?

  @Option(help: "Name or folder of a model; repeat for several. Without it, the bundled voice.")
  var model: [String] = []

  @Option(help: "Serve random weights in a released shape instead: 0.6B or 1.7B. They speak noise.")
  var synthetic: String?

  @Option(help: "auto, cpu, cuda, or cuda:1 for the second GPU, …")
  var device = SpeechDevice.automatic

  @Option(help: "Folder of uploaded voices; by default ~/.local/share/qwen3-tts/voices.")
  var voices: String?

  @Option(help: "A further name of a voice, NAME=VOICE; repeat for several.")
  var voiceAlias: [String] = []

  @Option(help: "A key that requests have to bring; repeat for several.")
  var apiKey: [String] = []

  @Option(help: "A file with a key a line.")
  var apiKeyFile: String?

  @Option(
    help: "Speeches at once on the device; by default 16 on a CPU and 1 on a GPU. Others wait.")
  var maxBatch: Int?

  @Option(help: MemorySize.help)
  var memory: MemorySize?

  @Option(help: "Requests that may wait; one more is refused with 503.")
  var maxQueue = 64

  @Option(help: "Speeches that one key may have at a time; one more is refused with 429.")
  var maxPerKey: Int?

  @Option(help: "Connections at a time; more wait to be accepted.")
  var maxConnections = 2_000

  @Option(help: "Seconds after which a connection that does nothing is closed.")
  var idleTimeout = 60.0

  @Option(help: "The most characters of a text.")
  var maxInputCharacters = 32_768

  @Option(help: "The most seconds of one speech.")
  var maxSeconds = 600.0

  @Option(help: "An origin whose pages may call the server, or *; repeat for several.")
  var corsOrigin: [String] = []

  @Option(help: "PEM file with the certificate and its chain.")
  var tlsCertificate: String?

  @Option(help: "PEM file with the certificate's key.")
  var tlsKey: String?

  @Flag(inversion: .prefixedNo, help: "Fetch recordings that requests name by address.")
  var allowReferenceUrls = false

  @Option(help: "Folder below which requests may name recordings as file://.")
  var allowedLocalMediaPath: String?

  @Option(help: "Seconds in which balancers may notice a shutdown before the port closes.")
  var drainDelay = 0.0

  @Option(help: "Seconds in which running speeches may end after a signal.")
  var drainTimeout = 60.0

  @Option(help: "trace, debug, info, warning or error.")
  var logLevel = "info"

  @Option(help: "text or json.")
  var logFormat = "text"

  @Flag(inversion: .prefixedNo, help: "Log a line for each request, without texts and voices.")
  var logAccess = true

  @Flag(inversion: .prefixedNo, help: "Log texts and voices too.")
  var logTexts = false

  @Flag(inversion: .prefixedNo, help: "Export the main metrics under vLLM's names too.")
  var metricsVllmNames = false

  @OptionGroup var processor: ProcessorArguments

  @Option(help: "YAML file with the names of these options.")
  var config: String?

  private static let options: Set = [
    "host", "port", "wyoming-port", "model", "synthetic", "device", "voices", "voice-alias",
    "api-key",
    "api-key-file", "max-batch", "max-queue", "max-per-key", "max-connections", "idle-timeout",
    "max-input-characters", "max-seconds", "memory", "cors-origin", "tls-certificate", "tls-key",
    "allowed-local-media-path", "drain-delay", "drain-timeout", "log-level", "log-format",
    "threads",
  ]
  private static let flags: Set = [
    "allow-reference-urls", "log-access", "log-texts", "metrics-vllm-names",
  ]

  func validate() throws {
    guard (0...65_535).contains(port) else {
      throw ValidationError("--port: expected 0 to 65535, found \(port).")
    }
    if let wyomingPort, !(0...65_535).contains(wyomingPort) {
      throw ValidationError("--wyoming-port: expected 0 to 65535, found \(wyomingPort).")
    }
    guard (tlsCertificate == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-certificate and --tls-key belong together; give both or none.")
    }
    guard model.isEmpty || synthetic == nil else {
      throw ValidationError("Give --model or --synthetic, not both.")
    }
    if let synthetic, SyntheticSize(rawValue: synthetic)?.isReleased != true {
      throw ValidationError("--synthetic: expected 0.6B or 1.7B, found \(synthetic).")
    }
    for (name, value) in [
      ("batch", maxBatch ?? 1), ("queue", maxQueue), ("per-key", maxPerKey ?? 1),
      ("connections", maxConnections),
      ("input-characters", maxInputCharacters),
    ] where value < 1 {
      throw ValidationError("--max-\(name): expected 1 or more, found \(value).")
    }
    for alias in voiceAlias where alias.split(separator: "=").count != 2 {
      throw ValidationError("--voice-alias: expected NAME=VOICE, found \(alias).")
    }
    guard Logger.Level(rawValue: logLevel) != nil else {
      throw ValidationError(
        "--log-level: expected trace, debug, info, warning or error, found \(logLevel).")
    }
    guard ["text", "json"].contains(logFormat) else {
      throw ValidationError("--log-format: expected text or json, found \(logFormat).")
    }
    for (name, value) in [
      ("max-seconds", maxSeconds), ("idle-timeout", idleTimeout), ("drain-delay", drainDelay),
      ("drain-timeout", drainTimeout),
    ] {
      // A longest speech or an idle time of zero would refuse everything.
      let least = name.hasPrefix("drain") ? 0 : 0.1
      guard (least...1e6).contains(value) else {
        throw ValidationError("--\(name): expected seconds from \(least) on, found \(value).")
      }
    }
  }

  func run() async throws {
    guard let config else { return try await serve() }
    let file: ConfigurationFile
    do {
      file = try ConfigurationFile(path: config, options: Self.options, flags: Self.flags)
    } catch {
      throw SynthesisError(.invalidInput, "\(error)", underlying: error)
    }
    // The command line comes last, since of two values of an option the last counts.
    let given = CommandLine.arguments.drop { $0 != "serve" }.dropFirst()
    let merged: Serve
    do { merged = try Self.parse(file.arguments + given) } catch {
      let problem = file.problem(Self.message(for: error)) { arguments in
        do { _ = try Self.parse(arguments) } catch { return Self.message(for: error) }
        return nil
      }
      throw SynthesisError(.invalidInput, "\(problem)", underlying: error)
    }
    try await merged.serve()
  }

  private func serve() async throws {
    processor.apply()
    let server = SpeechServer(try configuration())
    var logger = Logger(label: "qwen3-tts") { [logFormat] label -> any LogHandler in
      if logFormat == "json" { return JSONLogHandler() }
      return StreamLogHandler.standardError(label: label)
    }
    logger.logLevel = Logger.Level(rawValue: logLevel) ?? .info
    let scheme = tlsCertificate == nil ? "http" : "https"
    let shownHost = host.contains(":") ? "[\(host)]" : host
    let models = try folders()
    let manager = ServiceManager(environment: ProcessInfo.processInfo.environment)
    do {
      try await server.run(
        logger: logger,
        load: { [synthetic, device, limits] in
          if let size = synthetic.flatMap({ SyntheticSize(rawValue: $0) }) {
            let synthesizer = try await SpeechSynthesizer.synthetic(
              size, variant: .customVoice, on: device, limits)
            let name = "synthetic-\(size.rawValue)"
            return [ServedModel(name: name, engine: synthesizer, created: Self.now)]
          }
          let synthesizers = try await SpeechSynthesizer.open(
            models.map(\.folder), device: device, limits: limits)
          return zip(models, synthesizers).map { model, synthesizer in
            ServedModel(name: model.name, engine: synthesizer, created: Self.now)
          }
        },
        onListening: { port in printMessage("Listening at \(scheme)://\(shownHost):\(port)") },
        onWyomingListening: { port in
          printMessage("Listening at tcp://\(shownHost):\(port) for Wyoming")
        },
        onReady: {
          printMessage("Ready.")
          Self.notify(manager, .ready(status: "Serving \(scheme)://\(shownHost)"))
        },
        onDraining: {
          Self.notify(manager, .stopping(status: "Running speeches end; new ones are refused."))
        },
        onSecondSignal: { signal in
          printMessage("Stopped at once: speeches that ran are cut.")
          Foundation.exit(128 + signal)
        })
    } catch let error as SynthesisError {
      throw error
    } catch {
      throw SynthesisError(
        .deviceUnavailable,
        "\(shownHost):\(port): expected an address of this machine and a free port: \(error)",
        underlying: error)
    }
  }

  /// Passes an event to the service manager that started the server, if one did.
  private static func notify(_ manager: ServiceManager?, _ event: ServiceManager.Event) {
    do { try manager?.notify(event) } catch {
      printMessage("Service manager: expected a socket at NOTIFY_SOCKET, found \(error)")
    }
  }

  /// Names and folders of the models; the bundled voice where none is named.
  private func folders() throws -> [(name: String, folder: URL?)] {
    guard !model.isEmpty else { return [("bundled", nil)] }
    var folders: [(name: String, folder: URL?)] = []
    for name in model {
      let short = name.split(separator: "/").last.map(String.init) ?? name
      // Requests name a model so.
      guard !folders.contains(where: { $0.name == short }) else {
        throw SynthesisError(
          .invalidInput, "--model: expected models of different names, found \(short) twice.")
      }
      folders.append((short, try ModelLibrary.standard.model(named: name)))
    }
    return folders
  }

  /// How much the device takes on. Who waits is the server's to say, and slow readers are its to end.
  private var limits: SpeechLimits {
    var limits = SpeechLimits()
    limits.voices = maxBatch
    limits.keyValueBytes = memory?.bytes
    limits.queue = maxQueue + 1024
    return limits
  }

  private static var now: Int { Int(Date.now.timeIntervalSince1970) }

  private func configuration() throws -> SpeechServer.Configuration {
    var configuration = SpeechServer.Configuration()
    configuration.host = host
    configuration.port = port
    configuration.wyomingPort = wyomingPort
    configuration.apiKeys = apiKey
    if let apiKeyFile {
      let text: String
      do { text = try String(contentsOf: URL(filePath: apiKeyFile), encoding: .utf8) } catch {
        throw SynthesisError(
          .invalidInput,
          "\(apiKeyFile): expected a file with a key a line: "
            + error.localizedDescription, underlying: error)
      }
      let keys = text.split(whereSeparator: \.isNewline)
        .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
      guard !keys.isEmpty else {
        throw SynthesisError(
          .invalidInput, "\(apiKeyFile): expected a file with a key a line, found none.")
      }
      configuration.apiKeys += keys
    }
    configuration.queueLimit = maxQueue
    configuration.speechesPerKey = maxPerKey
    // Each needs a file; models, voices and the log need some, too.
    let others = 64
    let files = StandardStreams.openableFiles(wanted: maxConnections + others)
    guard files > others else {
      throw SynthesisError(
        .deviceUnavailable,
        "open files: expected room for \(others) and for connections, found \(files). "
          + "Raise the limit: ulimit -n 4096")
    }
    configuration.limits.connections = files - others
    configuration.limits.idleTimeout = .seconds(idleTimeout)
    for alias in voiceAlias {
      let parts = alias.split(separator: "=").map { $0.lowercased() }
      configuration.voiceAliases[parts[0]] = parts[1]
    }
    configuration.limits.request.inputCharacters = maxInputCharacters
    configuration.limits.request.audioSeconds = maxSeconds
    if let voices { configuration.voiceFolder = URL(filePath: voices) }
    configuration.reference.allowsAddresses = allowReferenceUrls
    configuration.reference.mediaFolder = allowedLocalMediaPath.map { URL(filePath: $0) }
    configuration.allowedOrigins = corsOrigin
    configuration.certificateFile = tlsCertificate
    configuration.privateKeyFile = tlsKey
    configuration.drainDelay = .seconds(drainDelay)
    configuration.drainTimeout = .seconds(drainTimeout)
    configuration.logsAccess = logAccess
    configuration.logsTexts = logTexts
    configuration.usesVLLMNames = metricsVllmNames
    configuration.version = BuildInformation.version
    return configuration
  }
}

/// One JSON object a line on standard error.
private struct JSONLogHandler: LogHandler {
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var members = ["level": event.level.rawValue, "message": "\(event.message)"]
    members["time"] = Date.now.ISO8601Format(.iso8601(timeZone: .gmt))
    for (key, value) in metadata.merging(event.metadata ?? [:], uniquingKeysWith: { $1 }) {
      members[key] = "\(value)"
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(members) else { return }
    printMessage(String(decoding: data, as: UTF8.self))
  }
}
#endif
