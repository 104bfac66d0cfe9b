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
