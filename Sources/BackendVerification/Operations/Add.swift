// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func add() throws {
    for (rows, columns) in [(1, 1), (3, 127), (5, 256), (70, 1030)] {
      let sum = try input(rows, columns)
      try backend.add(try input(rows, columns), into: sum)
      try expect(sum, "add \(rows)×\(columns)", within: .exact)
      try backend.add(try row(columns), into: sum)
      try expect(sum, "add a row to \(rows)×\(columns)", within: .exact)
    }
    for (rows, columns) in [(1, 1), (6, 65), (40, 512)] {
      let out = try input(rows, columns)
      try backend.addScaled(try input(rows, columns), scale: try row(columns), into: out)
      try expect(out, "addScaled \(rows)×\(columns)", within: .rounding)
    }
  }
}
