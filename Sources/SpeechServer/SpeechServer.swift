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
import ServiceLifecycle
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
    /// Keys of which a request has to bring one; none: everybody may speak.
    package var apiKeys: [String] = []
    /// Speeches that may wait.
    package var queueLimit = 64
    package var limits = ServerLimits()
    /// Where uploaded voices are kept.
    package var voiceFolder = VoiceLibrary.standard.folder
    package var voiceAliases: [String: String] = [:]
    package var reference = ReferenceFetcher()
    package var logsAccess = true
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

  package init(_ configuration: Configuration) {
    self.configuration = configuration
    registry = PrometheusRegistry(descriptions: MetricNames.descriptions)
    service = SpeechService(
      queueLimit: configuration.queueLimit, metrics: ServerMetrics(factory: registry))
  }

  /// The routes, for tests in memory as well.
  package func router() -> Router<ServerContext> {
    let router = Router(context: ServerContext.self)
    router.add(middleware: RequestMiddleware(logsAccess: configuration.logsAccess))
    if !configuration.allowedOrigins.isEmpty {
      router.add(
        middleware: CORSMiddleware(
          allowOrigin: configuration.allowedOrigins.contains("*") ? .all : .originBased,
          allowHeaders: [.accept, .authorization, .contentType, .requestID],
          allowMethods: [.get, .post, .delete, .options]))
    }
    router.add(middleware: KeyMiddleware(keys: configuration.apiKeys))
    let voices = VoiceDirectory(
      folder: configuration.voiceFolder, aliases: configuration.voiceAliases,
      fetch: configuration.reference)
    SpeechRoutes(service: service, voices: voices, limits: configuration.limits).add(to: router)
    ListRoutes(
      service: service, voices: voices, limits: configuration.limits,
      fetch: configuration.reference
    ).add(to: router)
    OperationRoutes(service: service, registry: registry, version: configuration.version)
      .add(to: router)
    return router
  }

  /// The server as a Hummingbird application.
  ///
  /// - Parameter onListening: Called with the port once it is open.
  /// - Throws: When certificate or key cannot be read.
  package func application(
    logger: Logger, onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) throws -> some ApplicationProtocol {
    let idle = configuration.limits.idleTimeout
    let http = HTTPServerBuilder.http1(
      configuration: .init(
        additionalChannelHandlers: [ClientPresence()],
        idleTimeout: .nanoseconds(idle.nanoseconds)))
    var server = http
    if let certificate = configuration.certificateFile, let key = configuration.privateKeyFile {
      var tls = TLSConfiguration.makeServerConfiguration(
        certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
        privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
      tls.applicationProtocols = ["http/1.1"]
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

  /// Runs until a signal, then drains: running speeches end whole, new ones are refused.
  ///
  /// - Parameters:
  ///   - load: Opens the models; runs while the port already answers.
  ///   - onListening: Called with the port once it is open.
  package func run(
    logger: Logger, load: @escaping @Sendable () async throws -> [ServedModel],
    onListening: @escaping @Sendable (Int) async -> Void,
    onReady: @escaping @Sendable () -> Void
  ) async throws {
    let application = try application(logger: logger, onListening: onListening)
    let drain = DrainService(service: service, delay: configuration.drainDelay)
    let loader = LoadService(service: service, logger: logger, load: load, onReady: onReady)
    var group = ServiceGroupConfiguration(
      services: [.init(service: application), .init(service: loader), .init(service: drain)],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    group.maximumGracefulShutdownDuration = configuration.drainDelay + configuration.drainTimeout
    group.maximumCancellationDuration = .seconds(5)
    do { try await ServiceGroup(configuration: group).run() } catch is CancellationError {}
    service.cancelAll()
  }
}

/// Refuses new speeches as soon as the server is asked to stop.
///
/// Services stop in reverse order: this one is the last of the group, so balancers have `delay` to
/// notice before the port closes.
private struct DrainService: Service {
  let service: SpeechService
  let delay: Duration

  func run() async throws {
    try await gracefulShutdown()
    service.drain()
    try? await Task.sleep(for: delay)
  }
}

/// Opens the models next to the running server.
private struct LoadService: Service {
  let service: SpeechService
  let logger: Logger
  let load: @Sendable () async throws -> [ServedModel]
  let onReady: @Sendable () -> Void

  func run() async throws {
    service.serve(try await load())
    onReady()
    try await gracefulShutdown()
  }
}
#endif
