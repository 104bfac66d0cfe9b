// SPDX-License-Identifier: MIT

import SpeechModel

/// Rows that are given to attention together.
private struct AttentionRows {
  let positions: [Int]
  let slots: [Int]

  /// Consecutive positions of one slot.
  init(_ positions: Range<Int>, slot: Int = 0) {
    self.positions = Array(positions)
    slots = [Int](repeating: slot, count: positions.count)
  }

  /// One position of each slot.
  init(eachAt positions: [Int]) {
    self.positions = positions
    slots = Array(positions.indices)
  }
}

/// A shape, and the rows that pass through it one after the other.
private struct AttentionCase {
  var heads: Int
  var kvHeads: Int
  var width: Int
  var window: Int?
  var capacity: Int
  var isNormed = true
  var steps: [AttentionRows]

  var shape: AttentionShape {
    AttentionShape(headCount: heads, kvHeadCount: kvHeads, headDim: width)
  }

  var name: String {
    "\(heads)/\(kvHeads) heads of \(width)" + (window.map { ", window \($0)" } ?? "")
  }

  /// A first row, a prompt, single steps, a longer piece, and a batch of two slots.
  static let utterance = [
    AttentionRows(0..<1), AttentionRows(0..<7), AttentionRows(7..<8), AttentionRows(8..<9),
    AttentionRows(9..<39),
    AttentionRows(0..<3, slot: 1), AttentionRows(eachAt: [39, 3]), AttentionRows(eachAt: [40, 4]),
    AttentionRows(41..<42),
  ]
  /// A window that goes round its ring of 16 + 8 − 1 positions.
  static let windowed = [
    AttentionRows(0..<1), AttentionRows(0..<8), AttentionRows(8..<9), AttentionRows(9..<17),
    AttentionRows(17..<20),
    AttentionRows(20..<28), AttentionRows(28..<29), AttentionRows(29..<37),
  ]

  static let all = [
    AttentionCase(heads: 4, kvHeads: 2, width: 128, capacity: 64, steps: utterance),
    AttentionCase(heads: 16, kvHeads: 8, width: 128, capacity: 96, steps: utterance),
    AttentionCase(heads: 8, kvHeads: 4, width: 128, capacity: 600, steps: utterance),
    AttentionCase(
      heads: 2, kvHeads: 2, width: 64, window: 16, capacity: 23, isNormed: false, steps: windowed),
    AttentionCase(
      heads: 16, kvHeads: 16, width: 64, window: 16, capacity: 23, isNormed: false,
      steps: windowed),
    AttentionCase(heads: 6, kvHeads: 2, width: 64, window: 5, capacity: 64, steps: utterance),
    AttentionCase(heads: 3, kvHeads: 1, width: 32, capacity: 50, steps: utterance),
    AttentionCase(heads: 4, kvHeads: 4, width: 96, window: 11, capacity: 50, steps: utterance),
  ]
}

extension Tolerance {
  fileprivate static func attention(_ precision: CachePrecision) -> Tolerance {
    precision == .float32 ? .attention : .roundedAttention
  }
}

extension Workbench {
  /// A cache of two slots in which every number is NaN.
  private mutating func poisonedCache(
    _ shape: AttentionShape, capacity: Int, _ precision: CachePrecision
  ) throws -> B.Cache {
    let cache = try backend.makeCache(
      layerCount: 2, slotCount: 2, capacity: capacity, kvWidth: shape.kvWidth,
      precision: precision)
    let rows = 2 * capacity
    let poison = try backend.makeTensor(rows: rows, columns: shape.packedWidth)
    try backend.write([Float](repeating: .nan, count: rows * shape.packedWidth), to: poison)
    let positions = try indices((0..<rows).map { Int32($0 % capacity) })
    let slots = try indices((0..<rows).map { Int32($0 / capacity) })
    for layer in 0..<2 {
      try backend.qkNormRopeAppend(
        poison,
        AttentionLayer(
          shape: shape, epsilon: 1e-6, inverseFrequencies: try row(shape.headDim / 2)),
        rows: RowMap(slots: slots, positions: positions), to: CacheLayer(cache, layer: layer))
    }
    return cache
  }

  private mutating func inverseFrequencies(_ shape: AttentionShape) throws -> B.Tensor {
    let half = shape.headDim / 2
    return try tensor(
      (0..<half).map { Float(Math.pow(1e6, -Double($0) / Double(half))) }, columns: half)
  }

  /// What is fixed in a case, with norms of its own.
  private mutating func layer(_ test: AttentionCase) throws -> AttentionLayer<B.Tensor> {
    let shape = test.shape
    var layer = AttentionLayer(
      shape: shape, epsilon: 1e-6, inverseFrequencies: try inverseFrequencies(shape),
      window: test.window)
    if test.isNormed {
      layer.queryNorm = try row(shape.headDim, in: 0.5...1.5)
      layer.keyNorm = try row(shape.headDim, in: 0.5...1.5)
    }
    return layer
  }

  private mutating func map(_ rows: AttentionRows) throws -> RowMap<B.Indices> {
    RowMap(
      slots: try indices(rows.slots.map(Int32.init)),
      positions: try indices(rows.positions.map(Int32.init)))
  }

  mutating func attention() throws {
    for precision in CachePrecision.allCases {
      for test in AttentionCase.all { try attention(test, precision) }
      try copiedCache(precision)
    }
  }

  private mutating func attention(_ test: AttentionCase, _ precision: CachePrecision) throws {
    let shape = test.shape
    let layer = try layer(test)
    let fused = try poisonedCache(shape, capacity: test.capacity, precision)
    let plain = try poisonedCache(shape, capacity: test.capacity, precision)
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
      // Only the queries of the rows are defined afterwards.
      let queries = try backend.read(qkv).enumerated().filter {
        $0.offset % shape.packedWidth < shape.queryWidth
      }
      keep(queries.map(\.element), "qkNormRopeAppend, \(name)", within: .rounding)
      let apart = try output(count, shape.queryWidth)
      try backend.attention(
        qkv, layer, rows: map, cache: CacheLayer(plain, layer: 1), into: apart)
      try expect(apart, "attention, \(name)", within: tolerance)
    }
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

  mutating func attentionLinearAdd() throws {
    for precision in CachePrecision.allCases {
      for test in AttentionCase.all { try attentionLinearAdd(test, precision) }
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
    let cache = try poisonedCache(shape, capacity: test.capacity, precision)
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
  mutating func longAttention() throws {
    for precision in CachePrecision.allCases { try longAttention(precision) }
  }

  private mutating func longAttention(_ precision: CachePrecision) throws {
    let shape = AttentionShape(headCount: 16, kvHeadCount: 8, headDim: 128)
    let capacity = 4096
    let layer = AttentionLayer(
      shape: shape, queryNorm: try row(128, in: 0.5...1.5), keyNorm: try row(128, in: 0.5...1.5),
      epsilon: 1e-6, inverseFrequencies: try inverseFrequencies(shape))
    let weight = try backend.loadWeight(
      [stored([1024, shape.queryWidth], .bfloat16)], as: .stored)
    let cache = try backend.makeCache(
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
        out, "\(precision), \(positions.count) rows at \(positions.lowerBound)",
        within: .attention(precision))
    }
  }

  mutating func sample() throws {
    let greedy = SamplingSettings(samples: false)
    let rules: [(String, SamplingSettings)] = [
      ("greedy", greedy), ("all", SamplingSettings(topK: 0)), ("top-k", SamplingSettings()),
      ("top-k 1", SamplingSettings(topK: 1)),
      ("top-p", SamplingSettings(topP: 0.8)), ("top-p alone", SamplingSettings(topK: 0, topP: 0.6)),
      ("cold", SamplingSettings(temperature: 0.3, topK: 7, topP: 0.95)),
    ]
    for vocabulary in [64, 1088, 2048, 3072] {
      for (name, base) in rules {
        for isTalker in [true, false] {
          try draw(name, base, vocabulary: vocabulary, isTalker: isTalker)
        }
      }
    }
  }

  private mutating func draw(
    _ name: String, _ base: SamplingSettings, vocabulary: Int, isTalker: Bool
  ) throws {
    let slotCount = 3
    var settings = base
    settings.repetitionPenalty = 1.3
    let end = Int32(vocabulary - 9)
    let rule =
      isTalker
      ? SamplingRule(
        codebook: 0, endToken: end, suppressed: Int32(vocabulary - 20)..<Int32(vocabulary),
        minimumTokens: 2) : SamplingRule(codebook: 5)
    let state = try SamplingState(slotCount: slotCount, vocabularySize: vocabulary, on: backend)
    for slot in 0..<slotCount {
      try backend.write(
        SamplingWord.row(
          talker: settings, predictor: base, seed: random.word(), utterance: UInt32(slot)),
        to: state.settings.strided(
          from: slot * SamplingWord.count, count: SamplingWord.count, by: 1))
    }
    try backend.write([0, 1, 40], to: state.frame)
    try backend.write(
      (0..<slotCount * vocabulary).map { _ in random.index(below: 4) == 0 ? 1 : 0 },
      to: state.seen)
    // Eighths, so that some scores are equal; the end token is among the likely ones.
    var scores = random.floats(slotCount * vocabulary, in: -6...6).map { ($0 * 8).rounded() / 8 }
    for slot in 0..<slotCount { scores[slot * vocabulary + Int(end)] = 6 }
    let codes = try indices([Int32](repeating: -1, count: slotCount), stride: 2)
    let what = "\(name), \(isTalker ? "talker" : "predictor") of \(vocabulary)"
    for turn in 0..<2 {
      try backend.sample(
        try tensor(scores, columns: vocabulary), rule: rule, state: state, into: codes)
      try expect(codes, "\(what), draw \(turn)")
      try backend.increment(state.frame, by: 1)
    }
    try expect(state.seen, "\(what), tokens seen")
  }
}
