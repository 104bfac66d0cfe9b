// SPDX-License-Identifier: MIT

import SpeechScheduler
import SpeechSimulation

extension CostTable {
  /// Estimates, not measurements, of a large GPU with a model of 0.6 billion parameters: single-voice
  /// figures were measured on an H100 (docs/performance.md), batches were computed from bytes.
  static let largeGPU = CostTable(
    device: "H100, 0.6B (estimates)",
    models: [
      Model(
        prefill: [16: 1.8, 40: 2.0, 110: 2.9, 210: 3.9, 256: 4.4],
        step: [1: 1.5, 2: 1.7, 4: 1.9, 8: 2.2, 16: 2.7, 24: 3.1, 32: 3.6, 48: 4.3, 64: 5.0])
    ],
    codec: [1: 0.63, 2: 0.68, 4: 0.8, 8: 1.5, 16: 2.4, 32: 4.2])

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
