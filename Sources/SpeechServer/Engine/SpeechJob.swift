// SPDX-License-Identifier: MIT
#if Server
import AsyncAlgorithms
package import Qwen3TTS
import Synchronization

/// What became of a speech; kept by its request's id while it runs and for a while after.
package final class SpeechRecord: Sendable {
  package struct State: Sendable {
    /// `stop`, `length`, `runaway`, `cancelled`, `error`, or `invalid` when the engine refused it; `nil`
    /// while it runs.
    package var finishReason: String?
    package var metrics: SpeechMetrics?
    /// What the engine failed with.
    package var failure: (any Error)?
    /// From the request to the first samples.
    package var timeToFirstAudio: Duration?
    /// When it ended.
    package var end: ContinuousClock.Instant?
    /// What a player without a buffer would have met.
    package var playback = Playback()

    /// Leaves what can be asked later: no text, and nothing that grows with the speech.
    fileprivate mutating func shorten() {
      metrics?.spokenText = nil
      metrics?.notices = []
      failure = nil
      playback = Playback()
    }
  }

  package let id: String
  private let stored = Mutex(State())
  private let running = Mutex((task: Task<Void, Never>?.none, isCancelled: false))

  init(id: String) { self.id = id }

  package var state: State { stored.withLock { $0 } }

  /// Ends the speech: the engine notices within a frame. Nothing happens when it has ended.
  package func cancel() {
    running.withLock { running in
      running.isCancelled = true
      running.task?.cancel()
    }
  }

  fileprivate func run(_ body: @escaping @Sendable () async -> Void) {
    running.withLock { running in
      running.task = Task {
        await body()
        // A record is kept for a while, and what the task took need not be.
        self.running.withLock { $0.task = nil }
      }
      // It may have been cancelled before it began.
      if running.isCancelled { running.task?.cancel() }
    }
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
  ///   - record: Where its state is kept.
  ///   - seed: That of the speech's options.
  ///   - speech: Begins the speech when it is called.
  ///   - onFirstAudio: Called with the first samples.
  ///   - onEnd: Called when it has ended, however it ended, with all that is known of it, before its last
  ///     reader knows.
  init(
    _ record: SpeechRecord, seed: UInt64?,
    speech: @escaping @Sendable () -> any AsyncSequence<AudioChunk, any Error> & Sendable,
    onFirstAudio: @escaping @Sendable (Duration) -> Void,
    onEnd: @escaping @Sendable (SpeechRecord.State) -> Void
  ) {
    let channel = AsyncThrowingChannel<AudioChunk, any Error>()
    self.record = record
    self.seed = seed
    self.channel = channel
    let start = ContinuousClock.now
    // The task holds record and channel but not the job, so that a job nobody holds ends.
    record.run {
      var failure: (any Error)?
      do {
        var iterator = speech().makeAsyncIterator()
        while let chunk = try await Self.next(of: &iterator, record) {
          if !chunk.samples.isEmpty {
            let first = record.update { state -> Duration? in
              guard state.timeToFirstAudio == nil else { return nil }
              state.timeToFirstAudio = .now - start
              return state.timeToFirstAudio
            }
            if let first { onFirstAudio(first) }
          }
          if let metrics = chunk.summary { record.update { $0.metrics = metrics } }
          await channel.send(chunk)
        }
        try Task.checkCancellation()
      } catch {
        failure = error
      }
      let state = record.update { [failure] state in
        state.finishReason =
          switch failure {
          case nil: state.metrics?.finishReason.rawValue ?? "error"
          case is CancellationError: "cancelled"
          case let error as SynthesisError where error.code == .invalidInput: "invalid"
          default: "error"
          }
        state.failure = failure
        state.end = .now
        return state
      }
      onEnd(state)
      record.update { $0.shorten() }
      if let failure { channel.fail(failure) } else { channel.finish() }
    }
  }

  deinit { record.cancel() }

  /// The next chunk; `nil` after the last.
  ///
  /// - Throws: What the engine failed with, or `CancellationError`.
  package func next() async throws -> AudioChunk? {
    var iterator = channel.makeAsyncIterator()
    let chunk = try await iterator.next()
    // A reader that is cancelled gets `nil` from the channel, which would look like the end.
    if chunk == nil { try Task.checkCancellation() }
    return chunk
  }

  private static func next(
    of iterator: inout some AsyncIteratorProtocol<AudioChunk, any Error>, _ record: SpeechRecord
  ) async throws -> AudioChunk? {
    let asked = ContinuousClock.now
    let chunk = try await iterator.next(isolation: #isolation)
    if let chunk, !chunk.samples.isEmpty {
      record.update { $0.playback.hear(chunk.samples.count, asked: asked, at: .now) }
    }
    return chunk
  }
}

/// A player that starts with the first chunk and has no buffer.
package struct Playback: Sendable {
  /// Seconds between chunks.
  private(set) var intervals: [Double] = []
  /// Seconds that the player ran dry at most.
  package private(set) var longestGap = 0.0
  private var end: ContinuousClock.Instant?
  private var last: ContinuousClock.Instant?

  /// Takes in a chunk.
  ///
  /// - Parameter asked: When the engine was asked for it: time before that is its reader's.
  mutating func hear(
    _ samples: Int, asked: ContinuousClock.Instant, at now: ContinuousClock.Instant
  ) {
    let length = Duration.seconds(Double(samples) / Double(SpeechSynthesizer.sampleRate))
    guard let end, let last else {
      self.end = now + length
      self.last = now
      return
    }
    intervals.append((now - max(last, asked)).seconds)
    // Once it has run dry, the player resumes from here.
    longestGap = max(longestGap, (now - max(end, asked)).seconds)
    self.end = max(end, now) + length
    self.last = now
  }
}
#endif
