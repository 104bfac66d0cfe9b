// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Layers in a row, and the head after them.
@Suite struct TransformerLayersTests {
  @Test func `layers are their norms, products and attention, and the head sees some rows`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { $0.transformerLayers() }
    }
  }
}

extension CPUCheck {
  /// Against the operations of each layer one by one, written down here once more.
  mutating func transformerLayers() {
    let (hidden, inner, count) = (24, 16, 3)
    let shape = AttentionShape(headCount: 2, kvHeadCount: 1, headDim: 32)
    let attention = AttentionLayer(
      shape: shape, epsilon: 1e-6, inverseFrequencies: tensor(numbers.rows(1, 16)))
    func made(_ rows: Int, _ columns: Int) -> CPUTensor {
      backend.makeTensor(rows: rows, columns: columns)
    }
    let layers = (0..<2).map { _ in
      TransformerLayer<CPUBackend>(
        inputNorm: tensor(numbers.rows(1, hidden)),
        qkv: matrix(numbers.rows(shape.packedWidth, hidden)).0, attention: attention,
        output: matrix(numbers.rows(hidden, shape.queryWidth)).0,
        postNorm: tensor(numbers.rows(1, hidden)),
        gateUp: matrix(numbers.rows(2 * inner, hidden)).0,
        down: matrix(numbers.rows(hidden, inner)).0)
    }
    let (norm, head) = (tensor(numbers.rows(1, hidden)), matrix(numbers.rows(5, hidden)).0)
    let x = numbers.rows(count, hidden)
    func indices(_ values: [Int32]) -> CPUIndices {
      let made = backend.makeIndices(count: values.count)
      backend.write(values, to: made)
      return made
    }
    let map = RowMap(slots: indices([0, 0, 1]), positions: indices([0, 1, 0]))
    func cache() -> CPUCache {
      backend.makeCache(
        layerCount: 2, slotCount: 2, capacity: 4, kvWidth: shape.kvWidth, precision: .float32)
    }

    let work = TransformerWorkspace<CPUBackend>(
      hidden: tensor(x), normed: made(count, hidden), qkv: made(count, shape.packedWidth),
      attended: made(count, shape.queryWidth), wide: made(count, 2 * inner),
      activated: made(count, inner))
    let scores = made(2, 5)
    backend.transformerLayers(
      layers, epsilon: 1e-6, work, rows: map, cache: cache(),
      then: NormedHead(
        norm: norm, weight: head, rows: 1..<3, scratch: made(2, hidden), scores: scores))

    let (out, normed, qkv, attended) = (
      tensor(x), made(count, hidden), made(count, shape.packedWidth),
      made(count, shape.queryWidth)
    )
    let (wide, units) = (made(count, 2 * inner), made(count, inner))
    let other = cache()
    for (index, layer) in layers.enumerated() {
      backend.rmsNorm(out, weight: layer.inputNorm, epsilon: 1e-6, into: normed)
      backend.linear(normed, layer.qkv, bias: nil, into: qkv)
      backend.qkNormRopeAppend(
        qkv, attention, rows: map, to: CacheLayer(other, layer: index))
      backend.attention(
        qkv, attention, rows: map, cache: CacheLayer(other, layer: index), into: attended)
      backend.linearAdd(attended, layer.output, bias: nil, scale: nil, into: out)
      backend.rmsNorm(out, weight: layer.postNorm, epsilon: 1e-6, into: normed)
      backend.linear(normed, layer.gateUp, bias: nil, into: wide)
      backend.swiGLU(wide, into: units)
      backend.linearAdd(units, layer.down, bias: nil, scale: nil, into: out)
    }
    expect(work.hidden, Self.wide(rows(out)), "transformerLayers", within: 1e-4)
    let last = made(2, 5)
    backend.rmsNorm(out, weight: norm, epsilon: 1e-6, into: normed)
    backend.linear(normed.rows(1..<3), head, bias: nil, into: last)
    expect(scores, Self.wide(rows(last)), "transformerLayers, head", within: 1e-4)
  }
}
