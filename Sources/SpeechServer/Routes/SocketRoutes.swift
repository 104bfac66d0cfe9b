// SPDX-License-Identifier: MIT
#if Server
import Hummingbird
import Qwen3TTS

/// The WebSockets: each a protocol over a session.
struct SocketRoutes: Sendable {
  let speeches: SpeechStarter
  let limits: ServerLimits

  func add(to router: Router<ServerContext>) {
    router.get("/v1/audio/speech/stream") { request, context in
      let stream = SpeechStream(sessionID: context.requestID, limits: limits.request)
      return try await answer(request, context, "/v1/audio/speech/stream", stream)
    }
    router.get("/v1/audio/speech/ws") { request, context in
      let isOffered = request.subprotocols.contains(NariStream.name)
      guard isOffered || !request.headers.asksForUpgrade else {
        // Answered in the protocol's own way: a client that cannot read a status reads this.
        return try await request.webSocket(context) { socket in
          await socket.send(.close(code: 1_002, reason: "expected \(NariStream.name)"))
        }
      }
      let stream = NariStream(requestID: context.requestID, limits: limits.request)
      return try await answer(
        request, context, "/v1/audio/speech/ws", subprotocol: NariStream.name, stream)
    }
    addRealtime(to: router)
  }

  /// The two that speak texts by events; `?model=` names the model, `?instructions=` the style.
  func addRealtime(to router: Router<ServerContext>) {
    for (path, dialect) in [
      ("/v1/realtime", Realtime.Dialect.openAI), ("/api-ws/v1/realtime", .dashScope),
    ] {
      router.get(RouterPath(path)) { request, context in
        let query = request.uri.queryParameters
        let models = speeches.service.models
        let asked = query["model"].map { String($0) }
        var parameters = SpeechParameters()
        parameters.model = models.map(\.name).first { $0 == asked }
        parameters.options.frameCeiling = limits.request.frames
        parameters.options.instruction = query["instructions"].map { String($0) }
        let realtime = Realtime(
          dialect, sessionID: context.requestID,
          model: asked ?? models.first?.name ?? "default", parameters: parameters,
          languages: models.flatMap(\.engine.languages), limits: limits.request)
        // A page's socket names its key as a subprotocol, and has to be answered with one.
        let subprotocol = request.subprotocols.first { $0 == "realtime" }
        return try await answer(request, context, path, subprotocol: subprotocol, realtime)
      }
    }
  }

  /// Makes the connection a WebSocket of a protocol.
  func answer<Client: SessionProtocol>(
    _ request: Request, _ context: ServerContext, _ route: String, subprotocol: String? = nil,
    _ client: Client
  ) async throws -> Response where Client.Message == SocketMessage, Client.Answer == SocketAnswer {
    if request.headers.asksForUpgrade { try speeches.service.checkIsAvailable() }
    var session = limits.session
    session.characters = limits.request.inputCharacters
    let runner = SessionRunner(
      speeches: speeches, limits: session, requestID: context.requestID, route: route,
      key: context.key, logger: context.logger)
    return try await request.webSocket(context, subprotocol: subprotocol) { socket in
      await runner.run(client) { take in
        await socket.receive(take)
      } send: { answer in
        await socket.send(answer)
      }
    }
  }
}
#endif
