// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  /// Two layers of a shape, with random weights as a checkpoint stores them.
  mutating func layers(
    _ test: AttentionCase, hidden: Int, inner: Int, _ type: ElementType = .bfloat16
  ) throws -> [TransformerLayer<B>] {
    let shape = test.shape
    let attention = try layer(test)
    return try (0..<2).map { _ in
      func matrix(_ rows: Int, _ columns: Int) throws -> B.Matrix {
        try backend.loadWeight([stored([rows, columns], type)], as: .stored)
      }
      return TransformerLayer(
        inputNorm: try row(hidden, in: 0.5...1.5), qkv: try matrix(shape.packedWidth, hidden),
        attention: attention, output: try matrix(hidden, shape.queryWidth),
        postNorm: try row(hidden, in: 0.5...1.5), gateUp: try matrix(2 * inner, hidden),
        down: try matrix(hidden, inner))
    }
  }

  /// Steps of rows of different slots, which come from a prompt, and of a prompt.
  mutating func transformerLayers() throws {
    let paged = AttentionCase(
      heads: 4, kvHeads: 2, width: 128, capacity: 128, isPaged: true, steps: [])
    let plain = AttentionCase(heads: 3, kvHeads: 1, width: 64, capacity: 96, steps: [])
    for (test, hidden, inner, precision) in [
      (paged, 256, 384, CachePrecision.bfloat16), (paged, 128, 96, .float32),
      (plain, 192, 64, .float32), (plain, 40, 24, .bfloat16),
    ] {
      let shape = test.shape
      let layers = try layers(test, hidden: hidden, inner: inner)
      let cache = try poisonedCache(
        shape, capacity: test.capacity, isPaged: test.isPaged, precision)
      let weight = try backend.loadWeight([stored([64, hidden], .bfloat16)], as: .stored)
      let norm = try row(hidden, in: 0.5...1.5)
      for rows in [
        AttentionRows(0..<67), AttentionRows(0..<3, slot: 1), AttentionRows(eachAt: [67, 3]),
        AttentionRows(slots: [1, 0], positions: [4, 68]), AttentionRows(69..<70),
      ] {
        let count = rows.slots.count
        let work = try workspace(count, test, hidden: hidden, inner: inner)
        try backend.write(random.floats(count * hidden, in: -2...2), to: work.hidden)
        var map = try map(rows)
        map.areOfDifferentSlots = Set(rows.slots).count == count
        let scored = count / 2..<count
        let scores = try output(scored.count, 64)
        try backend.transformerLayers(
          layers, epsilon: 1e-6, work, rows: map, cache: cache,
          then: NormedHead(
            norm: norm, weight: weight, rows: scored,
            scratch: try output(scored.count, hidden), scores: scores))
        let name = "\(test.name), \(precision), \(count) rows"
        let tolerance: Tolerance = precision == .bfloat16 ? .roundedNetwork : .network
        try expect(work.hidden, name, within: tolerance)
        try expect(scores, "\(name), head", within: tolerance)
      }
    }
  }

  /// The buffers of a pass of so many rows.
  mutating func workspace(
    _ rows: Int, _ test: AttentionCase, hidden: Int, inner: Int
  ) throws -> TransformerWorkspace<B> {
    TransformerWorkspace(
      hidden: try output(rows, hidden), normed: try output(rows, hidden),
      qkv: try output(rows, test.shape.packedWidth),
      attended: try output(rows, test.shape.queryWidth), wide: try output(rows, 2 * inner),
      activated: try output(rows, inner))
  }
}
