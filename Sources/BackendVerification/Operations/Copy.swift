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

  /// Two utterances are kept in one cache; in a copy of it they resume as in the cache itself, which
  /// is left to NaN.
  private mutating func copiedCache(_ precision: CachePrecision) throws {
    let shape = AttentionShape(headCount: 4, kvHeadCount: 2, headDim: 128)
    let attention = AttentionLayer(
      shape: shape, epsilon: 1e-6, inverseFrequencies: try inverseFrequencies(shape))
    let capacity = 48
    let cache = try poisonedCache(shape, capacity: capacity, precision)
    let copied = try poisonedCache(shape, capacity: capacity, precision)
    func step(_ rows: AttentionRows, layer: Int, in cache: B.Cache) throws -> B.Tensor {
      let out = try output(rows.positions.count, shape.queryWidth)
      try backend.attentionStep(
        try input(rows.positions.count, shape.packedWidth), attention, rows: try map(rows),
        cache: CacheLayer(cache, layer: layer), into: out)
      return out
    }
    for layer in 0..<2 {
      _ = try step(AttentionRows(0..<9), layer: layer, in: cache)
      _ = try step(AttentionRows(0..<30, slot: 1), layer: layer, in: cache)
    }
    try backend.copy(cache, into: copied)
    try backend.copy(try poisonedCache(shape, capacity: capacity, precision), into: cache)
    for layer in 0..<2 {
      try expect(
        try step(AttentionRows(eachAt: [9, 30]), layer: layer, in: copied),
        "copy of a cache, \(precision), layer \(layer)", within: .attention(precision))
    }
  }
}
