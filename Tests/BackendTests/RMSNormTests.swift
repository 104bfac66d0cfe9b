// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Rows scaled by their root mean square.
@Suite struct RMSNormTests {
  @Test func `rows agree with their definition, in place too`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for (rows, columns) in [(1, 1), (1, 31), (3, 128), (7, 200), (200, 1536)] {
          check.rmsNorm(rows, columns)
        }
      }
    }
  }
}

extension CPUCheck {
  mutating func rmsNorm(_ count: Int, _ columns: Int) {
    let x = numbers.rows(count, columns, in: -3...3)
    let weight = numbers.rows(1, columns)
    let expected = Definitions.rmsNorm(
      Self.wide(x), weight: Self.wide(weight)[0], epsilon: 1e-6)
    let out = backend.makeTensor(rows: count, columns: columns)
    backend.rmsNorm(tensor(x), weight: tensor(weight), epsilon: 1e-6, into: out)
    expect(out, expected, "rmsNorm \(columns)")
    let own = tensor(x)
    backend.rmsNorm(own, weight: tensor(weight), epsilon: 1e-6, into: own)
    #expect(rows(own) == rows(out), "in place")
  }
}
