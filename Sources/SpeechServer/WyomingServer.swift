// SPDX-License-Identifier: MIT
#if Server
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import Qwen3TTS
import ServiceLifecycle

/// Serves the Wyoming protocol on a port of its own, to Home Assistant above all.
///
/// It asks for no key, as the protocol has none.
struct WyomingServer: Service {
  let speeches: SpeechStarter
  let limits: ServerLimits
  let host: String
  let port: Int
  let version: String
  let logger: Logger
  let onListening: @Sendable (Int) async -> Void

  private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

  func run() async throws {
    let patience = TimeAmount.nanoseconds(limits.idleTimeout.nanoseconds)
    let metrics = speeches.service.metrics
    let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .bind(host: host, port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            ConnectionWatch(patience: patience) { metrics.connection($0, "wyoming") })
          return try Connection(wrappingChannelSynchronously: channel)
        }
      }
    await onListening(server.channel.localAddress?.port ?? port)
    await withGracefulShutdownHandler {
      await withDiscardingTaskGroup { group in
        do {
          try await server.executeThenClose { connections in
            for try await connection in connections {
              group.addTask { await serve(connection) }
            }
          }
        } catch {
          logger.error("wyoming", metadata: ["error": .string("\(error)")])
        }
      }
    } onGracefulShutdown: {
      server.channel.close(promise: nil)
    }
  }

  private func serve(_ connection: Connection) async {
    let voices = speeches.voices
    let session = WyomingSession(
      programs: speeches.service.models.map { model in
        .init(
          name: model.name,
          voices: model.engine.voices + (model.engine.kind == .base ? voices.uploadedNames : []),
          languages: model.engine.languages)
      }, version: version, limits: limits.request)
    var sessionLimits = limits.session
    sessionLimits.characters = limits.request.inputCharacters
    let runner = SessionRunner(
      speeches: speeches, limits: sessionLimits, requestID: RequestMiddleware.id(from: nil),
      route: "wyoming", key: nil, logger: logger)
    do {
      try await connection.executeThenClose { inbound, outbound in
        await runner.run(session) { take in
          await receive(inbound, take)
        } send: { event in
          // A client that has gone is noticed by reading.
          try? await outbound.write(ByteBuffer(bytes: event.bytes))
        }
      }
    } catch {
      logger.debug("wyoming", metadata: ["error": .string("\(error)")])
    }
  }

  /// Passes on events, and that the server shuts down, until the client goes or sends something else.
  private func receive(
    _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
    _ take: @escaping @Sendable (SessionRunner.Input<WyomingEvent>) async -> Void
  ) async {
    await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        var reader = WyomingReader()
        do {
          for try await bytes in inbound {
            reader.append(bytes.readableBytesView)
            while let event = try reader.next() { await take(.message(event)) }
          }
        } catch {
          logger.debug("wyoming", metadata: ["error": .string("\(error)")])
        }
        return true
      }
      group.addTask {
        guard (try? await gracefulShutdown()) != nil else { return false }
        await take(.drain)
        return false
      }
      for await isOver in group where isOver { break }
      group.cancelAll()
    }
  }
}
#endif
