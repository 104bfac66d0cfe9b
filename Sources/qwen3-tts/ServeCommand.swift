// SPDX-License-Identifier: MIT
#if Server
import ArgumentParser
import Foundation
import Logging
import Qwen3TTS
import SpeechServer

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

  @Option(help: "Name or folder of a model; repeat for several. Without it, the bundled voice.")
  var model: [String] = []

  @Option(help: "auto, cpu or cuda.")
  var device = SpeechDevice.automatic

  @Option(help: "Folder of uploaded voices.")
  var voices: String?

  @Option(help: "A key that requests have to bring; repeat for several.")
  var apiKey: [String] = []

  @Option(help: "A file with a key a line.")
  var apiKeyFile: String?

  @Option(help: "Requests that may wait; one more is refused with 503.")
  var maxQueue = 64

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

  @OptionGroup var processor: ProcessorArguments

  @Option(help: "YAML file with the names of these options.")
  var config: String?

  private static let options: Set = [
    "host", "port", "model", "device", "voices", "api-key", "api-key-file", "max-queue",
    "max-input-characters", "max-seconds", "cors-origin", "tls-certificate", "tls-key",
    "allowed-local-media-path", "drain-delay", "drain-timeout", "log-level", "log-format",
    "threads",
  ]
  private static let flags: Set = ["allow-reference-urls", "log-access"]

  func validate() throws {
    guard (0...65_535).contains(port) else {
      throw ValidationError("--port: expected 0 to 65535, found \(port).")
    }
    guard (tlsCertificate == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-certificate and --tls-key belong together; give both or none.")
    }
    guard maxQueue >= 1 else {
      throw ValidationError("--max-queue: expected 1 or more, found \(maxQueue).")
    }
    guard Logger.Level(rawValue: logLevel) != nil else {
      throw ValidationError(
        "--log-level: expected trace, debug, info, warning or error, found \(logLevel).")
    }
    guard ["text", "json"].contains(logFormat) else {
      throw ValidationError("--log-format: expected text or json, found \(logFormat).")
    }
    guard maxSeconds > 0, drainDelay >= 0, drainTimeout >= 0, maxInputCharacters > 0 else {
      throw ValidationError("Times and lengths: expected numbers above 0.")
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
    var merged = try Self.parse(file.arguments + given)
    merged.config = nil
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
    let (names, device) = (model, device)
    let scheme = tlsCertificate == nil ? "http" : "https"
    let shownHost = host.contains(":") ? "[\(host)]" : host
    try await server.run(
      logger: logger,
      load: {
        guard !names.isEmpty else {
          let synthesizer = try await SpeechSynthesizer(device: device)
          return [ServedModel(name: "bundled", engine: synthesizer, created: Self.now)]
        }
        var models: [ServedModel] = []
        for name in names {
          let folder = try ModelLibrary.standard.model(named: name)
          models.append(
            ServedModel(
              name: name.split(separator: "/").last.map(String.init) ?? name,
              engine: try await SpeechSynthesizer(model: folder, device: device),
              created: Self.now))
        }
        return models
      },
      onListening: { port in
        printMessage("Listening at \(scheme)://\(shownHost):\(port)")
      },
      onReady: { printMessage("Ready.") })
  }

  private static var now: Int { Int(Date.now.timeIntervalSince1970) }

  private func configuration() throws -> SpeechServer.Configuration {
    var configuration = SpeechServer.Configuration()
    configuration.host = host
    configuration.port = port
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
    configuration.version = QwenTTSCommand.configuration.version
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
