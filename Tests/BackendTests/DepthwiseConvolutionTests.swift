// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// A convolution of each channel by itself.
@Suite struct DepthwiseConvolutionTests {
  @Test func `channels agree with their definition, in pieces`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        check.depthwise(channels: 37, kernel: 7, rows: 23)
      }
    }
  }
}

extension CPUCheck {
  mutating func depthwise(channels: Int, kernel: Int, rows count: Int) {
    let history = numbers.rows(kernel - 1, channels)
    let x = numbers.rows(count, channels)
    let (weight, bias) = (numbers.rows(channels, kernel), numbers.rows(1, channels))
    let memory = tensor(history)
    let out = backend.makeTensor(rows: count, columns: channels)
    for piece in [0..<5, 5..<count] {
      backend.depthwiseConvolution(
        tensor(Array(x[piece])), history: memory, weight: tensor(weight), bias: tensor(bias),
        into: out.rows(piece))
    }
    expect(
      out,
      Definitions.depthwise(
        Self.wide(history + x), weight: Self.wide(weight), bias: Self.wide(bias)[0]),
      "depthwise convolution")
  }
}
