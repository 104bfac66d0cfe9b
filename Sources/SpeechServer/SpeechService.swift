// SPDX-License-Identifier: MIT
#if Server
package import Qwen3TTS
import Synchronization

/// The models of a server, the speeches that run, and whether new ones are taken.
package final class SpeechService: Sendable {
  /// Where a server is in its life.
  package enum Phase: Sendable, Equatable {
    case starting
    case ready
    case draining
    /// An engine failed, and with it every speech to come.
    case failed
  }

  private struct State {
    var phase = Phase.starting
    var models: [ServedModel] = []
    /// Speeches that run.
    var running: [ObjectIdentifier: SpeechRecord] = [:]
    /// By request id; those of a while ago are removed when there are `pruneAt`.
    var records: [String: SpeechRecord] = [:]
    var pruneAt = leastPruned
  }

  /// How long what became of a speech can be asked.
  private static let retention = Duration.seconds(600)
  private static let leastPruned = 1_024
  /// How long a device may be at one thing before the process counts as stuck.
  private static let patience = Duration.seconds(10)

  private let state = Mutex(State())
  package let queue: SpeechQueue
  let metrics: ServerMetrics

  package init(queue: SpeechQueue, metrics: ServerMetrics) {
    self.queue = queue
    self.metrics = metrics
    metrics.begin()
  }

  package var phase: Phase { state.withLock { $0.phase } }
  package var models: [ServedModel] { state.withLock { $0.models } }

  /// Whether the process should be replaced: an engine failed or its device hangs.
  package var isDead: Bool {
    phase == .failed || models.contains { $0.engine.isStalled(for: Self.patience) }
  }

  /// Takes models into service.
  package func serve(_ models: [ServedModel]) {
    for model in models { metrics.begin(model: model.name) }
    state.withLock { state in
      state.models = models
      if state.phase == .starting { state.phase = .ready }
    }
  }

  /// Takes no new speeches from here on.
  package func drain() { state.withLock { $0.phase = .draining } }

  /// Ends the speeches that are left.
  package func cancelAll() {
    for record in state.withLock({ Array($0.running.values) }) { record.cancel() }
  }

  /// What became of a request's speech; `nil` for ids that are unknown or too long ago.
  package func record(_ id: String) -> SpeechRecord? { state.withLock { $0.records[id] } }

  // MARK: Models

  /// Names by which OpenAI's clients ask for a speech model: any that is served.
  static let standardNames: Set<String> = [
    "", "default", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15",
  ]

  /// The model that a request names; where it names none, the first of the kind it needs.
  ///
  /// - Throws: `APIError` 404 for a name that is not served, 400 when no model is of the kind, or 503
  ///   while there are none.
  package func model(named name: String?, kind: ModelKind? = nil) throws(APIError) -> ServedModel {
    let models = models
    guard let first = models.first else { throw unavailable ?? .notFound("No model is served.") }
    guard let name, !Self.standardNames.contains(name) else {
      guard let kind else { return first }
      guard let model = models.first(where: { $0.engine.kind == kind }) else {
        throw .invalid(
          "model",
          "model: this needs a \(kind.rawValue) model, and the server has none. Start it with --model "
            + "0.6B-Base, 1.7B-CustomVoice or 1.7B-VoiceDesign, or several of them.")
      }
      return model
    }
    guard let model = models.first(where: { $0.name == name }) else {
      let known = models.map(\.name).joined(separator: ", ")
      throw .notFound(
        "model: expected one of \(known), found \"\(name.prefix(80))\".",
        code: "model_not_found", parameter: "model")
    }
    return model
  }

  // MARK: Speeches

  /// Why no speech is taken now; `nil` when one is. `checkIsAvailable` counts those that are refused for it.
  package var unavailable: APIError? {
    switch phase {
    case .starting:
      .unavailable(
        "starting", "The server is starting; its models are being loaded.", retryAfter: 1)
    case .draining: .unavailable("draining", "The server is shutting down.", retryAfter: 5)
    case .failed:
      .unavailable("unhealthy", "An engine failed; the server has to be restarted.", retryAfter: 30)
    case .ready: nil
    }
  }

  /// Refuses a speech while none is taken, and counts it.
  ///
  /// - Throws: `APIError` 503.
  package func checkIsAvailable() throws(APIError) {
    guard let unavailable else { return }
    metrics.reject(unavailable.code ?? "")
    throw unavailable
  }

  /// What a speech is taken for.
  package struct Request: Sendable {
    /// The HTTP request's id.
    package var id: String
    /// The route's pattern, for metrics.
    package var route: String
    /// Which of the server's keys asks for it.
    package var key: Int?
  }

  /// Takes a speech into the queue.
  ///
  /// - Parameter onEnd: Called when it has ended, however it ended.
  /// - Throws: `APIError` 503 while no speech is taken or when too many wait, 429 when the key has too
  ///   many.
  package func speak(
    _ text: SpokenText, options: SpeechOptions, model: ServedModel, for request: Request,
    onEnd: @escaping @Sendable (SpeechRecord.State) -> Void = { _ in }
  ) throws(APIError) -> SpeechJob {
    try checkIsAvailable()
    do throws(SpeechQueue.Refusal) { try queue.enter(key: request.key) } catch {
      let refusal = APIError(error)
      metrics.reject(refusal.code ?? "")
      throw refusal
    }
    let record = SpeechRecord(id: request.id)
    list(record)
    return SpeechJob(
      record, seed: options.seed,
      speech: { model.engine.speak(text, options: options) },
      onFirstAudio: { [queue, metrics] time in
        queue.begin()
        metrics.firstAudio(time, model: model.name, route: request.route)
      },
      onEnd: { [self] result in
        queue.leave(hasBegun: result.timeToFirstAudio != nil, key: request.key)
        metrics.end(result, model: model.name, route: request.route)
        state.withLock { state in
          state.running[ObjectIdentifier(record)] = nil
          if let error = result.failure as? SynthesisError, error.code == .internalFailure {
            state.phase = .failed
          }
        }
        onEnd(result)
      })
  }

  private func list(_ record: SpeechRecord) {
    state.withLock { state in
      state.running[ObjectIdentifier(record)] = record
      state.records[record.id] = record
      guard state.records.count >= state.pruneAt else { return }
      state.records = state.records.filter { _, record in
        record.state.end.map { .now - $0 < Self.retention } ?? true
      }
      state.pruneAt = max(Self.leastPruned, 2 * state.records.count)
    }
  }
}
#endif
