// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Rows moved to mean 0 and scaled to deviation 1.
@Suite struct LayerNormTests {
  @Test func `rows agree with their definition, in place too`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for (rows, columns) in [(1, 1), (1, 31), (3, 128), (7, 200), (200, 1536)] {
          check.layerNorm(rows, columns)
        }
      }
    }
  }
}

extension CPUCheck {
  mutating func layerNorm(_ count: Int, _ columns: Int) {
    let x = numbers.rows(count, columns, in: -3...3)
    let (weight, bias) = (numbers.rows(1, columns), numbers.rows(1, columns))
    let expected = Definitions.layerNorm(
      Self.wide(x), weight: Self.wide(weight)[0], bias: Self.wide(bias)[0], epsilon: 1e-3)
    let out = backend.makeTensor(rows: count, columns: columns)
    backend.layerNorm(
      tensor(x), weight: tensor(weight), bias: tensor(bias), epsilon: 1e-3, into: out)
    expect(out, expected, "layerNorm \(columns)")
    let own = tensor(x)
    backend.layerNorm(own, weight: tensor(weight), bias: tensor(bias), epsilon: 1e-3, into: own)
    #expect(rows(own) == rows(out), "in place")
  }
}
