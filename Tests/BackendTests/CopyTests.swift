// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Tensors and caches with the numbers of others.
@Suite struct CopyTests {
  @Test func `a tensor has the numbers of another, in rows of its own length`() {
    let check = CPUCheck()
    let out = check.tensor([[0, 0, 0], [0, 0, 0]])
    check.backend.copy(check.tensor([[1, 2], [3, 4], [5, 6]]), into: out)
    #expect(check.rows(out) == [[1, 2, 3], [4, 5, 6]])
  }

  @Test(arguments: CachePrecision.allCases)
  func `a copy of a slot is read as the slot itself, and is written alone`(
    _ precision: CachePrecision
  ) {
    let check = CPUCheck()
    let backend = check.backend
    let shape = AttentionShape(headCount: 1, kvHeadCount: 1, headDim: 2)
    let layer = AttentionLayer(
      shape: shape, epsilon: 1e-6, inverseFrequencies: check.tensor([[0.5]]))
    let cache = backend.makeCache(
      layerCount: 2, slotCount: 3, capacity: 4, kvWidth: 2, precision: precision)
    func attend(_ row: [Float], at position: Int32, slot: Int32) -> [[Float]] {
      (0..<2).map { index in
        let out = backend.makeTensor(rows: 1, columns: 2)
        backend.attentionStep(
          check.tensor([row]), layer,
          rows: RowMap(slots: check.indices([slot]), positions: check.indices([position])),
          cache: CacheLayer(cache, layer: index), into: out)
        return backend.read(out)
      }
    }
    _ = attend([1, 0, 1, 2, 3, 4], at: 0, slot: 0)
    let beside = attend([1, 0, 5, 5, 6, 6], at: 0, slot: 1)
    backend.copy(cache, slot: 0, into: 2)
    let next: [Float] = [1, 1, 0.5, -1, 8, 2]
    let expected = attend(next, at: 1, slot: 0)
    // What the copy is given does not reach the slot it was made of.
    #expect(attend([1, 1, 9, 9, -8, -8], at: 1, slot: 2) != expected)
    #expect(attend(next, at: 1, slot: 2) == expected)
    #expect(attend(next, at: 1, slot: 0) == expected)
    #expect(attend([1, 0, 5, 5, 6, 6], at: 0, slot: 1) == beside)
  }
}
