// SPDX-License-Identifier: MIT
#if Server
import AsyncAlgorithms
package import Qwen3TTS
import Synchronization

/// What became of a speech; kept by its request's id while it runs and for a while after.
package final class SpeechRecord: Sendable {
  package struct State: Sendable {
    /// `stop`, `length`, `runaway`, `cancelled` or `error`; `nil` while it runs.
    package var finishReason: String?
    package var metrics: SpeechMetrics?
    /// From the request to the first samples.
    package var timeToFirstAudio: Duration?
    /// When it ended.
    package var end: ContinuousClock.Instant?
  }

  package let id: String
  private let stored = Mutex(State())
  private let task = Mutex<Task<Void, Never>?>(nil)

  init(id: String) { self.id = id }

  package var state: State { stored.withLock { $0 } }

  /// Ends the speech: the engine notices within a frame. Nothing happens when it has ended.
  package func cancel() { task.withLock { $0?.cancel() } }

  fileprivate func run(_ body: @escaping @Sendable () async -> Void) {
    task.withLock { $0 = Task { await body() } }
  }

  fileprivate func update<Value>(_ change: (inout State) -> Value) -> Value {
    stored.withLock { change(&$0) }
  }
}

/// One speech of a request, as its chunks are made.
///
/// Chunks are handed over one at a time: those that nobody takes stay with the engine. The speech ends
/// when it is cancelled or when nobody holds the job.
package final class SpeechJob: Sendable {
  package let record: SpeechRecord
  /// With it the same request gives the same samples.
  package let seed: UInt64?
  private let channel: AsyncThrowingChannel<AudioChunk, any Error>

  /// Starts a speech.
  ///
  /// - Parameters:
  ///   - id: The request's.
  ///   - seed: That of the speech's options.
  ///   - speech: Begins the speech when it is called.
  ///   - onFirstAudio: Called with the first samples.
  ///   - onEnd: Called when it has ended, however it ended.
  init(
    id: String, seed: UInt64?,
    speech: @escaping @Sendable () -> AsyncThrowingStream<AudioChunk, any Error>,
    onFirstAudio: @escaping @Sendable (Duration) -> Void,
    onEnd: @escaping @Sendable (SpeechRecord.State) -> Void
  ) {
    let record = SpeechRecord(id: id)
    let channel = AsyncThrowingChannel<AudioChunk, any Error>()
    self.record = record
    self.seed = seed
    self.channel = channel
    let start = ContinuousClock.now
    // The task holds record and channel but not the job, so that a job nobody holds ends.
    record.run {
      var reason = "error"
      do {
        for try await chunk in speech() {
          if !chunk.samples.isEmpty {
            let first = record.update { state -> Duration? in
              guard state.timeToFirstAudio == nil else { return nil }
              state.timeToFirstAudio = .now - start
              return state.timeToFirstAudio
            }
            if let first { onFirstAudio(first) }
          }
          if let metrics = chunk.summary {
            reason = metrics.finishReason.rawValue
            record.update { $0.metrics = metrics }
          }
          await channel.send(chunk)
        }
        if Task.isCancelled { reason = "cancelled" }
        Task.isCancelled ? channel.fail(CancellationError()) : channel.finish()
      } catch {
        if error is CancellationError { reason = "cancelled" }
        channel.fail(error)
      }
      let state = record.update { state in
        state.finishReason = reason
        state.end = .now
        return state
      }
      onEnd(state)
    }
  }

  deinit { record.cancel() }

  /// The next chunk; `nil` after the last.
  ///
  /// - Throws: What the engine failed with, or `CancellationError`.
  package func next() async throws -> AudioChunk? {
    var iterator = channel.makeAsyncIterator()
    return try await iterator.next()
  }
}
#endif
