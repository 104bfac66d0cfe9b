// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func memory() throws {
    for (rows, columns) in [(1, 1), (7, 33), (300, 129)] {
      let tensor = try backend.makeTensor(rows: rows, columns: columns)
      try expect(tensor, "new tensor \(rows)×\(columns)", within: .exact)
      try expect(
        try backend.loadVector(random.floats(rows * columns, in: -9...9)),
        "vector of \(rows * columns)", within: .exact)
    }
    try expect(try backend.makeIndices(count: 9), "new indices")
    try loadedWeights()
  }

  /// Every layout of a weight, by its products.
  private mutating func loadedWeights() throws {
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
}
