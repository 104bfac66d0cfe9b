// SPDX-License-Identifier: MIT

package import ModelFiles
import SpeechModel
import Synchronization

/// Weights that are made once, when they are first asked for, and kept.
private final class KeptWeights: WeightSource, Sendable {
  private let base: any WeightSource & Sendable
  private let kept = Mutex<[String: HostTensor]>([:])

  init(_ base: any WeightSource & Sendable) { self.base = base }

  func tensor(_ name: String, _ shape: [Int]) throws -> HostTensor {
    if let tensor = kept.withLock({ $0[name] }) { return tensor }
    let tensor = try base.tensor(name, shape)
    kept.withLock { $0[name] = tensor }
    return tensor
  }
}

extension Checkpoint {
  /// The same checkpoint for several models: inventing weights takes longer than a short speech.
  package func keepingWeights() -> Checkpoint {
    Checkpoint(
      configuration: configuration, codecConfiguration: codecConfiguration, generation: generation,
      weights: KeptWeights(weights), codecWeights: KeptWeights(codecWeights))
  }
}
