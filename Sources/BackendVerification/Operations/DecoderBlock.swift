// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
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
