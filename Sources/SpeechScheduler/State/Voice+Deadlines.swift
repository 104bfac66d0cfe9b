// SPDX-License-Identifier: MIT

extension Voice {
  /// When the listener runs dry. Before anything was delivered, as if the first chunk had been when its
  /// frames went to the codec.
  var playedOutAt: Instant { dryAt ?? codecStarted ?? firstDue }

  /// When the first chunk is due: at once for a new request, in the order of the queue; for a part that
  /// follows another, before that one's audio ends.
  func firstChunkDue(_ configuration: SchedulerConfiguration) -> Instant {
    let due = startsAt.map { $0 - configuration.margin } ?? firstDue
    return request.deadlines == .throughput ? due + configuration.patience : due
  }

  /// When the next frame to be launched is due.
  func stepDue(_ configuration: SchedulerConfiguration) -> Instant {
    if launched < request.chunks.first { return firstChunkDue(configuration) }
    return request.deadlines == .throughput
      ? lastStep + configuration.patience : due(frame: launched, configuration)
  }

  /// When the next frame to be decoded is due.
  func codecDue(_ configuration: SchedulerConfiguration) -> Instant {
    if submitted == 0 { return firstChunkDue(configuration) }
    return request.deadlines == .throughput
      ? lastCodec + configuration.patience : due(frame: submitted, configuration)
  }

  private func due(frame: Int, _ configuration: SchedulerConfiguration) -> Instant {
    playedOutAt + configuration.frameDuration * (frame - decoded) - configuration.margin
  }

  /// Audio that is made or on its way, and not yet played.
  func lead(_ configuration: SchedulerConfiguration, at now: Instant) -> Duration {
    guard request.deadlines == .playback else { return .zero }
    guard let start = dryAt ?? startsAt else { return configuration.frameDuration * launched }
    return max(.zero, now.duration(to: start))
      + configuration.frameDuration * (launched - decoded)
  }

  /// Notes frames delivered, and a gap if the listener had run dry.
  mutating func deliver(
    upTo frame: Int, at now: Instant, _ configuration: SchedulerConfiguration
  ) {
    let isExcused = excusedUpTo.map { decoded <= $0 } ?? false
    if request.deadlines == .playback, !isExcused, let due = dryAt ?? startsAt, now > due {
      timing.gapCount += 1
      timing.longestGap = max(timing.longestGap, due.duration(to: now))
    }
    let audio = configuration.frameDuration * (frame - decoded)
    dryAt = max(now, dryAt ?? startsAt ?? now) + audio
    if decoded == 0 { timing.firstAudio = now }
    decoded = frame
  }

  /// Sets when a part that follows another begins to play; what of it was delivered before plays then.
  mutating func begin(at instant: Instant, _ configuration: SchedulerConfiguration) {
    startsAt = instant
    if decoded > 0 { dryAt = instant + configuration.frameDuration * decoded }
  }

  /// Restarts the listener's clock when the writer or reader that held the voice up lets it run again.
  mutating func resumeAfterClient(at now: Instant) {
    blockedSince = nil
    guard end == nil else { return }
    excusedUpTo = launched
    if let dry = dryAt { dryAt = max(dry, now) }
  }
}
