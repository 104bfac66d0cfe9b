// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  /// Rows, width and outputs: odd ones; those of the models, for which backends have kernels of their
  /// own; and enough rows for tiles.
  private static var productShapes: [(rows: Int, width: Int, outputs: Int)] {
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
  }

  mutating func loadWeight() throws {
    for type in [ElementType.float32, .float16, .bfloat16] {
      for shape in Self.productShapes {
        let half = shape.outputs / 2
        let parts =
          half > 0
          ? [
            stored([half, shape.width], type), stored([shape.outputs - half, shape.width], type),
          ] : [stored([shape.outputs, shape.width], type)]
        try multiply(
          shape, try backend.loadWeight(parts, as: .product), "\(type.rawValue) for products")
        try multiply(
          shape, try backend.loadWeight(parts, as: .exact(kernel: 1)), "\(type.rawValue), exact",
          within: .rounding)
      }
    }
    let mixed = try backend.loadWeight(
      [stored([8, 96], .bfloat16), stored([24, 96], .float32), stored([3, 96], .float16)],
      as: .exact(kernel: 1))
    try multiply((5, 96, 35), mixed, "mixed, exact", within: .rounding)
    try multiply((40, 96, 35), mixed, "mixed, exact", within: .rounding)
  }

  /// All ways to multiply by one weight.
  private mutating func multiply(
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
  private static var normedShapes: [(rows: Int, width: Int, outputs: Int, type: ElementType)] {
    [
      (1, 33, 10, .float32), (3, 128, 24, .bfloat16), (1, 1024, 130, .bfloat16),
      (2, 1024, 66, .bfloat16), (1, 2048, 64, .bfloat16), (2, 2048, 64, .bfloat16),
      (40, 1024, 64, .bfloat16), (1, 512, 96, .float32), (2, 512, 40, .float32),
      (3, 512, 64, .float32), (16, 512, 64, .float32), (5, 64, 34, .float16),
    ]
  }

  mutating func normedProducts() throws {
    for shape in Self.normedShapes {
      for isPacked in [false, true] {
        let matrix = stored([shape.outputs, shape.width], shape.type)
        let weight = try backend.loadWeight([matrix], as: isPacked ? .product : .stored)
        let name =
          "\(shape.rows)×\(shape.width)×\(shape.outputs) \(shape.type.rawValue)"
          + (isPacked ? " for products" : "")
        let x = try input(shape.rows, shape.width, in: -3...3)
        let norm = try row(shape.width, in: 0.5...1.5)
        let scratch = try output(shape.rows, shape.width)
        let out = try output(shape.rows, shape.outputs)
        try backend.rmsNormLinear(
          x, norm: norm, epsilon: 1e-6, weight: weight, scratch: scratch, into: out)
        try expect(out, "rmsNormLinear \(name)", within: .chain)
        guard shape.outputs % 2 == 0 else { continue }
        let wide = try output(shape.rows, shape.outputs)
        let gated = try output(shape.rows, shape.outputs / 2)
        try backend.rmsNormSwiGLU(
          x, norm: norm, epsilon: 1e-6, gateUp: weight, scratch: scratch, wide: wide, into: gated)
        try expect(gated, "rmsNormSwiGLU \(name)", within: .chain)
      }
    }
  }

  mutating func feedForward() throws {
    for (rows, width, inner, type, isScaled) in [
      (1, 128, 256, ElementType.bfloat16, false), (2, 64, 136, .bfloat16, false),
      (1, 1024, 3072, .bfloat16, false), (2, 1024, 3072, .bfloat16, false),
      (1, 2048, 6144, .bfloat16, false), (2, 2048, 6144, .bfloat16, false),
      (37, 1024, 3072, .bfloat16, false), (1, 512, 1024, .float32, true),
      (2, 512, 1024, .float32, true), (3, 512, 1024, .float32, true),
      (16, 512, 1024, .float32, true), (5, 64, 128, .float32, true), (7, 33, 21, .float32, true),
      (4, 40, 64, .float16, false),
    ] {
      func matrix(_ parts: [HostTensor]) throws -> B.Matrix {
        try backend.loadWeight(parts, as: isScaled ? .product : .stored)
      }
      let gateUp = try matrix([stored([inner, width], type), stored([inner, width], type)])
      let down = try matrix([stored([width, inner], type)])
      let out = try input(rows, width, in: -3...3)
      try backend.feedForward(
        out, norm: try row(width, in: 0.5...1.5), epsilon: 1e-5, gateUp: gateUp, down: down,
        scale: isScaled ? try row(width) : nil, scratch: try output(rows, width),
        wide: try output(rows, 2 * inner), activated: try output(rows, inner))
      try expect(out, "\(rows)×\(width)×\(inner) \(type.rawValue)", within: .chain)
    }
  }
}
