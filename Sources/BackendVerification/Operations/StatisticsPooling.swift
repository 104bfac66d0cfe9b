// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func statisticsPooling() throws {
    for (rows, columns) in [(1, 3), (7, 65), (301, 192)] {
      let x = try input(rows, columns, in: -2...2)
      let out = try output(1, 2 * columns)
      try backend.statisticsPooling(x, scores: nil, into: out)
      try expect(out, "equal weights, \(rows)×\(columns)", within: .rounding)
      try backend.statisticsPooling(x, scores: try input(rows, columns, in: -90...90), into: out)
      // A deviation of nearly equal numbers has few digits left in single precision.
      try expect(out, "softmax weights, \(rows)×\(columns)", within: .product)
    }
  }
}
