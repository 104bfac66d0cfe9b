// SPDX-License-Identifier: MIT
#if Server
package import Foundation
package import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import Logging
import NIOCore
import NIOSSL
import Qwen3TTS
package import ServiceLifecycle
import UnixSignals

/// An HTTP server for speech: OpenAI's interface, a web page, metrics, health.
///
/// It is a client of `Qwen3TTS` like any other program. The port answers as soon as it is open; until
/// the models are loaded, requests get 503 `starting`.
package struct SpeechServer: Sendable {
  /// What can be chosen.
  package struct Configuration: Sendable {
    package var host = "127.0.0.1"
    package var port = 8_000
    /// The port of the Wyoming protocol, at the same address; `nil`: none.
    package var wyomingPort: Int?
    /// Keys of which a request has to bring one; none: everybody may speak.
    package var apiKeys: [String] = []
    /// Speeches that may wait.
    package var queueLimit = 64
    /// Speeches that one key may have at a time; `nil`: as many as it likes.
    package var speechesPerKey: Int?
    package var limits = ServerLimits()
    /// Where uploaded voices are kept.
    package var voiceFolder = VoiceLibrary.standard.folder
    package var voiceAliases: [String: String] = [:]
    package var reference = ReferenceFetcher()
    /// Whether the log has a line for each request and speech, without texts and voices.
    package var logsAccess = true
    /// Whether the log has texts and voices.
    package var logsTexts = false
    /// Whether metrics are exported under vLLM's names too.
    package var usesVLLMNames = false
    /// Origins that pages of other servers may call from; "*": all.
    package var allowedOrigins: [String] = []
    /// PEM files of certificate chain and key; both or none.
    package var certificateFile: String?
    package var privateKeyFile: String?
    /// How long balancers have to notice that the server is going.
    package var drainDelay = Duration.zero
    /// How long speeches that run may take to end.
    package var drainTimeout = Duration.seconds(60)
    /// Of the program.
    package var version = "0"

    package init() {}
  }

  package let service: SpeechService
  package let registry: PrometheusRegistry
  private let configuration: Configuration
  private let voices: VoiceDirectory

  package init(_ configuration: Configuration) {
    self.configuration = configuration
    registry = PrometheusRegistry(descriptions: MetricNames.descriptions)
    service = SpeechService(
      queue: SpeechQueue(
        limit: configuration.queueLimit, limitPerKey: configuration.speechesPerKey),
      metrics: ServerMetrics(factory: registry, usesVLLMNames: configuration.usesVLLMNames))
    var fetcher = configuration.reference
    fetcher.byteLimit = configuration.limits.recordingBytes
    voices = VoiceDirectory(
      folder: configuration.voiceFolder, aliases: configuration.voiceAliases, fetcher: fetcher,
      metrics: service.metrics)
  }

  private var speeches: SpeechStarter {
    SpeechStarter(
      service: service, voices: voices, logsAccess: configuration.logsAccess,
      logsTexts: configuration.logsTexts)
  }

  /// The Wyoming protocol's server; `nil` where none is wanted.
  ///
  /// - Parameter onListening: Called with the port once it is open.
  package func wyoming(
    logger: Logger, onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) -> (any Service)? {
    configuration.wyomingPort.map { port in
      WyomingServer(
        speeches: speeches, limits: configuration.limits, host: configuration.host, port: port,
        version: configuration.version, logger: logger, onListening: onListening)
    }
  }

  /// The routes, for tests in memory as well.
  package func router() -> Router<ServerContext> {
    let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: OriginMiddleware(allowed: configuration.allowedOrigins))
    router.add(
      middleware: RequestMiddleware(
        logsAccess: configuration.logsAccess, metrics: service.metrics))
    router.add(middleware: KeyMiddleware(keys: configuration.apiKeys))
    SpeechRoutes(speeches: speeches, limits: configuration.limits).add(to: router)
    let sockets = SocketRoutes(speeches: speeches, limits: configuration.limits)
    sockets.add(to: router)
    ModelRoutes(service: service).add(to: router)
    let voiceRoutes = VoiceRoutes(
      service: service, voices: voices, limits: configuration.limits)
    voiceRoutes.add(to: router)
    ElevenLabsRoutes(
      speeches: speeches, voices: voiceRoutes, sockets: sockets, limits: configuration.limits
    ).add(to: router)
    OperationRoutes(service: service, registry: registry, version: configuration.version)
      .add(to: router)
    return router
  }

  /// The server as a Hummingbird application.
  ///
  /// - Parameter onListening: Called with the port once it is open.
  /// - Throws: `SynthesisError` `invalidInput` when certificate or key cannot be used.
  package func application(
    logger: Logger, onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) throws -> some ApplicationProtocol {
    let idle = TimeAmount.nanoseconds(configuration.limits.idleTimeout.nanoseconds)
    let metrics = service.metrics
    let http = HTTPServerBuilder.http1(
      configuration: .init(
        additionalChannelHandlers: [
          ConnectionWatch(patience: idle) { metrics.connection($0) },
          WebSocketUpgrade(limits: .init(patience: idle)),
        ],
        idleTimeout: idle))
    var server = http
    if let tls = try tlsConfiguration() {
      server = try .tls(http, tlsConfiguration: tls)
    }
    return Application(
      router: router(), server: server,
      configuration: .init(
        address: .hostname(configuration.host, port: configuration.port),
        serverName: "qwen3-tts",
        availableConnectionsDelegate: .maximum(configuration.limits.connections, logger: logger)),
      onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
      logger: logger)
  }

  /// - Throws: `SynthesisError` `invalidInput` for a file that cannot be used.
  private func tlsConfiguration() throws -> TLSConfiguration? {
    guard let certificate = configuration.certificateFile, let key = configuration.privateKeyFile
    else { return nil }
    func read<Value>(_ file: String, _ what: String, _ body: () throws -> Value) throws -> Value {
      do { return try body() } catch {
        throw SynthesisError(
          .invalidInput, "\(file): expected a PEM file with \(what): \(error)", underlying: error)
      }
    }
    let chain = try read(certificate, "a certificate and its chain") {
      try NIOSSLCertificate.fromPEMFile(certificate)
    }
    let privateKey = try read(key, "a private key") {
      try NIOSSLPrivateKey(file: key, format: .pem)
    }
    var tls = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
    tls.applicationProtocols = ["http/1.1"]
    return tls
  }

  /// Runs until a signal, then drains: running speeches end whole, new ones are refused.
  ///
  /// - Parameters:
  ///   - load: Opens the models; runs while the port already answers.
  ///   - onListening: Called with the port once it is open.
  ///   - onWyomingListening: Called with Wyoming's port once it is open.
  ///   - onReady: Called when the models are open.
  ///   - onDraining: Called when a signal has begun the end.
  ///   - onSecondSignal: Called with the number of a signal that comes while the server drains; ends the process.
  package func run(
    logger: Logger, load: @escaping @Sendable () async throws -> [ServedModel],
    onListening: @escaping @Sendable (Int) async -> Void,
    onWyomingListening: @escaping @Sendable (Int) async -> Void = { _ in },
    onReady: @escaping @Sendable () -> Void,
    onDraining: @escaping @Sendable () -> Void = {},
    onSecondSignal: @escaping @Sendable (Int32) -> Void
  ) async throws {
    var services: [any Service] = [
      try application(logger: logger, onListening: onListening),
      LoadService(service: service, load: load, onReady: onReady),
    ]
    if let wyoming = wyoming(logger: logger, onListening: onWyomingListening) {
      services.append(wyoming)
    }
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(services: services, logger: logger))
    // Trapped before the port opens, so that no signal is missed.
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      tasks.addTask {
        await withTaskGroup(of: Void.self) { draining in
          var isFirst = true
          for await signal in signals {
            if isFirst {
              onDraining()
              draining.addTask { await drain(group) }
            } else {
              onSecondSignal(signal.rawValue)
            }
            isFirst = false
          }
          draining.cancelAll()
        }
      }
      defer { tasks.cancelAll() }
      try await tasks.next()
    }
  }

  /// Refuses new speeches, closes the port when balancers had time to notice, and ends the speeches that
  /// take too long.
  private func drain(_ group: ServiceGroup) async {
    service.drain()
    do {
      try await Task.sleep(for: configuration.drainDelay)
      await group.triggerGracefulShutdown()
      try await Task.sleep(for: configuration.drainTimeout)
      service.cancelAll()
    } catch {
      // All speeches have ended before the time was over.
    }
  }
}

/// Opens the models next to the running server.
private struct LoadService: Service {
  let service: SpeechService
  let load: @Sendable () async throws -> [ServedModel]
  let onReady: @Sendable () -> Void

  func run() async throws {
    service.serve(try await load())
    onReady()
    try await gracefulShutdown()
  }
}
#endif
