// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func snake() throws {
    for (rows, columns) in [(1, 1), (3, 61), (9, 512), (130, 66)] {
      let weights = SnakeWeights(
        alpha: try row(columns, in: 0.5...2), inverseBeta: try row(columns, in: 0.5...2))
      let out = try output(rows, columns)
      let waves = try input(rows, columns, in: -20...20)
      try backend.snake(waves, weights, into: out)
      try expect(out, "\(rows)×\(columns)", within: .rounding)
      try backend.snake(waves, weights, into: waves)
      try expect(waves, "in place, \(rows)×\(columns)", within: .rounding)
    }
  }
}
