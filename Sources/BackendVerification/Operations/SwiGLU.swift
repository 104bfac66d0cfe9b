// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func swiGLU() throws {
    for (rows, columns) in [(1, 1), (3, 61), (9, 512), (130, 66)] {
      let out = try output(rows, columns)
      try backend.swiGLU(try input(rows, 2 * columns, in: -20...20), into: out)
      try expect(out, "swiGLU \(rows)×\(columns)", within: .rounding)
    }
    for shape in Self.normedShapes where shape.outputs % 2 == 0 {
      for layout in [WeightLayout.stored, .product] {
        let weight = try backend.loadWeight(
          [stored([shape.outputs, shape.width], shape.type)], as: layout)
        let gated = try output(shape.rows, shape.outputs / 2)
        try backend.rmsNormSwiGLU(
          try input(shape.rows, shape.width, in: -3...3),
          norm: try row(shape.width, in: 0.5...1.5), epsilon: 1e-6, gateUp: weight,
          scratch: try output(shape.rows, shape.width),
          wide: try output(shape.rows, shape.outputs), into: gated)
        try expect(
          gated,
          "rmsNormSwiGLU \(shape.rows)×\(shape.width)×\(shape.outputs) "
            + "\(shape.type.rawValue), \(layout)", within: .chain)
      }
    }
  }
}
