// SPDX-License-Identifier: MIT

/// Something that happened, for `Scheduler.handle`.
package enum SchedulerEvent: Sendable, Equatable {
  // From the caller of a request. All but `submit` are ignored when the request has ended: that news
  // may have crossed theirs.

  /// A request that can be spoken: its text is tokenised and its prompt laid out.
  case submit(ScheduledRequest)
  /// More text tokens, each added to one frame after the prompt.
  case textAppended(RequestID, tokens: Int)
  /// The text is complete, and may take so many frames.
  case textEnded(RequestID, budget: FrameBudget? = nil)
  /// Nobody wants the rest.
  case cancel(RequestID)
  /// The listener took frames out of its buffer.
  case consumed(RequestID, frames: Int)

  // From the executor.

  /// A piece of work is done and its results are on the host: codes of a step, samples of a codec batch.
  /// Samples are in their listeners' buffers, so frames count as delivered from then on.
  ///
  /// - `ended`: Requests of a step whose code was the end token, so that the step gave them no frame.
  /// - `took`: Time on the device, where it is known: feeds `StepCosts`.
  case completed(WorkID, ended: [RequestID] = [], took: Duration? = nil)
  /// The voice loops or is silent for too long, and only its first `frames` frames are good. Frames that
  /// have gone to the codec can no longer be taken back.
  case runaway(RequestID, frames: Int)
  /// Something of one request failed.
  case failed(RequestID)
  /// The device is lost.
  case deviceFailed
  /// The device's page pool now has pages 0..<count.
  case devicePages(count: Int)

  // From the operator.

  /// No more requests; those there are end in their own time.
  case drain
  /// Everything ends here.
  case stop
}
