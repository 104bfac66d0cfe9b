// SPDX-License-Identifier: MIT

import ModelFiles
import Qwen3TTS
import SpeechModel
import SyntheticCheckpoint
import TextTokenizer

extension SpeechSynthesizer {
  /// Random weights, which read texts as the bundled voice does, speak noise and never end.
  static func synthetic(
    _ size: SyntheticSize, variant: ModelVariant, on device: SpeechDevice, _ limits: SpeechLimits
  ) async throws -> SpeechSynthesizer {
    try await SpeechSynthesizer(
      .synthetic(size, variant: variant, seed: 1), tokenizer: TextTokenizer(folder: bundledModel),
      device: device, limits: limits)
  }
}
