// SPDX-License-Identifier: MIT

import SpeechScheduler
import SpeechSimulation

extension CostTable {
  /// Estimates of two CPU cores with the bundled voice.
  static let smallCPU = CostTable(
    device: "two cores, bundled voice (estimates)",
    models: [Model(prefill: [16: 6, 32: 11, 64: 20, 256: 80], step: [1: 2.6, 4: 7.5, 16: 28])],
    codec: [1: 2.2, 4: 7.6, 8: 15, 32: 58])
}

extension SchedulerConfiguration {
  /// A small device with a known number of everything.
  static func small(slots: Int = 4, queue: Int = 8, pages: Int = 64) -> SchedulerConfiguration {
    var configuration = SchedulerConfiguration(devicePages: pages)
    configuration.slotCount = slots
    configuration.queueLimit = queue
    configuration.stepBuckets = [1, 2, 4, 8]
    configuration.codecBuckets = [1, 2, 4, 8, 16]
    configuration.prefillBuckets = [16, 32, 64]
    configuration.framesInFlight = 1
    configuration.lookahead = .zero
    return configuration
  }
}

extension StepCosts {
  /// Round numbers: a prefill 1 ms and 0.1 ms a row, a step 2 ms, a codec batch 1 ms, in every model.
  static func round(models: Int = 1) -> StepCosts {
    let model = Model(
      prefill: CostCurve([10: .milliseconds(2), 110: .milliseconds(12)]),
      step: CostCurve([1: .milliseconds(2), 8: .milliseconds(2)]))
    return StepCosts(
      models: Array(repeating: model, count: models),
      codec: CostCurve([1: .milliseconds(1), 16: .milliseconds(1)]))
  }
}
