// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func qkNormRopeAppend() throws {
    for precision in CachePrecision.allCases {
      for test in AttentionCase.all { try qkNormRopeAppend(test, precision) }
    }
  }

  private mutating func qkNormRopeAppend(
    _ test: AttentionCase, _ precision: CachePrecision
  ) throws {
    let shape = test.shape
    let layer = try layer(test)
    let cache = try poisonedCache(test, precision)
    for rows in test.steps {
      let count = rows.positions.count
      let map = RowMap(
        slots: try indices(rows.slots.map(Int32.init), stride: count > 1 ? 3 : 1),
        positions: try indices(rows.positions.map(Int32.init), stride: count > 1 ? 2 : 1))
      let qkv = try input(count, shape.packedWidth)
      try backend.qkNormRopeAppend(qkv, layer, rows: map, to: CacheLayer(cache, layer: 1))
      // Only the queries of the rows are defined afterwards; attention shows what is kept.
      let queries = try backend.read(qkv).enumerated().filter {
        $0.offset % shape.packedWidth < shape.queryWidth
      }
      keep(
        queries.map(\.element),
        "\(test.name), \(precision), \(count) rows at \(rows.positions[0])", within: .rounding)
    }
  }
}
