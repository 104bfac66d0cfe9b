// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func attention() throws {
    for precision in CachePrecision.allCases {
      for test in AttentionCase.all {
        try attentionStep(test, precision)
        try attentionLinearAdd(test, precision)
      }
      try longAttention(precision, isPaged: false)
      try longAttention(precision, isPaged: true)
    }
  }

  /// The fused step, and its two operations one after the other.
  private mutating func attentionStep(_ test: AttentionCase, _ precision: CachePrecision) throws {
    let shape = test.shape
    let layer = try layer(test)
    let (fused, plain) = (try poisonedCache(test, precision), try poisonedCache(test, precision))
    for rows in test.steps {
      let count = rows.positions.count
      let values = random.floats(count * shape.packedWidth, in: -1...1)
      let map = RowMap(
        slots: try indices(rows.slots.map(Int32.init), stride: count > 1 ? 3 : 1),
        positions: try indices(rows.positions.map(Int32.init), stride: count > 1 ? 2 : 1))
      let name = "\(test.name), \(precision), \(count) rows at \(rows.positions[0])"
      // One position has all the weight, whatever its key: its value shows as it is kept.
      let tolerance = rows.positions == [0] ? Tolerance.rounding : .attention(precision)
      let out = try output(count, shape.queryWidth)
      try backend.attentionStep(
        try tensor(values, columns: shape.packedWidth), layer, rows: map,
        cache: CacheLayer(fused, layer: 1), into: out)
      try expect(out, "attentionStep, \(name)", within: tolerance)

      let qkv = try tensor(values, columns: shape.packedWidth)
      try backend.qkNormRopeAppend(qkv, layer, rows: map, to: CacheLayer(plain, layer: 1))
      let apart = try output(count, shape.queryWidth)
      try backend.attention(
        qkv, layer, rows: map, cache: CacheLayer(plain, layer: 1), into: apart)
      try expect(apart, "attention, \(name)", within: tolerance)
    }
  }

  private mutating func attentionLinearAdd(
    _ test: AttentionCase, _ precision: CachePrecision
  ) throws {
    let shape = test.shape
    // Heads of 128 as in the language stacks, the others as in the codec's.
    let isStep = shape.headDim == 128
    let hidden = isStep ? 1024 : shape.queryWidth
    let matrix = stored([hidden, shape.queryWidth], isStep ? .bfloat16 : .float32)
    let weight = try backend.loadWeight([matrix], as: isStep ? .stored : .product)
    let scale = isStep ? nil : try row(hidden)
    let layer = try layer(test)
    let cache = try poisonedCache(test, precision)
    for rows in test.steps {
      let count = rows.positions.count
      let out = try input(count, hidden)
      try backend.attentionLinearAdd(
        try input(count, shape.packedWidth), layer, rows: try map(rows),
        cache: CacheLayer(cache, layer: 0), attended: try output(count, shape.queryWidth),
        weight: weight, scale: scale, into: out)
      try expect(
        out, "\(test.name), \(precision), \(count) rows at \(rows.positions[0])",
        within: .attention(precision))
    }
  }

  /// Steps at the far end of 4,096 positions, and a prompt's rows there.
  private mutating func longAttention(_ precision: CachePrecision, isPaged: Bool) throws {
    let shape = AttentionShape(headCount: 16, kvHeadCount: 8, headDim: 128)
    let capacity = 4096
    let layer = AttentionLayer(
      shape: shape, queryNorm: try row(128, in: 0.5...1.5), keyNorm: try row(128, in: 0.5...1.5),
      epsilon: 1e-6, inverseFrequencies: try inverseFrequencies(shape))
    let weight = try backend.loadWeight(
      [stored([1024, shape.queryWidth], .bfloat16)], as: .stored)
    let cache =
      isPaged
      ? try pagedCache(shape, layers: 1, slots: 1, capacity: capacity, precision)
      : try backend.makeCache(
        layerCount: 1, slotCount: 1, capacity: capacity, kvWidth: shape.kvWidth,
        precision: precision)
    func values(_ count: Int) throws -> B.Tensor { try input(count, shape.packedWidth) }
    for start in stride(from: 0, to: 4032, by: 448) {
      try backend.qkNormRopeAppend(
        try values(448), layer, rows: try map(AttentionRows(start..<start + 448)),
        to: CacheLayer(cache, layer: 0))
    }
    for positions in [4032..<4090, 4090..<4091, 4095..<4096] {
      let out = try input(positions.count, 1024)
      try backend.attentionLinearAdd(
        try values(positions.count), layer, rows: try map(AttentionRows(positions)),
        cache: CacheLayer(cache, layer: 0), attended: try output(positions.count, shape.queryWidth),
        weight: weight, scale: nil,
        into: out)
      try expect(
        out,
        "\(precision), \(positions.count) rows at \(positions.lowerBound)"
          + (isPaged ? ", pages" : ""),
        within: .attention(precision))
    }
  }
}
