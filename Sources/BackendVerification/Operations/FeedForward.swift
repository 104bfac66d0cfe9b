// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
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
