// SPDX-License-Identifier: MIT

/// The median of the last few measurements: one slow step among many does not move it.
package struct MovingMedian: Sendable, Equatable {
  /// Measurements it looks back on.
  package static let length = 15

  private var recent: [Duration] = []
  private var oldest = 0
  package private(set) var value: Duration

  /// - Parameter estimate: Its value until there is a measurement.
  package init(estimate: Duration) { value = estimate }

  package mutating func record(_ duration: Duration) {
    if recent.count < Self.length {
      recent.append(duration)
    } else {
      recent[oldest] = duration
      oldest = (oldest + 1) % Self.length
    }
    value = recent.sorted()[recent.count / 2]
  }
}

/// The time a kind of work takes by its size: a moving median for each size seen, straight lines
/// between them, and in proportion to the size beyond the largest.
package struct CostCurve: Sendable, Equatable {
  private var sizes: [Int] = []
  private var medians: [MovingMedian] = []

  package init(_ estimates: [Int: Duration] = [:]) {
    for (size, duration) in estimates.sorted(by: { $0.key < $1.key }) {
      precondition(size > 0 && duration >= .zero, "a cost is of something, and not negative")
      sizes.append(size)
      medians.append(MovingMedian(estimate: duration))
    }
  }

  /// Zero while nothing is known.
  package func estimate(_ size: Int) -> Duration {
    guard let first = sizes.first, let last = sizes.last else { return .zero }
    guard size > first else { return medians[0].value }
    guard size < last else { return medians[medians.count - 1].value * size / last }
    let above = sizes.partitioningIndex { $0 >= size }
    let low = medians[above - 1].value
    let share = (size - sizes[above - 1], sizes[above] - sizes[above - 1])
    return low + (medians[above].value - low) * share.0 / share.1
  }

  package mutating func record(_ size: Int, _ duration: Duration) {
    let index = sizes.partitioningIndex { $0 >= size }
    if index == sizes.count || sizes[index] != size {
      sizes.insert(size, at: index)
      medians.insert(MovingMedian(estimate: duration), at: index)
    }
    medians[index].record(duration)
  }
}

/// What work costs on the device, measured as it runs.
package struct StepCosts: Sendable, Equatable {
  /// Costs of one model's work.
  package struct Model: Sendable, Equatable {
    /// By rows.
    package var prefill: CostCurve
    /// By rows of the bucket.
    package var step: CostCurve

    package init(prefill: CostCurve = CostCurve(), step: CostCurve = CostCurve()) {
      self.prefill = prefill
      self.step = step
    }
  }

  package var models: [Model]
  /// By frames of the bucket.
  package var codec: CostCurve

  package init(models: [Model], codec: CostCurve = CostCurve()) {
    self.models = models
    self.codec = codec
  }

  /// The time of a task of its size.
  package func estimate(_ task: WorkTask) -> Duration {
    switch task {
    case .prefill(let model, let slices):
      models[model].prefill.estimate(slices.reduce(0) { $0 + $1.rows.count })
    case .step(let model, _, let bucket): models[model].step.estimate(bucket)
    case .codec(_, let bucket): codec.estimate(bucket)
    }
  }

  mutating func record(_ task: WorkTask, _ duration: Duration) {
    switch task {
    case .prefill(let model, let slices):
      models[model].prefill.record(slices.reduce(0) { $0 + $1.rows.count }, duration)
    case .step(let model, _, let bucket): models[model].step.record(bucket, duration)
    case .codec(_, let bucket): codec.record(bucket, duration)
    }
  }
}

extension Array {
  /// The first index whose element satisfies a condition that all later ones satisfy too.
  func partitioningIndex(_ belongsAfter: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = low + (high - low) / 2
      if belongsAfter(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
