// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Functions of one number.
@Suite struct ActivationTests {
  @Test func `functions agree with their definition`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for (rows, columns) in [(1, 1), (1, 31), (3, 128), (7, 200), (200, 1536)] {
          check.activations(rows, columns)
        }
      }
    }
  }
}

extension CPUCheck {
  mutating func activations(_ count: Int, _ columns: Int) {
    let x = numbers.rows(count, columns, in: -20...20)
    let (silu, gelu, clamped) = (tensor(x), tensor(x), tensor(x))
    backend.silu(silu)
    expect(silu, Self.wide(x).map { $0.map(Definitions.silu) }, "silu \(columns)")
    backend.gelu(gelu)
    expect(gelu, Self.wide(x).map { $0.map(Definitions.gelu) }, "gelu \(columns)")
    backend.clamp(clamped)
    #expect(rows(clamped) == x.map { $0.map { min(max($0, -1), 1) } }, "clamp \(columns)")
    for function in Activation.allCases {
      let out = backend.makeTensor(rows: count, columns: columns)
      backend.activate(tensor(x), function, into: out)
      expect(
        out, Self.wide(x).map { $0.map { Definitions.activation(function, $0) } },
        "\(function) \(columns)")
    }
  }
}
