// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// A wave added to each channel.
@Suite struct SnakeTests {
  @Test func `channels agree with their definition, in place too`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for (rows, columns) in [(1, 1), (1, 31), (3, 128), (7, 200), (200, 1536)] {
          check.snake(rows, columns)
        }
      }
    }
  }
}

extension CPUCheck {
  mutating func snake(_ count: Int, _ columns: Int) {
    let x = numbers.rows(count, columns, in: -20...20)
    let (alpha, beta) = (numbers.rows(1, columns, in: 0.1...3), numbers.rows(1, columns))
    let weights = SnakeWeights(alpha: tensor(alpha), inverseBeta: tensor(beta))
    let (out, own) = (backend.makeTensor(rows: count, columns: columns), tensor(x))
    backend.snake(tensor(x), weights, into: out)
    expect(
      out,
      Definitions.snake(
        Self.wide(x), alpha: Self.wide(alpha)[0], inverseBeta: Self.wide(beta)[0]),
      "snake \(columns)")
    backend.snake(own, weights, into: own)
    #expect(rows(own) == rows(out), "in place")
  }
}
