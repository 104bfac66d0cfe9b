// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func layerNorm() throws {
    for (rows, columns) in [(1, 1), (1, 31), (3, 128), (7, 200), (2, 1024), (65, 2048)] {
      let x = try input(rows, columns, in: -3...3)
      let (weight, bias) = (try row(columns), try row(columns))
      let out = try output(rows, columns)
      try backend.layerNorm(x, weight: weight, bias: bias, epsilon: 1e-3, into: out)
      try expect(out, "\(rows)×\(columns)", within: .rounding)
      try backend.layerNorm(x, weight: weight, bias: bias, epsilon: 1e-3, into: x)
      try expect(x, "in place, \(rows)×\(columns)", within: .rounding)
    }
  }
}
