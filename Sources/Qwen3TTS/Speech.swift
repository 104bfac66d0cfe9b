// SPDX-License-Identifier: MIT

import Synchronization

/// A speech as it is made: chunks of samples, the last with a summary and no samples.
///
/// It can be read once. The speech is made whether or not it is read, up to about 20 s ahead of its reader;
/// then it waits, and nobody else does. When nobody holds the speech or an iterator of it any more, or the
/// task that iterates is cancelled, it ends.
public struct Speech: AsyncSequence, Sendable {
  /// Consecutive samples.
  public typealias Element = AudioChunk
  /// What ends a speech that does not end by itself.
  public typealias Failure = SynthesisError

  let feed: SpeechFeed
  private let reader: Reader

  init(_ feed: SpeechFeed) {
    self.feed = feed
    reader = Reader(feed)
  }

  /// Frames that were made and not read yet.
  package var unreadFrames: Int { feed.unreadFrames }

  /// Ends the speech: what has been made can still be read, and the summary's reason is `cancelled`.
  public func cancel() { feed.cancel() }

  /// An iterator; two of one speech share what is left of it.
  public func makeAsyncIterator() -> Iterator { Iterator(reader) }

  /// Reads a speech.
  public struct Iterator: AsyncIteratorProtocol {
    /// As the speech's.
    public typealias Failure = SynthesisError

    private let reader: Reader

    init(_ reader: Reader) { self.reader = reader }

    /// The next chunk; `nil` after the last, and when the task is cancelled.
    public mutating func next() async throws(SynthesisError) -> AudioChunk? {
      try await reader.feed.next()
    }

    /// The next chunk; `nil` after the last, and when the task is cancelled.
    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(SynthesisError) -> AudioChunk? {
      try await reader.feed.next()
    }
  }

  /// Whoever can still read: when they are gone, so is the speech.
  final class Reader: Sendable {
    let feed: SpeechFeed

    init(_ feed: SpeechFeed) { self.feed = feed }

    deinit { feed.cancel() }
  }
}

/// Chunks on their way from the device's thread to a reader.
final class SpeechFeed: Sendable {
  /// Called with the reader's progress, on the reader's task.
  typealias Taken = @Sendable () -> Void
  typealias Next = Result<Entry?, SynthesisError>

  /// A chunk, and what says when its words are heard.
  struct Entry: Sendable {
    var chunk: AudioChunk
    let part: PartTimes?
    let number: Int
    let taken: Taken?
  }

  private struct State {
    var chunks: [Entry] = []
    /// Chunks that came so far.
    var count = 0
    var end: Result<Void, SynthesisError>?
    var isCancelled = false
    var onCancel: (@Sendable () -> Void)?
    var readers: [CheckedContinuation<Next, Never>] = []
  }

  private let state = Mutex(State())
  /// `nil` where nobody asks when words are heard.
  private let times: SpeechTimes?

  init(_ times: SpeechTimes?) { self.times = times }

  var isCancelled: Bool { state.withLock { $0.isCancelled } }
  var unreadFrames: Int {
    state.withLock { state in state.chunks.reduce(0) { $0 + $1.chunk.codes.count } }
  }

  // MARK: The writer's side

  /// Adds a chunk of a part. `taken` is called when it is read.
  func push(_ chunk: AudioChunk, of part: PartTimes? = nil, taken: Taken? = nil) {
    let waiting = state.withLock { state -> (CheckedContinuation<Next, Never>, Entry)? in
      let entry = Entry(chunk: chunk, part: part, number: state.count, taken: taken)
      state.count += 1
      if state.readers.isEmpty {
        state.chunks.append(entry)
        return nil
      }
      return (state.readers.removeFirst(), entry)
    }
    guard let (reader, entry) = waiting else { return }
    reader.resume(returning: .success(entry))
    taken?()
  }

  /// Adds the end.
  func finish(_ end: Result<Void, SynthesisError>) {
    let readers = state.withLock { state in
      state.end = end
      state.onCancel = nil
      defer { state.readers = [] }
      return state.readers
    }
    for (index, reader) in readers.enumerated() {
      reader.resume(returning: index == 0 ? end.map { nil } : .success(nil))
    }
    if !readers.isEmpty { state.withLock { $0.end = .success(()) } }
  }

  /// Has `body` called when the speech is cancelled, at once if it was.
  func onCancel(_ body: @escaping @Sendable () -> Void) {
    let isCancelled = state.withLock { state in
      if !state.isCancelled { state.onCancel = body }
      return state.isCancelled
    }
    if isCancelled { body() }
  }

  // MARK: The reader's side

  func cancel() {
    let body = state.withLock { state in
      guard state.end == nil else { return nil as (@Sendable () -> Void)? }
      state.isCancelled = true
      defer { state.onCancel = nil }
      return state.onCancel
    }
    body?()
  }

  func next() async throws(SynthesisError) -> AudioChunk? {
    let next = await withTaskCancellationHandler {
      await withCheckedContinuation { take($0) }
    } onCancel: {
      cancel()
      let readers = state.withLock { state in
        defer { state.readers = [] }
        return state.readers
      }
      for reader in readers { reader.resume(returning: .success(nil)) }
    }
    guard var entry = try next.get() else { return nil }
    times?.add(to: &entry.chunk, number: entry.number, part: entry.part)
    return entry.chunk
  }

  private func take(_ reader: CheckedContinuation<Next, Never>) {
    let result = state.withLock { state -> (Next, Taken?)? in
      if Task.isCancelled { return (.success(nil), nil) }
      if !state.chunks.isEmpty {
        let entry = state.chunks.removeFirst()
        return (.success(entry), entry.taken)
      }
      if let end = state.end {
        // An error is reported once.
        state.end = .success(())
        return (end.map { nil }, nil)
      }
      state.readers.append(reader)
      return nil
    }
    guard let (next, taken) = result else { return }
    reader.resume(returning: next)
    taken?()
  }
}
