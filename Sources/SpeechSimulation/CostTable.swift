// SPDX-License-Identifier: MIT

package import SpeechScheduler

/// Measured or estimated costs of a device as a file holds them: milliseconds by size.
///
///     {"device": "…", "models": [{"prefill": {"40": 2.0}, "step": {"1": 1.5, "64": 5.0}}],
///      "codec": {"1": 0.63, "32": 4.2}}
package struct CostTable: Codable, Sendable, Equatable {
  package struct Model: Codable, Sendable, Equatable {
    /// Milliseconds of a prefill by rows.
    package var prefill: [Int: Double]
    /// Milliseconds of a frame step by rows.
    package var step: [Int: Double]

    package init(prefill: [Int: Double], step: [Int: Double]) {
      self.prefill = prefill
      self.step = step
    }
  }

  /// Where the figures are from.
  package var device: String
  package var models: [Model]
  /// Milliseconds of a codec batch by frames.
  package var codec: [Int: Double]

  package init(device: String, models: [Model], codec: [Int: Double]) {
    self.device = device
    self.models = models
    self.codec = codec
  }

  package var costs: StepCosts {
    func curve(_ milliseconds: [Int: Double]) -> CostCurve {
      CostCurve(milliseconds.mapValues { .microseconds($0 * 1000) })
    }
    return StepCosts(
      models: models.map { .init(prefill: curve($0.prefill), step: curve($0.step)) },
      codec: curve(codec))
  }

  /// The sizes of steps that the table knows, ascending.
  package var stepSizes: [Int] { Set(models.flatMap(\.step.keys)).sorted() }
}

extension CostTable {
  /// Estimates, not measurements, of a large GPU with a model of 0.6 billion parameters: single-voice
  /// figures were measured on an H100 (docs/performance.md), batches were computed from bytes.
  package static let largeGPU = CostTable(
    device: "H100, 0.6B (estimates)",
    models: [
      Model(
        prefill: [16: 1.8, 40: 2.0, 110: 2.9, 210: 3.9, 256: 4.4],
        step: [1: 1.5, 2: 1.7, 4: 1.9, 8: 2.2, 16: 2.7, 24: 3.1, 32: 3.6, 48: 4.3, 64: 5.0])
    ],
    codec: [1: 0.63, 2: 0.68, 4: 0.8, 8: 1.5, 16: 2.4, 32: 4.2])
}
