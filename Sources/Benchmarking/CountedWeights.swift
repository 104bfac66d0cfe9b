// SPDX-License-Identifier: MIT

import ModelFiles
import SpeechModel
import Synchronization

/// Weights that count what is asked of them, the text table excepted, of which rows are read.
final class CountedWeights: WeightSource, Sendable {
  private let base: any WeightSource & Sendable
  private let total: Total

  /// Bytes of all tensors that were asked for.
  final class Total: Sendable {
    fileprivate let bytes = Mutex<[String: Int]>([:])
    var byteCount: Int { bytes.withLock { $0.values.reduce(0, +) } }
  }

  private init(_ base: any WeightSource & Sendable, _ total: Total) {
    (self.base, self.total) = (base, total)
  }

  func tensor(_ name: String, _ shape: [Int]) throws -> HostTensor {
    let tensor = try base.tensor(name, shape)
    if !name.hasSuffix("text_embedding.weight") {
      total.bytes.withLock { $0[name] = tensor.byteRange.count }
    }
    return tensor
  }

  /// A checkpoint whose weights are counted.
  static func counting(_ checkpoint: Checkpoint) -> (Checkpoint, Total) {
    let total = Total()
    let counted = Checkpoint(
      configuration: checkpoint.configuration, codecConfiguration: checkpoint.codecConfiguration,
      generation: checkpoint.generation, weights: CountedWeights(checkpoint.weights, total),
      codecWeights: CountedWeights(checkpoint.codecWeights, total))
    return (counted, total)
  }
}
