// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func activation() throws {
    for (rows, columns) in [(1, 1), (3, 61), (9, 512), (130, 66)] {
      let name = "\(rows)×\(columns)"
      let x = try input(rows, columns, in: -20...20)
      try backend.silu(x)
      try expect(x, "silu \(name)", within: .rounding)
      let y = try input(rows, columns, in: -6...6)
      try backend.gelu(y)
      try expect(y, "gelu \(name)", within: .rounding)
      let z = try input(rows, columns, in: -2...2)
      try backend.clamp(z)
      try expect(z, "clamp \(name)", within: .exact)
    }
    for function in Activation.allCases {
      for (rows, columns) in [(1, 1), (5, 77), (33, 256)] {
        let x = try input(rows, columns, in: -8...8)
        let out = try output(rows, columns)
        try backend.activate(x, function, into: out)
        try expect(out, "\(function) \(rows)×\(columns)", within: .rounding)
        try backend.activate(x, function, into: x)
        try expect(x, "\(function) in place \(rows)×\(columns)", within: .rounding)
      }
    }
  }
}
