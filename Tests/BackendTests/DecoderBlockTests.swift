// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// A block of the codec decoder.
@Suite struct DecoderBlockTests {
  @Test func `a decoder block is its operations, whole and in pieces`() async {
    await #expect(processExitsWith: .success) {
      try CPUCheck.onEveryInstructionSet { check in
        try check.decoderBlock(inputs: 38, stride: 3, rows: 40)
        try check.decoderBlock(inputs: 64, stride: 2, rows: 11)
      }
    }
  }
}

extension CPUCheck {
  /// Against the block's definition, in the backend's own operations one by one.
  mutating func decoderBlock(inputs: Int, stride: Int, rows count: Int) throws {
    let block = try DecoderBlock(
      reading: RandomWeights(), inputs: inputs, stride: stride, on: backend)
    let x = numbers.rows(count, inputs)
    let (channels, longer) = (inputs / 2, count * stride)
    func histories() -> [CPUTensor] {
      block.units.map { backend.makeTensor(rows: 6 * $0.dilation, columns: channels) }
    }

    let (activated, reference) = (tensor(x), backend.makeTensor(rows: longer, columns: channels))
    let inner = backend.makeTensor(rows: longer, columns: channels)
    let scratch = backend.makeTensor(rows: longer, columns: channels)
    backend.snake(activated, block.snake, into: activated)
    backend.transposedConvolution(
      activated, history: backend.makeTensor(rows: 1, columns: inputs),
      weight: block.transposed.weight, bias: block.transposed.bias, stride: stride,
      into: reference)
    for (unit, history) in zip(block.units, histories()) {
      backend.snake(reference, unit.first, into: scratch)
      backend.causalConvolution(
        scratch, history: history, weight: unit.dilated.weight, bias: unit.dilated.bias, kernel: 7,
        dilation: unit.dilation, into: inner)
      backend.snake(inner, unit.second, into: inner)
      backend.linearAdd(
        inner, unit.pointwise.weight, bias: unit.pointwise.bias, scale: nil, into: reference)
    }

    let name = "decoder block of \(channels) channels"
    var bits: [[[Float]]] = []
    for cut in [count, 1, count / 2 + 1] {
      let out = backend.makeTensor(rows: longer, columns: channels)
      let (memory, memories) = (backend.makeTensor(rows: 1, columns: inputs), histories())
      for piece in [0..<cut, cut..<count] where !piece.isEmpty {
        let steps = piece.lowerBound * stride..<piece.upperBound * stride
        backend.decoderBlock(
          tensor(Array(x[piece])), block, history: memory, unitHistories: memories,
          inner: inner.rows(0..<steps.count),
          scratch: (scratch.rows(0..<steps.count), scratch.rows(0..<steps.count)),
          into: out.rows(steps))
      }
      expect(out, Self.wide(rows(reference)), name)
      bits.append(rows(out))
    }
    #expect(bits.allSatisfy { $0 == bits[0] }, "\(name): pieces have the same bits")
  }
}
