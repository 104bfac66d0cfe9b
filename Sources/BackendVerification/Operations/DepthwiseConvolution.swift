// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func depthwiseConvolution() throws {
    for (channels, kernel) in [(1, 1), (37, 7), (128, 7), (1024, 7), (20, 3)] {
      let weight = try input(channels, kernel)
      let bias = try row(channels)
      let history = try input(kernel - 1, channels)
      for rows in Self.pieces {
        let out = try output(rows, channels)
        try backend.depthwiseConvolution(
          try input(rows, channels), history: history, weight: weight, bias: bias, into: out)
        try expect(out, "\(channels) channels, kernel \(kernel), \(rows) rows", within: .rounding)
        try expect(history, "\(channels) channels, history", within: .exact)
      }
    }
  }
}
