// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  /// Rows, width and outputs: odd ones; those of the models, for which backends have kernels of their
  /// own; and enough rows for tiles.
  static var productShapes: [(rows: Int, width: Int, outputs: Int)] {
    [
      (1, 1, 1), (1, 257, 19), (2, 15, 7), (3, 64, 33), (5, 100, 8), (9, 48, 130), (70, 40, 132),
      (1, 1024, 65), (2, 1024, 40), (3, 1024, 64), (1, 2048, 41), (2, 2048, 24), (1, 3072, 17),
      (2, 3072, 16), (1, 6144, 13), (2, 6144, 12), (4, 512, 70), (4, 256, 40), (1, 256, 34),
      (2, 512, 18), (33, 1024, 96), (64, 2048, 64), (300, 128, 66), (17, 4096, 48),
    ]
  }

  mutating func linear() throws {
    for type in [ElementType.bfloat16, .float32, .float16] {
      for shape in Self.productShapes {
        let weight = try backend.loadWeight(
          [stored([shape.outputs, shape.width], type)], as: .stored)
        try multiply(shape, weight, "\(type.rawValue)")
      }
    }
    // Parts stored in different ways, stacked.
    let mixed = try backend.loadWeight(
      [stored([8, 96], .bfloat16), stored([24, 96], .float32), stored([3, 96], .float16)],
      as: .stored)
    try multiply((5, 96, 35), mixed, "mixed")
    try normedLinear()
  }

  /// All ways to multiply by one weight.
  mutating func multiply(
    _ shape: (rows: Int, width: Int, outputs: Int), _ weight: B.Matrix, _ kind: String,
    within tolerance: Tolerance = .product
  ) throws {
    let name = "\(shape.rows)×\(shape.width)×\(shape.outputs) \(kind)"
    let x = try input(shape.rows, shape.width)
    let (bias, scale) = (try row(shape.outputs), try row(shape.outputs))
    for bias in [nil, bias] {
      let out = try output(shape.rows, shape.outputs)
      try backend.linear(x, weight, bias: bias, into: out)
      try expect(out, name + (bias == nil ? "" : " and bias"), within: tolerance)
      for scale in [nil, scale] {
        let sum = try input(shape.rows, shape.outputs)
        try backend.linearAdd(x, weight, bias: bias, scale: scale, into: sum)
        try expect(
          sum, name + (bias == nil ? "" : " and bias") + (scale == nil ? ", added" : ", scaled"),
          within: tolerance)
      }
    }
  }

  /// Rows, width, outputs and how the weight is stored, for what follows a norm.
  static var normedShapes: [(rows: Int, width: Int, outputs: Int, type: ElementType)] {
    [
      (1, 33, 10, .float32), (3, 128, 24, .bfloat16), (1, 1024, 130, .bfloat16),
      (2, 1024, 66, .bfloat16), (1, 2048, 64, .bfloat16), (2, 2048, 64, .bfloat16),
      (40, 1024, 64, .bfloat16), (1, 512, 96, .float32), (2, 512, 40, .float32),
      (3, 512, 64, .float32), (16, 512, 64, .float32), (5, 64, 34, .float16),
    ]
  }

  private mutating func normedLinear() throws {
    for shape in Self.normedShapes {
      for layout in [WeightLayout.stored, .product] {
        let weight = try backend.loadWeight(
          [stored([shape.outputs, shape.width], shape.type)], as: layout)
        let out = try output(shape.rows, shape.outputs)
        try backend.rmsNormLinear(
          try input(shape.rows, shape.width, in: -3...3),
          norm: try row(shape.width, in: 0.5...1.5), epsilon: 1e-6, weight: weight,
          scratch: try output(shape.rows, shape.width), into: out)
        try expect(
          out,
          "rmsNormLinear \(shape.rows)×\(shape.width)×\(shape.outputs) "
            + "\(shape.type.rawValue), \(layout)", within: .chain)
      }
    }
  }
}
