// SPDX-License-Identifier: MIT

import CPUBackend
import ModelFiles
import SpeechModel
import Testing

/// Attention to what a cache keeps.
@Suite struct AttentionTests {
  @Test func `attention agrees with its definition`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for window in [nil, 1, 5, 16] {
          for precision in CachePrecision.allCases {
            check.attention(
              heads: 4, kvHeads: 2, width: 24, rows: 9, window: window, capacity: 16, precision)
            check.attention(
              heads: 3, kvHeads: 3, width: 64, rows: 30, window: window, capacity: 40, precision)
          }
        }
      }
    }
  }

  @Test func `attention added by a product is both, one after the other`() {
    var check = CPUCheck()
    check.attentionLinearAdd(scaled: false)
    check.attentionLinearAdd(scaled: true)
  }
}

extension CPUCheck {
  /// Rows of two slots, interleaved, positions in order from each slot's start.
  mutating func attention(
    heads: Int, kvHeads: Int, width: Int, rows count: Int, window: Int?, capacity: Int,
    _ precision: CachePrecision
  ) {
    let shape = AttentionShape(headCount: heads, kvHeadCount: kvHeads, headDim: width)
    let packed = (heads + 2 * kvHeads) * width
    let x = numbers.rows(count, packed)
    let (queryNorm, keyNorm) = (numbers.rows(1, width), numbers.rows(1, width))
    let inverse = (0..<width / 2).map { Float(1) / Float(1 + $0 * $0) }
    let slots = (0..<count).map { Int32($0 % 2) }
    let positions = (0..<count).map { Int32($0 / 2) }
    let cache = backend.makeCache(
      layerCount: 2, slotCount: 2, capacity: capacity, kvWidth: kvHeads * width,
      precision: precision)
    let (slotIndices, positionIndices) =
      (backend.makeIndices(count: count), backend.makeIndices(count: count))
    backend.write(slots, to: slotIndices)
    backend.write(positions, to: positionIndices)
    let out = backend.makeTensor(rows: count, columns: heads * width)
    backend.attentionStep(
      tensor(x),
      AttentionLayer(
        shape: shape, queryNorm: tensor(queryNorm), keyNorm: tensor(keyNorm), epsilon: 1e-6,
        inverseFrequencies: tensor([inverse]), window: window),
      rows: RowMap(slots: slotIndices, positions: positionIndices),
      cache: CacheLayer(cache, layer: 1), into: out)

    func head(_ row: Int, _ index: Int, _ norm: [[Float]]?) -> [Double] {
      let values = Self.wide([Array(x[row][index * width..<(index + 1) * width])])
      guard let norm else { return values[0] }
      return Definitions.rotate(
        Definitions.rmsNorm(values, weight: Self.wide(norm)[0], epsilon: 1e-6)[0],
        position: Int(positions[row]), inverseFrequencies: inverse.map(Double.init))
    }
    func kept(_ head: [Double]) -> [Double] {
      precision == .float32 ? head : head.map(Definitions.bfloat16)
    }
    let reference = (0..<count).map { row in
      (0..<heads).flatMap { h -> [Double] in
        let group = h / (heads / kvHeads)
        let seen = (0..<count).filter {
          slots[$0] == slots[row] && positions[$0] <= positions[row]
            && positions[row] - positions[$0] < Int32(window ?? count)
        }
        return Definitions.attend(
          head(row, h, queryNorm), keys: seen.map { kept(head($0, heads + group, keyNorm)) },
          values: seen.map { kept(head($0, heads + kvHeads + group, nil)) })
      }
    }
    // A key that lies between two bf16 numbers may be kept as either.
    expect(
      out, reference, "attention, window \(window.map(String.init) ?? "none"), \(precision)",
      within: precision == .float32 ? 2e-5 : 1e-3)
  }

  /// Against its two operations, which are themselves against the definition.
  mutating func attentionLinearAdd(scaled: Bool) {
    let shape = AttentionShape(headCount: 2, kvHeadCount: 1, headDim: 8)
    let layer = AttentionLayer(
      shape: shape, epsilon: 1e-6, inverseFrequencies: tensor(numbers.rows(1, 4)), window: 2)
    let (x, start) = (numbers.rows(3, shape.packedWidth), numbers.rows(3, 5))
    let weight = matrix(numbers.rows(5, shape.queryWidth)).0
    let scale = scaled ? tensor(numbers.rows(1, 5)) : nil
    let map = RowMap(slots: indices([0, 0, 0]), positions: indices([0, 1, 2]))
    func cache() -> CacheLayer<CPUCache> {
      CacheLayer(
        backend.makeCache(
          layerCount: 1, slotCount: 1, capacity: 3, kvWidth: 8, precision: .float32), layer: 0)
    }
    let attended = backend.makeTensor(rows: 3, columns: shape.queryWidth)
    let (out, expected) = (tensor(start), tensor(start))
    backend.attentionLinearAdd(
      tensor(x), layer, rows: map, cache: cache(),
      attended: backend.makeTensor(rows: 3, columns: shape.queryWidth), weight: weight,
      scale: scale, into: out)
    let (qkv, kept) = (tensor(x), cache())
    backend.qkNormRopeAppend(qkv, layer, rows: map, to: kept)
    backend.attention(qkv, layer, rows: map, cache: kept, into: attended)
    backend.linearAdd(attended, weight, bias: nil, scale: scale, into: expected)
    #expect(rows(out) == rows(expected))
    #expect(rows(out) != start)
  }
}
