// SPDX-License-Identifier: MIT

import SpeechModel
import SyntheticCheckpoint

extension Workbench {
  /// Random weights with the spread of a checkpoint's.
  mutating func weights(_ prefix: String) -> ScopedWeights {
    SyntheticWeights(seed: random.index(below: 1 << 20), elementType: .float32).scoped(prefix)
  }

  mutating func latentUpsampling() throws {
    for (channels, stride) in [(64, 2), (136, 2), (12, 3), (1024, 2)] {
      let stage = try LatentUpsampling(
        reading: weights("decoder.upsample.0."), channels: channels, stride: stride, on: backend)
      let history = try tensor([Float](repeating: 0, count: 6 * channels), columns: channels)
      for rows in [3, 1, 16] {
        let longer = rows * stride
        let out = try output(longer, channels)
        try backend.latentUpsampling(
          try input(rows, channels), stage, history: history,
          inner: try output(longer, channels), wide: try output(longer, 4 * channels), into: out)
        try expect(out, "\(channels) channels, \(rows) rows", within: .network)
        try expect(history, "\(channels) channels, history", within: .network)
      }
    }
  }
}
