// SPDX-License-Identifier: MIT

/// Why a request was not taken.
package enum Refusal: Sendable, Equatable {
  /// The queue is full.
  case overloaded
  /// The prompt and the frame limit need `pages` pages, more than the device has in all.
  case tooLong(pages: Int)
  /// The engine takes no more requests: it drains, was stopped, or lost its device.
  case notRunning(Lifecycle)
}

/// Why a request ended.
package enum EndReason: Sendable, Equatable {
  /// The model said so.
  case stop
  /// The request's own limit of frames.
  case limit
  /// The voice looped, fell silent, or ran past what its text can need.
  case runaway
  case cancelled
  /// Its writer or its reader did nothing for `SchedulerConfiguration.clientPatience`.
  case timedOut
  case failed
  case refused(Refusal)
  /// The engine was stopped, or lost its device.
  case aborted(Lifecycle)
}

/// The end of a request: every one submitted gets exactly one.
package struct Ending: Sendable, Equatable {
  package var request: RequestID
  /// The slot it had, which is free; `nil` if it was never admitted.
  package var slot: Int?
  package var reason: EndReason
  /// Frames delivered.
  package var frames: Int
  package var timing: RequestTiming
}

/// When things happened to a request, for its summary and the metrics.
package struct RequestTiming: Sendable, Equatable {
  package var submitted: Instant
  /// Left the queue.
  package var admitted: Instant?
  /// All rows of its prompt were read.
  package var prefilled: Instant?
  /// The first chunk was delivered.
  package var firstAudio: Instant?
  /// Times a listener without a buffer ran dry, waits for the writer or the reader not counted.
  package var gapCount = 0
  package var longestGap = Duration.zero
  /// Times its pages went to the host.
  package var swaps = 0
}

/// What the scheduler accepts.
package enum Lifecycle: Sendable, Equatable {
  case running
  /// No new requests; those there are end in their own time.
  case draining
  case stopped
  /// The device is lost.
  case failed
}
