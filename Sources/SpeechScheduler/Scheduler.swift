// SPDX-License-Identifier: MIT

/// Decides what a device does next for all voices of a process: a value that is given events and the
/// time, and asked for plans. It knows no clock, no device and no model, so every policy is tested
/// without them.
///
///     scheduler.handle(.submit(request), at: clock.now)
///     let plan = scheduler.plan(at: clock.now)   // queue plan.work in order; when a piece is done:
///     scheduler.handle(.completed(work, took: time), at: clock.now)
///
/// One order rules: whatever is due first goes first. A new request's first chunk is due when it was
/// submitted, a later frame when its listener would run dry, so first chunks come first and a voice
/// far ahead yields to one that is not. `docs/architecture.md` describes the policies.
///
/// Misuse by the executor (completing work that is not in flight, a request's number used twice) stops
/// the program; everything a client can do is answered with an `Ending`.
///
/// Costs: an event O(voices), a plan O(voices · log voices).
package struct Scheduler: Sendable {
  package let configuration: SchedulerConfiguration
  /// Estimates, and then medians of what was measured.
  package internal(set) var costs: StepCosts
  package internal(set) var lifecycle = Lifecycle.running

  var queue = RequestQueue()
  /// In no order; `voiceIndex` finds a request's.
  var voices: [Voice] = []
  var voiceIndex: [RequestID: Int] = [:]
  var freeSlots: [Int]

  var devicePages: PagePool
  var hostPages: PagePool
  /// Sums over the voices: what their limits need, and what they are expected to need.
  var committedPages = 0
  var reservedPages = 0

  /// Work launched and not completed, in order.
  var inFlight: [Work] = []
  /// When the first of it began to run, as far as is known.
  var runningSince = Instant.zero
  var nextWork: UInt64 = 0
  /// Voices that were stopped as `runaway`.
  var runawayCount = 0
  /// Endings that no plan has reported yet.
  var endings: [Ending] = []
  /// How soon a frame has to be due to be urgent: set by each plan.
  var urgency = Duration.zero
  /// The latest time that was given: a clock that steps back stands still here.
  var now = Instant.zero

  /// - Parameters:
  ///   - costs: Estimates to begin with, a `Model` for each model of the process.
  package init(_ configuration: SchedulerConfiguration, costs: StepCosts) {
    configuration.check()
    self.configuration = configuration
    self.costs = costs
    freeSlots = (0..<configuration.slotCount).reversed()
    devicePages = PagePool(count: configuration.devicePages)
    hostPages = PagePool(count: configuration.hostPages)
  }

  /// Takes note of something that happened.
  package mutating func handle(_ event: SchedulerEvent, at instant: Instant) {
    now = max(now, instant)
    switch event {
    case .submit(let request): submit(request)
    case .textAppended(let id, let tokens): appendText(id, tokens: tokens, isLast: false)
    case .textEnded(let id, let budget): appendText(id, tokens: 0, isLast: true, budget: budget)
    case .cancel(let id): end(id, .cancelled)
    case .consumed(let id, let frames): consume(id, frames: frames)
    case .completed(let work, let ended, let took): complete(work, ended: ended, took: took)
    case .runaway(let id, let frames): stopRunaway(id, frames: frames)
    case .failed(let id): end(id, .failed)
    case .deviceFailed: abort(.failed)
    case .devicePages(let count): resizePages(to: count)
    case .drain: if lifecycle == .running { lifecycle = .draining }
    case .stop: if lifecycle != .failed { abort(.stopped) }
    }
  }

  /// Takes another model into the process; its index is the number of those before.
  package mutating func addModel(_ costs: StepCosts.Model) { self.costs.models.append(costs) }

  /// Whether nothing is queued, spoken or in flight.
  package var isIdle: Bool { queue.isEmpty && voices.isEmpty && inFlight.isEmpty }
}
