// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Convolutions that lengthen.
@Suite struct TransposedConvolutionTests {
  @Test func `they agree with their definition, whole and in pieces`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        check.transposed(inputs: 70, outputs: 18, stride: 8, overlaps: true, rows: 9)
        for stride in [1, 2, 3, 5, 8] {
          check.transposed(inputs: 19, outputs: 11, stride: stride, overlaps: true, rows: 17)
          check.transposed(inputs: 8, outputs: 33, stride: stride, overlaps: false, rows: 5)
        }
      }
    }
  }
}

extension CPUCheck {
  mutating func transposed(inputs: Int, outputs: Int, stride: Int, overlaps: Bool, rows count: Int)
  {
    let before = overlaps ? numbers.rows(1, inputs) : nil
    let x = numbers.rows(count, inputs)
    let (weight, stored) = matrix(numbers.rows(inputs, outputs * stride * (overlaps ? 2 : 1)))
    let bias = numbers.rows(1, outputs)
    let reference = Definitions.transposedConvolution(
      Self.wide(x), before: before.map { Self.wide($0)[0] }, stored, bias: Self.wide(bias)[0],
      stride: stride)
    let name = "transposed convolution \(stride)"
    var bits: [[[Float]]] = []
    for cut in [count, 1, count / 2 + 1] {
      let memory = before.map { tensor($0) }
      let out = backend.makeTensor(rows: count * stride, columns: outputs)
      for piece in [0..<cut, cut..<count] where !piece.isEmpty {
        backend.transposedConvolution(
          tensor(Array(x[piece])), history: memory, weight: weight, bias: tensor(bias),
          stride: stride, into: out.rows(piece.lowerBound * stride..<piece.upperBound * stride))
      }
      expect(out, reference, name)
      bits.append(rows(out))
    }
    #expect(bits.allSatisfy { $0 == bits[0] }, "\(name): pieces have the same bits")
  }
}
