// SPDX-License-Identifier: MIT

import CPUBackend
import ModelFiles
import SpeechModel
import Testing

/// Products of rows with a weight.
@Suite struct LinearTests {
  @Test func `products agree with their definition`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for (m, k, n) in [
          (1, 1, 1), (1, 257, 19), (3, 64, 33), (5, 100, 8), (70, 48, 130), (2, 15, 7),
        ] {
          for type in [ElementType.float32, .bfloat16, .float16] { check.linear(m, k, n, type) }
        }
      }
    }
  }

  @Test func `a product after a norm is both, one after the other`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        check.rmsNormLinear(3, 40, 19)
      }
    }
  }

  @Test func `stacked weights of several types are multiplied as one`() {
    let check = CPUCheck()
    func part(_ rows: [[Float]], _ type: ElementType) -> HostTensor {
      CPUCheck.stored(rows, type)
    }
    let weight = check.backend.loadWeight(
      [
        part([[1, 2], [3, 4]], .float32), part([[0.5, -1]], .bfloat16),
        part([[8, 0.25]], .float16),
      ],
      as: .product)
    let out = check.backend.makeTensor(rows: 1, columns: 4)
    check.backend.linear(check.tensor([[2, 4]]), weight, bias: nil, into: out)
    #expect(check.rows(out) == [[10, 22, -3, 17]])
  }
}

extension CPUCheck {
  mutating func linear(_ m: Int, _ k: Int, _ n: Int, _ type: ElementType) {
    let x = numbers.rows(m, k)
    let (weight, stored) = matrix(numbers.rows(n, k, in: -0.3...0.3), type)
    let (bias, scale) = (numbers.rows(1, n), numbers.rows(1, n))
    let start = numbers.rows(m, n)
    let name = "linear \(m)×\(k)×\(n) \(type.rawValue)"
    let plain = Definitions.linear(Self.wide(x), stored, bias: nil)
    let biased = Definitions.linear(Self.wide(x), stored, bias: Self.wide(bias)[0])

    let out = tensor(start)
    backend.linear(tensor(x), weight, bias: nil, into: out)
    expect(out, plain, name)
    let alone = backend.makeTensor(rows: 1, columns: n)
    backend.linear(tensor([x[m - 1]]), weight, bias: nil, into: alone)
    #expect(rows(alone)[0] == rows(out)[m - 1], "\(name): a row alone has the same bits")
    let sum = tensor(start)
    backend.linearAdd(tensor(x), weight, bias: tensor(bias), scale: tensor(scale), into: sum)
    expect(
      sum,
      biased.indices.map { r in
        (0..<n).map { Double(start[r][$0]) + Double(scale[0][$0]) * biased[r][$0] }
      }, name + " added")
  }

  /// Against its two operations.
  mutating func rmsNormLinear(_ m: Int, _ k: Int, _ n: Int) {
    let x = tensor(numbers.rows(m, k))
    let norm = tensor(numbers.rows(1, k))
    let weight = matrix(numbers.rows(n, k)).0
    let (scratch, normed) = (
      backend.makeTensor(rows: m, columns: k), backend.makeTensor(rows: m, columns: k)
    )
    let (out, expected) = (
      backend.makeTensor(rows: m, columns: n), backend.makeTensor(rows: m, columns: n)
    )
    backend.rmsNormLinear(
      x, norm: norm, epsilon: 1e-5, weight: weight, scratch: scratch, into: out)
    backend.rmsNorm(x, weight: norm, epsilon: 1e-5, into: normed)
    backend.linear(normed, weight, bias: nil, into: expected)
    #expect(rows(out) == rows(expected))
  }
}
