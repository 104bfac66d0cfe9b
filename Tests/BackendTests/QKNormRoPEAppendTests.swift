// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Queries and keys, ready for attention.
@Suite struct QKNormRoPEAppendTests {
  @Test func `queries are normalised, rotated by their position and stay in place`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for isNormed in [false, true] { check.qkNormRopeAppend(isNormed: isNormed) }
      }
    }
  }

  @Test func `a cache of bf16 keeps the nearest numbers, and the even ones of two`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        let ulp = Float(0x1p-7)
        let cases: [(value: Float, kept: Float)] = [
          (0, 0), (-1, -1), (1 + 0.49 * ulp, 1), (1 + 0.51 * ulp, 1 + ulp),
          (1 + 0.5 * ulp, 1), (1 + 1.5 * ulp, 1 + 2 * ulp), (-1 - 1.5 * ulp, -1 - 2 * ulp),
          (2 - 0.5 * ulp, 2), (0x1p-133, 0x1p-133), (1.5 * 0x1p-133, 0x1p-132),
          (.greatestFiniteMagnitude, .infinity), (-.infinity, -.infinity),
        ]
        let kept = check.keeping(cases.map(\.value) + [.nan, Float(bitPattern: 0x7F80_0001)])
        for (found, (value, expected)) in zip(kept, cases) {
          #expect(found == expected, "\(value)")
        }
        #expect(kept.suffix(2).allSatisfy { $0.isNaN })
      }
    }
  }
}

extension CPUCheck {
  mutating func qkNormRopeAppend(isNormed: Bool) {
    let shape = AttentionShape(headCount: 3, kvHeadCount: 1, headDim: 24)
    let positions: [Int32] = [0, 7, 31]
    let x = numbers.rows(positions.count, shape.packedWidth)
    let (queryNorm, keyNorm) = (numbers.rows(1, 24), numbers.rows(1, 24))
    let inverse = (0..<12).map { Float(1) / Float(1 + $0 * $0) }
    let qkv = tensor(x)
    backend.qkNormRopeAppend(
      qkv,
      AttentionLayer(
        shape: shape, queryNorm: isNormed ? tensor(queryNorm) : nil,
        keyNorm: isNormed ? tensor(keyNorm) : nil, epsilon: 1e-6,
        inverseFrequencies: tensor([inverse])),
      rows: RowMap(slots: indices([0, 0, 0]), positions: indices(positions)),
      to: CacheLayer(
        backend.makeCache(
          layerCount: 1, slotCount: 1, capacity: 32, kvWidth: 24, precision: .float32), layer: 0))
    let expected = x.indices.map { row in
      (0..<shape.headCount).flatMap { head -> [Double] in
        var values = Self.wide([Array(x[row][head * 24..<(head + 1) * 24])])
        if isNormed {
          values = Definitions.rmsNorm(values, weight: Self.wide(queryNorm)[0], epsilon: 1e-6)
        }
        return Definitions.rotate(
          values[0], position: Int(positions[row]),
          inverseFrequencies: inverse.map(Double.init))
      }
    }
    let queries = rows(qkv).map { Array($0.prefix(shape.queryWidth)) }
    expect(tensor(queries), expected, "queries")
  }

  /// What a bf16 cache makes of numbers: the result of attention to them alone.
  func keeping(_ values: [Float]) -> [Float] {
    let shape = AttentionShape(headCount: 1, kvHeadCount: 1, headDim: values.count)
    let cache = backend.makeCache(
      layerCount: 1, slotCount: 1, capacity: 1, kvWidth: values.count, precision: .bfloat16)
    let first = backend.makeIndices(count: 1)
    let out = backend.makeTensor(rows: 1, columns: values.count)
    backend.attentionStep(
      tensor([[Float](repeating: 0, count: 2 * values.count) + values]),
      AttentionLayer(
        shape: shape, epsilon: 1e-6,
        inverseFrequencies: backend.makeTensor(rows: 1, columns: values.count / 2)),
      rows: RowMap(slots: first, positions: first), cache: CacheLayer(cache, layer: 0), into: out)
    return backend.read(out)
  }
}
