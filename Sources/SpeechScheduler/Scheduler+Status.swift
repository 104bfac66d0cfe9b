// SPDX-License-Identifier: MIT

extension Scheduler {
  /// Counts for metrics and health.
  package struct Status: Sendable, Equatable {
    /// Requests without a slot, parts that follow a part not counted.
    package var waiting: Int
    /// Voices by what they do.
    package var voices: [VoicePhase: Int]
    package var slots: Int
    package var pages: Int
    package var pagesUsed: Int
    package var hostPagesUsed: Int
    /// Requests that were stopped as `runaway`, ever.
    package var runaways: Int
    package var lifecycle: Lifecycle
  }

  package var status: Status {
    Status(
      waiting: queue.count,
      voices: voices.reduce(into: [:]) { $0[$1.phase, default: 0] += 1 },
      slots: configuration.slotCount, pages: devicePages.total,
      pagesUsed: devicePages.total - devicePages.freeCount,
      hostPagesUsed: hostPages.total - hostPages.freeCount, runaways: runawayCount,
      lifecycle: lifecycle)
  }

  /// Requests that have a slot, or had one and are swapped out: all of `status.voices`.
  package var voiceCount: Int { voices.count }

  /// What an admitted request does; `nil` if it waits or has ended.
  package func phase(of id: RequestID) -> VoicePhase? { voiceIndex[id].map { voices[$0].phase } }

  /// Whether frames of a request may still be made: it is admitted, and its last frame is not known.
  package func isMaking(_ id: RequestID) -> Bool {
    voiceIndex[id].map { voices[$0].end == nil } ?? false
  }

  /// Why an admitted request makes no more frames, and how many there are; `nil` while it makes some.
  package func end(of id: RequestID) -> (reason: EndReason, frames: Int)? {
    voiceIndex[id].flatMap { voices[$0].end }
  }

  /// Requests that go before a waiting one, 0 for the next; `nil` when it does not wait.
  package func queuePosition(of id: RequestID) -> Int? { queue.position(of: id) }
}
