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
    self.positions = positions
    slots = Array(positions.indices)
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
  static func attention(_ precision: CachePrecision) -> Tolerance {
    precision == .float32 ? .attention : .roundedAttention
  }
}

extension Workbench {
  /// A cache of two slots in which every number is NaN.
  mutating func poisonedCache(
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
