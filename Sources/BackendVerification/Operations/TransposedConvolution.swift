// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func transposedConvolution() throws {
    for (inputs, outputs, stride, overlaps, type) in [
      (19, 11, 2, true, ElementType.float32), (8, 33, 3, false, .float32),
      (32, 32, 2, false, .float32), (48, 24, 5, true, .float32), (64, 32, 8, true, .float32),
      (32, 16, 4, true, .bfloat16), (16, 8, 3, true, .float16), (512, 64, 4, true, .float32),
    ] {
      // Each result sums over one row of inputs, or over two that overlap.
      let stored = stored(
        [inputs, outputs, overlaps ? 2 * stride : stride], type,
        fanIn: inputs * (overlaps ? 2 : 1))
      for isPacked in [false, true] {
        let weight = try backend.loadWeight(
          [stored], as: isPacked ? .transposedConvolution(stride: stride) : .stored)
        let bias = try row(outputs)
        let history = overlaps ? try input(1, inputs) : nil
        let name =
          "\(inputs) to \(outputs), stride \(stride)\(overlaps ? ", overlapping" : "") "
          + type.rawValue + (isPacked ? " for convolutions" : "")
        for rows in Self.pieces {
          let out = try output(rows * stride, outputs)
          try backend.transposedConvolution(
            try input(rows, inputs), history: history, weight: weight, bias: bias, stride: stride,
            into: out)
          try expect(out, "\(name), \(rows) rows", within: .product)
          if let history { try expect(history, "\(name), history", within: .exact) }
        }
      }
    }
  }
}
