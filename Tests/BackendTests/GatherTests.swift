// SPDX-License-Identifier: MIT

import CPUBackend
import ModelFiles
import SpeechModel
import Testing

/// Rows of tables.
@Suite struct GatherTests {
  @Test func `rows of a weight are copied, scaled and added`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        check.gathers()
      }
    }
  }

  @Test func `rows of a tensor are copied and added, and a negative id is a row of zeros`() {
    let check = CPUCheck()
    let source = check.tensor([[1, 2], [3, 4], [5, 6]])
    let out = check.tensor([[10, 10], [20, 20], [30, 30]])
    let ids = check.indices([2, -1, 0])
    check.backend.gatherRows(source, ids: ids, accumulate: true, into: out)
    #expect(check.rows(out) == [[15, 16], [20, 20], [31, 32]])
    check.backend.gatherRows(source, ids: ids, accumulate: false, into: out)
    #expect(check.rows(out) == [[5, 6], [0, 0], [1, 2]])
  }

  @Test func `rows go to places of others, and nowhere for a negative id`() {
    let check = CPUCheck()
    let out = check.tensor([[1, 1], [2, 2], [3, 3]])
    check.backend.scatterRows(
      check.tensor([[10, 11], [20, 21], [30, 31]]), ids: check.indices([2, -1, 0]), into: out)
    #expect(check.rows(out) == [[30, 31], [2, 2], [10, 11]])
  }

  @Test func `rows of indices are gathered and scattered by their number`() {
    let check = CPUCheck()
    let backend = check.backend
    let all = check.indices([1, 2, 3, 4, 5, 6])
    let some = check.indices([0, 0, 0, 0])
    backend.gatherIndices(all, width: 2, ids: check.indices([2, 0]), into: some)
    #expect(backend.read(some) == [5, 6, 1, 2])
    backend.scatterIndices(some, width: 2, ids: check.indices([1, -1]), into: all)
    #expect(backend.read(all) == [1, 2, 5, 6, 5, 6])
  }

  @Test func `codes of several codebooks are summed, each row as often as its scale says`() {
    let check = CPUCheck()
    // Three codebooks of two entries, in order.
    let table = check.matrix([[1, 0], [2, 0], [0, 10], [0, 20], [100, 100], [200, 200]]).0
    let scale = check.tensor([[1, 0.5, 1, 2, 1, 0.25]])
    let codes = check.indices([0, 1, 1, 1, 0, 0])
    let out = check.backend.makeTensor(rows: 2, columns: 2)
    for (range, expected) in [
      (0..<1, [[1, 0], [1, 0]]), (1..<3, [[50, 90], [100, 110]]),
      (0..<3, [[51, 90], [101, 110]]),
    ] as [(Range<Int>, [[Float]])] {
      check.backend.gatherSum(
        table, entries: 2, scale: scale, codes: codes, width: 3, range: range, into: out)
      #expect(check.rows(out) == expected, "\(range)")
    }
  }

  @Test func `the embeddings of a frame's codes are summed`() {
    let check = CPUCheck()
    let tables = [[[1, 2], [3, 4]], [[10, 20], [30, 40]], [[100, 200], [300, 400]]].map {
      check.matrix($0).0
    }
    let out = check.tensor([[7, 7], [7, 7]])
    check.backend.frameEmbedding(tables, codes: check.indices([0, 1, 0, 1, 0, 1]), into: out)
    #expect(check.rows(out) == [[131, 242], [313, 424]])
  }
}

extension CPUCheck {
  mutating func gathers() {
    for type in [ElementType.float32, .bfloat16, .float16] {
      let (table, stored) = matrix(numbers.rows(9, 37), type)
      let scale = numbers.rows(1, 9)
      let ids = backend.makeIndices(count: 4)
      backend.write([8, -1, 0, 8], to: ids)
      let start = numbers.rows(4, 37)
      let out = tensor(start)
      func row(_ id: Int, _ factor: Double) -> [Double] {
        id < 0 ? [Double](repeating: 0, count: 37) : stored[id].map { $0 * factor }
      }
      backend.gather(table, ids: ids, scale: nil, accumulate: false, into: out)
      expect(out, [8, -1, 0, 8].map { row($0, 1) }, "gather \(type.rawValue)")
      let sum = tensor(start)
      backend.gather(table, ids: ids, scale: tensor(scale), accumulate: true, into: sum)
      expect(
        sum,
        [8, -1, 0, 8].enumerated().map { index, id in
          zip(row(id, id < 0 ? 0 : Double(scale[0][id])), start[index]).map { $0 + Double($1) }
        }, "gather \(type.rawValue) added")
    }
  }
}
