// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Gated units.
@Suite struct SwiGLUTests {
  @Test func `units agree with their definition`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for (rows, columns) in [(1, 1), (1, 31), (3, 128), (7, 200), (200, 1536)] {
          check.swiGLU(rows, columns)
        }
      }
    }
  }

  @Test func `units after a norm and a product are the three, one after the other`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        check.rmsNormSwiGLU(3, 40, 19)
      }
    }
  }
}

extension CPUCheck {
  mutating func swiGLU(_ count: Int, _ columns: Int) {
    let x = numbers.rows(count, 2 * columns, in: -20...20)
    let out = backend.makeTensor(rows: count, columns: columns)
    backend.swiGLU(tensor(x), into: out)
    expect(out, Definitions.swiGLU(Self.wide(x)), "swiGLU \(columns)")
  }

  /// Against its three operations.
  mutating func rmsNormSwiGLU(_ m: Int, _ k: Int, _ n: Int) {
    let x = tensor(numbers.rows(m, k))
    let norm = tensor(numbers.rows(1, k))
    let gateUp = matrix(numbers.rows(2 * n, k)).0
    func made(_ columns: Int) -> CPUTensor { backend.makeTensor(rows: m, columns: columns) }
    let (out, expected, normed, wide) = (made(n), made(n), made(k), made(2 * n))
    backend.rmsNormSwiGLU(
      x, norm: norm, epsilon: 1e-5, gateUp: gateUp, scratch: made(k), wide: made(2 * n), into: out)
    backend.rmsNorm(x, weight: norm, epsilon: 1e-5, into: normed)
    backend.linear(normed, gateUp, bias: nil, into: wide)
    backend.swiGLU(wide, into: expected)
    #expect(rows(out) == rows(expected))
  }
}
