// SPDX-License-Identifier: MIT

// Prompts: as many as fit into one pass, and no longer a pass than those who speak can bear.

extension Scheduler {
  private func waitsForPrefill(_ voice: Voice) -> Bool { !voice.isRead && voice.end == nil }

  /// When the most urgent prompt has to be begun.
  func prefillDue() -> Instant? {
    voices.lazy.filter { waitsForPrefill($0) }.map { voice in
      let rows = voice.request.promptRows - voice.rowsLaunched
      return voice.firstChunkDue(configuration)
        - costs.models[voice.request.model].prefill.estimate(rows)
    }.min()
  }

  /// - Parameter isIdle: Whether nothing else can run: then the prompt gets its pages from anybody who
  ///   is less urgent.
  mutating func makePrefill(isIdle: Bool) -> Work? {
    let waiting = voices.filter(waitsForPrefill).map { ($0.firstChunkDue(configuration), $0.id) }
      .sorted { $0 < $1 }
    guard let first = waiting.first.flatMap({ voiceIndex[$0.1] }) else { return nil }
    let model = voices[first].request.model
    var room = prefillRows(model)
    if room == 0, voices[first].admitted + configuration.prefillPatience <= now {
      room = configuration.prefillBuckets.first ?? 1
    }
    var slices: [PromptSlice] = []
    var operations: [PageOperation] = []
    for (due, id) in waiting where room > 0 {
      guard let index = voiceIndex[id], voices[index].request.model == model else { continue }
      let start = voices[index].rowsLaunched
      let count = min(room, voices[index].request.promptRows - start)
      guard
        takePages(
          for: index, positions: start + count, due: due, sparing: slices.map(\.slot),
          isIdle: isIdle, &operations)
      else { continue }
      slices.append(
        PromptSlice(request: id, slot: voices[index].slot, rows: start..<start + count))
      voices[index].rowsLaunched += count
      room -= count
    }
    guard !slices.isEmpty else { return nil }
    return launch(.prefill(model: model, slices: slices), pages: operations)
  }

  /// The most rows that can be read before somebody who speaks needs the device.
  private func prefillRows(_ model: Int) -> Int {
    guard let slack = leastSlack() else { return configuration.prefillBuckets.last ?? 1 }
    return configuration.prefillBuckets.last { costs.models[model].prefill.estimate($0) <= slack }
      ?? 0
  }

  /// How long the device may do something else without a listener noticing; `nil` if all who listen wait
  /// for their writer or their reader.
  func leastSlack() -> Duration? {
    let codec = costs.codec.estimate(configuration.codecBuckets.first ?? 1)
    var least: Duration?
    for voice in voices {
      guard voice.request.deadlines == .playback, voice.decoded > 0 else { continue }
      var needed = codec
      if voice.pending == 0 {
        let waits = voice.isStarved || voice.isFull(configuration.window)
        guard voice.end == nil, voice.launched > voice.submitted || !waits else { continue }
        let rows = min(voices.count, configuration.largestStep)
        needed += costs.models[voice.request.model].step.estimate(rows)
      }
      let slack = now.duration(to: voice.codecDue(configuration)) - needed
      least = min(least ?? slack, slack)
    }
    return least.map { $0 - backlog }
  }

  func canStep(_ voice: Voice) -> Bool { voice.isRunnable(configuration.framesInFlight) }
}
