// SPDX-License-Identifier: MIT

// Frame steps: one model's voices, the most urgent first, as many as the device takes. A step for a first
// chunk takes others along as well: in simulation, keeping it small saves nobody a millisecond and costs a
// tenth of the throughput.

extension Scheduler {
  /// When the most urgent frame is due.
  func stepDue() -> Instant? {
    voices.lazy.filter { canStep($0) }.map { $0.stepDue(configuration) }.min()
  }

  /// - Parameter isIdle: Whether nothing else can run: then the most urgent voice gets its pages from
  ///   anybody.
  mutating func makeStep(isIdle: Bool) -> Work? {
    let candidates = voices.filter(canStep).map { ($0.stepDue(configuration), $0.id) }
      .sorted { $0 < $1 }
    // The model of the most urgent voice, unless that voice cannot get its pages.
    var triedModels: Set<Int> = []
    for (_, id) in candidates {
      guard let index = voiceIndex[id] else { continue }
      let model = voices[index].request.model
      guard triedModels.insert(model).inserted else { continue }
      if let work = makeStep(model, candidates, isIdle: isIdle) { return work }
    }
    return nil
  }

  private mutating func makeStep(
    _ model: Int, _ candidates: [(due: Instant, id: RequestID)], isIdle: Bool
  ) -> Work? {
    let ready = candidates.filter { voiceIndex[$0.id].map { voices[$0].request.model } == model }
    var rows: [StepRow] = []
    var operations: [PageOperation] = []
    for (due, id) in ready.prefix(configuration.largestStep) {
      guard let index = voiceIndex[id] else { continue }
      let voice = voices[index]
      guard
        takePages(
          for: index, positions: voice.request.promptRows + voice.launched + 1, due: due,
          sparing: rows.map(\.slot), isIdle: isIdle, &operations)
      else { continue }
      rows.append(StepRow(request: id, slot: voice.slot, frame: voice.launched))
      voices[index].launched += 1
      voices[index].lastStep = now
    }
    guard !rows.isEmpty else { return nil }
    let bucket = SchedulerConfiguration.bucket(for: rows.count, in: configuration.stepBuckets)
    return launch(.step(model: model, rows: rows, bucket: bucket), pages: operations)
  }
}
