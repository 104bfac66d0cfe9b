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

  /// Starts the thread and opens an engine there.
  ///
  /// - Throws: What `open` throws; the thread has ended then.
  init(name: String, open: @escaping @Sendable () throws -> any PromptSpeaking) async throws {
    let mailbox = mailbox
    try await withCheckedThrowingContinuation { (opened: CheckedContinuation<Void, any Error>) in
      let thread = Thread {
        let engine: any PromptSpeaking
        do { engine = try open() } catch {
          opened.resume(throwing: error)
          return
        }
        opened.resume()
        mailbox.serve(engine)
      }
      thread.name = name
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  deinit { mailbox.close() }

  /// Has the thread do something as soon as it can.
  func post(_ job: @escaping Job) { mailbox.post(job) }

  /// Has the thread do something, and waits for the result.
  func perform<Value: Sendable>(
    _ body: @escaping @Sendable (any PromptSpeaking) throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      post { engine in continuation.resume(with: Result { try body(engine) }) }
    }
  }

  /// The engine after its last turn; `nil` before the first.
  var status: Scheduler.Status? { mailbox.status }
}

/// What callers have posted, and what they may look at.
// Safety: `@unchecked Sendable` because jobs are touched under the condition's lock only.
private final class Mailbox: @unchecked Sendable {
  private let condition = NSCondition()
  private var jobs: [DeviceThread.Job] = []
  private var isClosed = false
  private let sight = Mutex<Scheduler.Status?>(nil)

  var status: Scheduler.Status? { sight.withLock { $0 } }

  func post(_ job: @escaping DeviceThread.Job) {
    condition.lock()
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

  func serve(_ engine: any PromptSpeaking) {
    var next = SpeechTurn.idle
    while let jobs = take(after: next) {
      for job in jobs { job(engine) }
      do {
        next = try engine.turn()
      } catch {
        // Every utterance has ended and knows why, and those that come are refused.
        next = .idle
      }
      let status = engine.status
      sight.withLock { $0 = status }
    }
  }

  /// Waits until there is something to do. Returns what was posted, and `nil` when nobody is left who could
  /// post.
  private func take(after next: SpeechTurn) -> [DeviceThread.Job]? {
    condition.lock()
    defer { condition.unlock() }
    switch next {
    case .working: break
    case .idle: while jobs.isEmpty && !isClosed { condition.wait() }
    case .waiting(let instant):
      if jobs.isEmpty && !isClosed {
        let wait = max(.zero, ContinuousClock.now.duration(to: instant))
        _ = condition.wait(until: Date(timeIntervalSinceNow: min(wait.seconds, 3600)))
      }
    }
    if jobs.isEmpty && isClosed, case .idle = next { return nil }
    defer { jobs.removeAll(keepingCapacity: true) }
    return jobs
  }
}
