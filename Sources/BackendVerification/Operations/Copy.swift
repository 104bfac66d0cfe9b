// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func copy() throws {
    for (rows, columns) in [(1, 1), (3, 127), (5, 256), (70, 1030)] {
      let copied = try output(rows, columns)
      try backend.copy(try input(rows, columns), into: copied)
      try expect(copied, "\(rows)×\(columns)", within: .exact)
    }
    for precision in CachePrecision.allCases { try copiedCache(precision) }
  }

  /// Two utterances are kept in one cache. The second is copied to a third slot and its own left to NaN;
  /// there it resumes as it would have.
  private mutating func copiedCache(_ precision: CachePrecision) throws {
    let shape = AttentionShape(headCount: 4, kvHeadCount: 2, headDim: 128)
    let attention = AttentionLayer(
      shape: shape, epsilon: 1e-6, inverseFrequencies: try inverseFrequencies(shape))
    let cache = try poisonedCache(shape, slots: 3, capacity: 48, precision)
    func step(_ rows: AttentionRows, layer: Int) throws -> B.Tensor {
      let out = try output(rows.positions.count, shape.queryWidth)
      try backend.attentionStep(
        try input(rows.positions.count, shape.packedWidth), attention, rows: try map(rows),
        cache: CacheLayer(cache, layer: layer), into: out)
      return out
    }
    for layer in 0..<2 {
      _ = try step(AttentionRows(0..<9), layer: layer)
      _ = try step(AttentionRows(0..<30, slot: 1), layer: layer)
    }
    try backend.copy(cache, slot: 1, into: 2)
    try poison(cache, shape, AttentionRows(0..<48, slot: 1))
    for layer in 0..<2 {
      try expect(
        try step(AttentionRows(slots: [2, 0], positions: [30, 9]), layer: layer),
        "copy of a slot, \(precision), layer \(layer)", within: .attention(precision))
    }
  }
}
