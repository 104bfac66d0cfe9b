// SPDX-License-Identifier: MIT

import Foundation

/// Runs an actor's jobs on one thread of its own: a CUDA context is current per thread, and a
/// computation of seconds must not hold a thread of the shared pool.
// Safety: `@unchecked Sendable` because the queue is touched under the condition's lock only.
final class ThreadExecutor: SerialExecutor, @unchecked Sendable {
  private let condition: NSCondition
  private let queue: Queue

  /// What the thread needs; it does not keep the executor alive.
  // Safety: `@unchecked Sendable` for the same reason.
  @safe private final class Queue: @unchecked Sendable {
    /// Jobs in order, each with its executor, which lives at least until then.
    var jobs: [(UnownedJob, ThreadExecutor)] = []
    var isStopped = false
  }

  init(name: String) {
    let condition = NSCondition()
    let queue = Queue()
    self.condition = condition
    self.queue = queue
    let thread = Thread {
      while true {
        condition.lock()
        while queue.jobs.isEmpty && !queue.isStopped { condition.wait() }
        guard !queue.jobs.isEmpty else {
          condition.unlock()
          return
        }
        let (job, executor) = queue.jobs.removeFirst()
        condition.unlock()
        // Safety: the queue held the executor until here.
        unsafe job.runSynchronously(on: executor.asUnownedSerialExecutor())
      }
    }
    thread.name = name
    thread.stackSize = 8 << 20
    thread.start()
  }

  deinit {
    condition.lock()
    queue.isStopped = true
    condition.signal()
    condition.unlock()
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    condition.lock()
    queue.jobs.append((job, self))
    condition.signal()
    condition.unlock()
  }
}
