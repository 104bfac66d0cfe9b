// SPDX-License-Identifier: MIT
#if Server
import AsyncAlgorithms
import Logging
import Qwen3TTS

/// Runs a session over a connection: one task takes in, one after the other, what the client sends, what
/// speeches make and how time passes, and sends what follows from it.
///
/// Sending waits for the client, so a client that does not read holds up its own speeches, and what it
/// sends.
struct SessionRunner: Sendable {
  let speeches: SpeechStarter
  let limits: SpeechSession.Limits
  /// The connection's; each utterance has its number added.
  let requestID: String
  let route: String
  let key: Int?
  let logger: Logger

  /// What comes from a connection.
  enum Input<Message: Sendable>: Sendable {
    case message(Message)
    case drain
    case gone
  }

  private enum Event<Message: Sendable>: Sendable {
    case input(Input<Message>)
    case sound(SpeechSession.ID, SpeechPiece)
    case ended(SpeechSession.ID, SpeechSession.Ending)
    case second
  }

  /// Returns when the connection has ended.
  ///
  /// - Parameters:
  ///   - receive: Waits for what comes next; not called after `gone`.
  ///   - send: Sends an answer; returns when the client takes it.
  func run<Client: SessionProtocol>(
    _ client: Client,
    receive:
      @escaping @Sendable (
        @escaping @Sendable (Input<Client.Message>) async -> Void
      ) async -> Void,
    send: @Sendable (Client.Answer) async -> Void
  ) async {
    var client = client
    var turn = SessionTurn<Client.Answer>(SpeechSession(limits: limits))
    let events = AsyncChannel<Event<Client.Message>>()
    let reading = Task {
      await receive { input in await events.send(.input(input)) }
      await events.send(.input(.gone))
    }
    let ticking = Task {
      while !Task.isCancelled {
        try? await Task.sleep(for: .seconds(1))
        await events.send(.second)
      }
    }
    var speaking: [SpeechSession.ID: Speaking] = [:]
    var lastMessage = ContinuousClock.now
    defer {
      reading.cancel()
      ticking.cancel()
      for speech in speaking.values { speech.cancel() }
      events.finish()
    }
    client.begin(&turn)
    guard await perform(&turn, &client, &speaking, events, send) else { return }
    for await event in events {
      switch event {
      case .input(.message(let message)):
        lastMessage = .now
        client.receive(message, &turn)
      case .input(.drain): turn.perform { $0.drain() }
      case .input(.gone): return
      case .sound(let id, let piece): turn.perform { $0.sound(piece, of: id) }
      case .ended(let id, let ending):
        speaking[id] = nil
        lastMessage = .now
        turn.perform { $0.ended(id, ending) }
      case .second:
        guard let limit = client.idleLimit, !turn.session.isBusy, .now - lastMessage > limit
        else { continue }
        client.idle(&turn)
      }
      guard await perform(&turn, &client, &speaking, events, send) else { return }
    }
  }

  /// Carries out what a turn asks for, and what that leads to. Returns whether the connection continues.
  private func perform<Client: SessionProtocol>(
    _ turn: inout SessionTurn<Client.Answer>, _ client: inout Client,
    _ speaking: inout [SpeechSession.ID: Speaking],
    _ events: AsyncChannel<Event<Client.Message>>, _ send: @Sendable (Client.Answer) async -> Void
  ) async -> Bool {
    var effects = turn.takeEffects()
    while !effects.isEmpty {
      switch effects.removeFirst() {
      case .send(let answer): await send(answer)
      case .end: return false
      case .step(.begin(let id, let context)):
        speaking[id] = begin(id, client.parameters(for: id, in: context), events)
      case .step(.feed(let id, let text)): speaking[id]?.text.yield(text)
      case .step(.endText(let id)): speaking[id]?.text.finish()
      case .step(.cancel(let id)): speaking.removeValue(forKey: id)?.cancel()
      case .step(let step):
        if speeches.logsTexts, case .ended(let utterance, _) = step {
          let voice = client.parameters(for: utterance.id, in: utterance.context).voice
          speeches.log(
            text: utterance.text, voice: "\(voice)", id: "\(requestID)-\(utterance.id)", logger)
        }
        client.report(step, &turn)
        effects = turn.takeEffects() + effects
      }
    }
    return true
  }

  /// An utterance that is being spoken.
  private struct Speaking {
    let text: AsyncStream<String>.Continuation
    let task: Task<Void, Never>

    func cancel() {
      task.cancel()
      text.finish()
    }
  }

  private func begin<Message>(
    _ id: SpeechSession.ID, _ parameters: SpeechParameters,
    _ events: AsyncChannel<Event<Message>>
  ) -> Speaking {
    let (pieces, text) = AsyncStream<String>.makeStream()
    let request = SpeechService.Request(id: "\(requestID)-\(id)", route: route, key: key)
    let task = Task {
      do {
        let (job, _) = try await speeches.start(parameters, .pieces(pieces), for: request, logger)
        let bytes = try SpeechBytes(job, parameters, figures: speeches.service.metrics)
        while let piece = try await bytes.nextPiece() { await events.send(.sound(id, piece)) }
        await events.send(.ended(id, .whole(bytes.metrics ?? SpeechMetrics())))
      } catch is CancellationError where speeches.service.phase != .draining {
        await events.send(.ended(id, .cancelled))
      } catch {
        await events.send(.ended(id, .failed(speeches.answer(to: error, id: request.id))))
      }
    }
    return Speaking(text: text, task: task)
  }
}
#endif
