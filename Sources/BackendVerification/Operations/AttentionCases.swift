// SPDX-License-Identifier: MIT

import SpeechModel

/// Rows that are given to attention together.
struct AttentionRows {
  let positions: [Int]
  let slots: [Int]

  /// Consecutive positions of one slot.
  init(_ positions: Range<Int>, slot: Int = 0) {
    self.positions = Array(positions)
    slots = [Int](repeating: slot, count: positions.count)
  }

  /// One position of each slot.
  init(eachAt positions: [Int]) {
    self.init(slots: Array(positions.indices), positions: positions)
  }

  init(slots: [Int], positions: [Int]) {
    (self.slots, self.positions) = (slots, positions)
  }
}

/// A shape, and the rows that pass through it one after the other.
struct AttentionCase {
  var heads: Int
  var kvHeads: Int
  var width: Int
  var window: Int?
  var capacity: Int
  var isNormed = true
  /// Whether the cache is lent in pages.
  var isPaged = false
  var steps: [AttentionRows]

  var shape: AttentionShape {
    AttentionShape(headCount: heads, kvHeadCount: kvHeads, headDim: width)
  }

  var name: String {
    "\(heads)/\(kvHeads) heads of \(width)" + (window.map { ", window \($0)" } ?? "")
      + (isPaged ? ", pages" : "")
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

  /// Prompts and steps that begin, end and look back in other pages.
  static let overPages = [
    AttentionRows(0..<70), AttentionRows(70..<71), AttentionRows(0..<3, slot: 1),
    AttentionRows(eachAt: [71, 3]), AttentionRows(72..<127), AttentionRows(127..<128),
    AttentionRows(128..<129), AttentionRows(slots: [1, 0, 1], positions: [4, 129, 5]),
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
    AttentionCase(
      heads: 16, kvHeads: 8, width: 128, capacity: 192, isPaged: true, steps: overPages),
    AttentionCase(
      heads: 4, kvHeads: 4, width: 64, window: 40, capacity: 192, isNormed: false, isPaged: true,
      steps: overPages),
    AttentionCase(
      heads: 4, kvHeads: 2, width: 128, window: 40, capacity: 192, isPaged: true,
      steps: overPages),
    AttentionCase(
      heads: 3, kvHeads: 1, width: 32, window: 66, capacity: 192, isPaged: true,
      steps: overPages),
  ]
}

extension Tolerance {
  static func attention(_ precision: CachePrecision) -> Tolerance {
    precision == .float32 ? .attention : .roundedAttention
  }
}

extension Workbench {
  /// A cache of two layers in which every number of a slot is NaN.
  mutating func poisonedCache(
    _ shape: AttentionShape, slots: Int = 2, capacity: Int, isPaged: Bool = false,
    _ precision: CachePrecision
  ) throws -> B.Cache {
    let cache =
      isPaged
      ? try pagedCache(shape, layers: 2, slots: slots, capacity: capacity, precision)
      : try backend.makeCache(
        layerCount: 2, slotCount: slots, capacity: capacity, kvWidth: shape.kvWidth,
        precision: precision)
    for slot in 0..<slots { try poison(cache, shape, AttentionRows(0..<capacity, slot: slot)) }
    return cache
  }

  mutating func poisonedCache(
    _ test: AttentionCase, _ precision: CachePrecision
  ) throws -> B.Cache {
    try poisonedCache(
      test.shape, capacity: test.capacity, isPaged: test.isPaged, precision)
  }

  /// A cache whose slots have pages from all over, of which some are nobody's.
  mutating func pagedCache(
    _ shape: AttentionShape, layers: Int, slots: Int, capacity: Int, _ precision: CachePrecision
  ) throws -> B.Cache {
    let size = PageTable<B.Indices>.pageSize
    let pagesPerSlot = (capacity + size - 1) / size
    var pages = (0..<Int32(slots * pagesPerSlot + 2)).map(\.self)
    for index in pages.indices { pages.swapAt(index, random.index(below: index + 1)) }
    return try backend.makeCache(
      layerCount: layers,
      pages: PageTable(
        indices: try indices(Array(pages.prefix(slots * pagesPerSlot))),
        pagesPerSlot: pagesPerSlot),
      pageCount: pages.count, kvWidth: shape.kvWidth, precision: precision)
  }

  /// Leaves NaN where rows are kept, in both layers.
  mutating func poison(_ cache: B.Cache, _ shape: AttentionShape, _ rows: AttentionRows) throws {
    let poison = try backend.makeTensor(
      rows: rows.positions.count, columns: shape.packedWidth)
    try backend.write(
      [Float](repeating: .nan, count: rows.positions.count * shape.packedWidth), to: poison)
    for layer in 0..<2 {
      try backend.qkNormRopeAppend(
        poison,
        AttentionLayer(
          shape: shape, epsilon: 1e-6, inverseFrequencies: try row(shape.headDim / 2)),
        rows: try map(rows), to: CacheLayer(cache, layer: layer))
    }
  }

  mutating func inverseFrequencies(_ shape: AttentionShape) throws -> B.Tensor {
    let half = shape.headDim / 2
    return try tensor(
      (0..<half).map { Float(Math.pow(1e6, -Double($0) / Double(half))) }, columns: half)
  }

  /// What is fixed in a case, with norms of its own.
  mutating func layer(_ test: AttentionCase) throws -> AttentionLayer<B.Tensor> {
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

  mutating func map(_ rows: AttentionRows) throws -> RowMap<B.Indices> {
    RowMap(
      slots: try indices(rows.slots.map(Int32.init)),
      positions: try indices(rows.positions.map(Int32.init)))
  }
}
