// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  /// How often rows come: a few, one, many, and more than a history holds.
  static var pieces: [Int] { [3, 1, 70, 9] }

  mutating func causalConvolution() throws {
    for (inputs, outputs, kernel, dilation, type) in [
      (1, 1, 1, 1, ElementType.float32), (13, 21, 3, 1, .float32), (13, 21, 7, 3, .bfloat16),
      (16, 32, 7, 1, .float32), (24, 16, 7, 9, .float32), (64, 96, 3, 1, .float32),
      (64, 1, 7, 1, .float32), (512, 40, 3, 1, .float32), (1024, 34, 7, 1, .float32),
      (16, 8, 7, 3, .float16), (96, 64, 2, 1, .float32), (1, 64, 7, 1, .float32),
    ] {
      let stored = stored([outputs, inputs, kernel], type)
      let ways: [(WeightLayout, String, Tolerance)] = [
        (.stored, "", .product), (.convolution(kernel: kernel), " for convolutions", .product),
        (.exact(kernel: kernel), ", exact", .rounding),
      ]
      for (layout, words, tolerance) in ways {
        let weight = try backend.loadWeight([stored], as: layout)
        let bias = try row(outputs)
        let history = try input((kernel - 1) * dilation, inputs)
        let name =
          "\(inputs) to \(outputs), kernel \(kernel) by \(dilation) \(type.rawValue)" + words
        for rows in Self.pieces {
          let out = try output(rows, outputs)
          try backend.causalConvolution(
            try input(rows, inputs), history: history, weight: weight, bias: bias, kernel: kernel,
            dilation: dilation, into: out)
          try expect(out, "\(name), \(rows) rows", within: tolerance)
          try expect(history, "\(name), history after \(rows) rows", within: .exact)
        }
      }
    }
    try snakeConvolution()
  }

  private mutating func snakeConvolution() throws {
    for (inputs, outputs, kernel, dilation) in [
      (96, 1, 7, 1), (66, 1, 5, 1), (13, 1, 7, 1), (24, 24, 7, 3), (16, 16, 7, 9), (9, 5, 3, 2),
    ] {
      let matrix = stored([outputs, inputs, kernel])
      let weight = try backend.loadWeight([matrix], as: .convolution(kernel: kernel))
      let snake = SnakeWeights(
        alpha: try row(inputs, in: 0.5...2), inverseBeta: try row(inputs, in: 0.5...2))
      let bias = try row(outputs)
      let history = try input((kernel - 1) * dilation, inputs)
      for rows in Self.pieces {
        let out = try output(rows, outputs)
        try backend.snakeConvolution(
          try input(rows, inputs), snake, history: history,
          weight: weight, bias: bias, kernel: kernel, dilation: dilation,
          scratch: try output(rows, inputs), into: out)
        try expect(
          out,
          "snakeConvolution \(inputs) to \(outputs), kernel \(kernel) by \(dilation), \(rows) rows",
          within: .chain)
      }
    }
  }
}
