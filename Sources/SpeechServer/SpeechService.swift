// SPDX-License-Identifier: MIT
#if Server
package import Qwen3TTS
import Synchronization

/// What the server needs of an engine. `SpeechSynthesizer` is one.
package protocol SpeechEngineClient: Sendable {
  /// Names of the model's voices, in alphabetical order.
  var voices: [String] { get }
  /// Languages that can be asked for, besides "auto".
  var languages: [String] { get }
  /// Why the model cannot speak with a cloned voice; `nil` when it can.
  func problem(with voice: ClonedVoice) -> String?
  func speech(
    for text: String, options: SpeechOptions
  ) -> AsyncThrowingStream<AudioChunk, any Error>
  /// Takes a voice from a recording in a file.
  func makeVoice(from path: String, options: VoiceOptions) async throws -> VoiceCreation
}

/// A model that is served.
package struct ServedModel: Sendable {
  /// The name in requests.
  package let name: String
  package let engine: any SpeechEngineClient
  /// Seconds since 1970 when it was opened.
  package let created: Int

  package init(name: String, engine: any SpeechEngineClient, created: Int) {
    self.name = name
    self.engine = engine
    self.created = created
  }
}

/// The models of a server, the speeches that run, and whether new ones are taken.
package final class SpeechService: Sendable {
  /// Where a server is in its life.
  package enum Phase: Sendable, Equatable {
    case starting
    case ready
    case draining
    case failed(String)
  }

  private struct State {
    var phase = Phase.starting
    var models: [ServedModel] = []
    /// Speeches that were taken and have made no sound yet.
    var waiting = 0
    /// Speeches that sound.
    var running = 0
    var records: [String: SpeechRecord] = [:]
  }

  /// How long what became of a speech can be asked.
  private static let retention = Duration.seconds(600)

  private let state = Mutex(State())
  private let queueLimit: Int
  let metrics: ServerMetrics

  /// - Parameter queueLimit: Speeches that may wait for their first sound; one more is refused.
  package init(queueLimit: Int, metrics: ServerMetrics) {
    self.queueLimit = queueLimit
    self.metrics = metrics
  }

  package var phase: Phase { state.withLock { $0.phase } }
  package var models: [ServedModel] { state.withLock { $0.models } }
  /// Speeches that sound, and those that wait.
  package var load: (running: Int, waiting: Int) {
    state.withLock { ($0.running, $0.waiting) }
  }
  package var isFull: Bool { state.withLock { $0.waiting >= queueLimit } }

  /// Takes models into service.
  package func serve(_ models: [ServedModel]) {
    state.withLock { state in
      state.models = models
      if state.phase == .starting { state.phase = .ready }
    }
  }

  package func fail(_ message: String) { state.withLock { $0.phase = .failed(message) } }

  /// Takes no new speeches from here on.
  package func drain() { state.withLock { $0.phase = .draining } }

  /// Ends the speeches that are left.
  package func cancelAll() {
    for record in state.withLock({ Array($0.records.values) }) { record.cancel() }
  }

  /// What became of a request's speech; `nil` for ids that are unknown or too long ago.
  package func record(_ id: String) -> SpeechRecord? { state.withLock { $0.records[id] } }

  /// The model that a request names; the first where it names none, or a name of OpenAI's.
  ///
  /// - Throws: `APIError` 404, or 503 while there are none.
  package func model(named name: String?) throws(APIError) -> ServedModel {
    let models = models
    guard let first = models.first else { throw unavailable ?? .notFound("No model is served.") }
    guard let name, !Self.standardNames.contains(name) else { return first }
    guard let model = models.first(where: { $0.name == name }) else {
      let known = models.map(\.name).joined(separator: ", ")
      throw .notFound(
        "The model \"\(name.prefix(80))\" is not served here; there is \(known).",
        code: "model_not_found", parameter: "model")
    }
    return model
  }

  /// Names by which OpenAI's clients ask for a speech model.
  static let standardNames: Set<String> = [
    "", "default", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15",
  ]

  /// Why no speech is taken now; `nil` when one is.
  package var unavailable: APIError? {
    switch phase {
    case .starting:
      .unavailable(
        "starting", "The server is starting; its models are being loaded.", retryAfter: 1)
    case .draining:
      .unavailable("draining", "The server is shutting down.", retryAfter: 5)
    case .failed(let message):
      .unavailable("unhealthy", message, retryAfter: 30)
    case .ready: nil
    }
  }

  /// Takes a speech into the queue.
  ///
  /// - Parameters:
  ///   - id: The request's, which is unique among those that run.
  ///   - route: The route's pattern, for metrics.
  /// - Throws: `APIError` 503 while no speech is taken or when too many wait.
  package func speak(
    _ text: String, options: SpeechOptions, model: ServedModel, id: String, route: String
  ) throws(APIError) -> SpeechJob {
    if let unavailable {
      metrics.reject(unavailable.code ?? "")
      throw unavailable
    }
    let isTaken = state.withLock { state in
      guard state.waiting < queueLimit else { return false }
      state.waiting += 1
      return true
    }
    guard isTaken else {
      metrics.reject("queue_full")
      throw .unavailable(
        "overloaded", "\(queueLimit) requests are waiting, which is this server's limit.",
        retryAfter: 1)
    }
    let metrics = metrics
    let job = SpeechJob(
      id: id, seed: options.seed, speech: { model.engine.speech(for: text, options: options) },
      onFirstAudio: { [self] time in
        state.withLock {
          $0.waiting -= 1
          $0.running += 1
        }
        metrics.firstAudio(time, route: route)
      },
      onEnd: { [self] result in
        let wasHeard = result.timeToFirstAudio != nil
        state.withLock { wasHeard ? ($0.running -= 1) : ($0.waiting -= 1) }
        metrics.end(result, route: route)
      })
    state.withLock { state in
      state.records = state.records.filter { _, record in
        record.state.end.map { .now - $0 < Self.retention } ?? true
      }
      state.records[id] = job.record
    }
    return job
  }
}
#endif
