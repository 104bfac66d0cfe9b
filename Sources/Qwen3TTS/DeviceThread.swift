// SPDX-License-Identifier: MIT

import Foundation
import SpeechRuntime
import SpeechScheduler
import Synchronization

/// The thread that drives a device for all models of an engine: it carries out what callers post, and gives
/// the engine turns as long as there is something to do. A GPU's context is current per thread, and a
/// computation of seconds must not hold a thread of the shared pool.
final class DeviceThread: Sendable {
  typealias Job = @Sendable (any PromptSpeaking) -> Void

  private let mailbox = Mailbox()

  /// Starts the thread, which opens an engine and then does what was posted meanwhile.
  init(name: String, open: @escaping @Sendable () throws -> OpenedEngine) {
    let mailbox = mailbox
    let thread = Thread { mailbox.serve(open) }
    thread.name = name
    thread.stackSize = 8 << 20
    thread.start()
  }

  deinit { mailbox.close() }

  /// The engine once it is open, and `nil` before; what it was not opened for.
  var opened: Result<OpenedEngine.Description, any Error>? { mailbox.sight.opened }

  /// Waits until the engine is open.
  ///
  /// - Throws: What it was not opened for.
  func waitUntilOpen() async throws -> OpenedEngine.Description {
    if opened == nil { try await perform { _ in } }
    guard let opened else { throw CancellationError() }
    return try opened.get()
  }

  /// Has the thread do something as soon as it can; nothing when there is no engine.
  func post(_ job: @escaping Job) {
    mailbox.post { engine in if case .success(let engine) = engine { job(engine) } }
  }

  /// Has the thread do something, and waits for the result.
  ///
  /// - Throws: What `body` throws, or what the engine was not opened for.
  func perform<Value: Sendable>(
    _ body: @escaping @Sendable (any PromptSpeaking) throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      mailbox.post { engine in continuation.resume(with: Result { try body(engine.get()) }) }
    }
  }

  /// *On the thread.* Gives callers and the engine a turn in the middle of a job that takes long.
  func pause(_ engine: any PromptSpeaking) { _ = mailbox.turn(engine) }

  /// The engine after its last turn; `nil` before the first.
  var status: Scheduler.Status? { mailbox.sight.status }

  /// Whether the thread has been at one thing for longer than this; waiting is none.
  func isStalled(for time: Duration) -> Bool {
    mailbox.sight.busySince.map { .now - $0 > time } ?? false
  }
}

/// What callers have posted, and what they may look at.
// Safety: `@unchecked Sendable` because jobs are touched under the condition's lock only.
private final class Mailbox: @unchecked Sendable {
  typealias Job = @Sendable (Result<any PromptSpeaking, any Error>) -> Void

  struct Sight {
    var opened: Result<OpenedEngine.Description, any Error>?
    var status: Scheduler.Status?
    /// Since when the thread has been at what it does; `nil` while it waits.
    var busySince: ContinuousClock.Instant?
  }

  private let condition = NSCondition()
  private var jobs: [Job] = []
  private var isClosed = false
  private let seen = Mutex(Sight())

  var sight: Sight { seen.withLock { $0 } }

  func post(_ job: @escaping Job) {
    condition.lock()
    // Whether there is an engine is decided under the lock: then no job is forgotten.
    if case .failure(let error)? = sight.opened {
      condition.unlock()
      return job(.failure(error))
    }
    jobs.append(job)
    condition.signal()
    condition.unlock()
  }

  func close() {
    condition.lock()
    isClosed = true
    condition.signal()
    condition.unlock()
  }

  func serve(_ open: () throws -> OpenedEngine) {
    let engine: any PromptSpeaking
    do {
      let opened = try open()
      engine = opened.engine
      let description = opened.description
      seen.withLock { $0.opened = .success(description) }
    } catch {
      condition.lock()
      seen.withLock { $0.opened = .failure(error) }
      let left = jobs
      jobs = []
      condition.unlock()
      for job in left { job(.failure(error)) }
      return
    }
    var next = SpeechTurn.idle
    while wait(after: next) { next = turn(engine) }
  }

  /// Carries out what was posted, and gives the engine a turn.
  func turn(_ engine: any PromptSpeaking) -> SpeechTurn {
    seen.withLock { $0.busySince = .now }
    var next = SpeechTurn.idle
    // Those that come meanwhile are for the next turn.
    for _ in 0..<jobCount { nextJob()?(.success(engine)) }
    do {
      next = try engine.turn()
    } catch {
      // Every utterance has ended and knows why, and those that come are refused.
    }
    let status = engine.status
    seen.withLock { $0.status = status }
    return next
  }

  private var jobCount: Int {
    condition.lock()
    defer { condition.unlock() }
    return jobs.count
  }

  private func nextJob() -> Job? {
    condition.lock()
    defer { condition.unlock() }
    return jobs.isEmpty ? nil : jobs.removeFirst()
  }

  /// Waits until there is something to do. Returns false when there never will be: nobody is left who could
  /// post.
  private func wait(after next: SpeechTurn) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    if case .working = next { return true }
    guard jobs.isEmpty else { return true }
    seen.withLock { $0.busySince = nil }
    switch next {
    case .working: break
    case .idle: while jobs.isEmpty && !isClosed { condition.wait() }
    case .waiting(let instant):
      if !isClosed {
        let wait = max(.zero, ContinuousClock.now.duration(to: instant))
        _ = condition.wait(until: Date(timeIntervalSinceNow: min(wait.seconds, 3600)))
      }
      return true
    }
    return !jobs.isEmpty
  }
}
