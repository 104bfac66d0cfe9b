// SPDX-License-Identifier: MIT

import SpeechModel
import SyntheticCheckpoint

extension Workbench {
  /// How often rows come: a few, one, many, and more than a history holds.
  private static var pieces: [Int] { [3, 1, 70, 9] }

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
  }

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

  mutating func depthwiseConvolution() throws {
    for (channels, kernel) in [(1, 1), (37, 7), (128, 7), (1024, 7), (20, 3)] {
      let weight = try input(channels, kernel)
      let bias = try row(channels)
      let history = try input(kernel - 1, channels)
      for rows in Self.pieces {
        let out = try output(rows, channels)
        try backend.depthwiseConvolution(
          try input(rows, channels), history: history, weight: weight, bias: bias, into: out)
        try expect(out, "\(channels) channels, kernel \(kernel), \(rows) rows", within: .rounding)
        try expect(history, "\(channels) channels, history", within: .exact)
      }
    }
  }

  mutating func snakeConvolution() throws {
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
          out, "\(inputs) to \(outputs), kernel \(kernel) by \(dilation), \(rows) rows",
          within: .chain)
      }
    }
  }

  /// Random weights with the spread of a checkpoint's.
  private mutating func weights(_ prefix: String) -> ScopedWeights {
    SyntheticWeights(seed: random.index(below: 1 << 20), elementType: .float32).scoped(prefix)
  }

  mutating func latentUpsampling() throws {
    for (channels, stride) in [(64, 2), (136, 2), (12, 3), (1024, 2)] {
      let stage = try LatentUpsampling(
        reading: weights("decoder.upsample.0."), channels: channels, stride: stride, on: backend)
      let history = try tensor([Float](repeating: 0, count: 6 * channels), columns: channels)
      for rows in [3, 1, 16] {
        let longer = rows * stride
        let out = try output(longer, channels)
        try backend.latentUpsampling(
          try input(rows, channels), stage, history: history,
          inner: try output(longer, channels), wide: try output(longer, 4 * channels), into: out)
        try expect(out, "\(channels) channels, \(rows) rows", within: .network)
        try expect(history, "\(channels) channels, history", within: .network)
      }
    }
  }

  mutating func decoderBlock() throws {
    for (inputs, stride) in [(64, 8), (32, 5), (20, 3), (192, 4)] {
      let block = try DecoderBlock(
        reading: weights("decoder.decoder.1.block."), inputs: inputs, stride: stride, on: backend)
      let channels = inputs / 2
      func zeros(_ rows: Int, _ columns: Int) throws -> B.Tensor {
        try tensor([Float](repeating: 0, count: rows * columns), columns: columns)
      }
      let history = try zeros(1, inputs)
      let units = try block.units.map { try zeros(6 * $0.dilation, channels) }
      // What the histories hold is the backend's own, so it shows in the next piece.
      for rows in [3, 1, 16, 2] {
        let longer = rows * stride
        let out = try output(longer, channels)
        // As in the decoder, the input lies where the first scratch tensor does.
        let scratch = try output(longer, channels)
        let x = scratch.reshaped(rows: longer * channels, columns: 1).rows(0..<rows * inputs)
          .reshaped(rows: rows, columns: inputs)
        try backend.write(random.floats(rows * inputs, in: -1...1), to: x)
        try backend.decoderBlock(
          x, block, history: history, unitHistories: units, inner: try output(longer, channels),
          scratch: (scratch, try output(longer, channels)), into: out)
        try expect(out, "\(inputs) channels, stride \(stride), \(rows) rows", within: .network)
      }
    }
  }
}
