// SPDX-License-Identifier: MIT

import CPUBackend
import ModelFiles
import SpeechModel
import Testing

/// Convolutions over what has been heard.
@Suite struct CausalConvolutionTests {
  @Test func `convolutions agree with their definition, whole and in pieces`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for (kernel, dilation) in [(1, 1), (3, 1), (7, 1), (7, 3), (7, 9)] {
          check.convolution(inputs: 13, outputs: 21, kernel: kernel, dilation: dilation, rows: 150)
        }
        // More weights of an output than are packed at once, in one kernel or in many inputs.
        for type in [ElementType.float32, .bfloat16, .float16] {
          check.convolution(inputs: 70, outputs: 33, kernel: 7, dilation: 2, rows: 9, type)
          check.convolution(inputs: 2, outputs: 1, kernel: 300, dilation: 1, rows: 5, type)
        }
      }
    }
  }

  @Test func `a Snake before a convolution is both, one after the other`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        check.snakeConvolution(inputs: 13, outputs: 5, kernel: 7, dilation: 3, rows: 20)
      }
    }
  }

  @Test(arguments: [1, 2, 5]) func `a strided convolution is one over rows of its stride`(
    _ stride: Int
  ) {
    let backend = CPUBackend()
    let (inputs, outputs, rows) = (3, 4, 6)
    let kernel = 2 * stride
    func number(_ index: Int) -> Float { Float((index * 37) % 19 - 9) / 8 }
    let stored = (0..<outputs * inputs * kernel).map(number)
    let x = (0..<rows * stride * inputs).map { number($0 + 5) }
    let weight = backend.loadWeight(
      [
        HostTensor(name: "w", shape: [outputs, inputs, kernel], values: stored)
          .packedStrides(stride)
      ], as: .stored)
    let source = backend.makeTensor(rows: rows, columns: stride * inputs)
    backend.write(x, to: source)
    let out = backend.makeTensor(rows: rows, columns: outputs)
    backend.causalConvolution(
      source, history: backend.makeTensor(rows: 1, columns: stride * inputs), weight: weight,
      bias: backend.makeTensor(rows: 1, columns: outputs), kernel: 2, dilation: 1, into: out)
    var expected: [Float] = []
    for row in 0..<rows {
      for output in 0..<outputs {
        var sum: Float = 0
        for tap in 0..<kernel {
          // Left padding of kernel − stride, which is one stride of zeros.
          let time = row * stride + tap - stride
          guard time >= 0 else { continue }
          for input in 0..<inputs {
            sum += stored[(output * inputs + input) * kernel + tap] * x[time * inputs + input]
          }
        }
        expected.append(sum)
      }
    }
    #expect(zip(backend.read(out), expected).allSatisfy { abs($0 - $1) < 1e-4 })
  }
}

extension CPUCheck {
  mutating func convolution(
    inputs: Int, outputs: Int, kernel: Int, dilation: Int, rows count: Int,
    _ type: ElementType = .float32
  ) {
    let history = numbers.rows((kernel - 1) * dilation, inputs)
    let x = numbers.rows(count, inputs)
    let (weight, stored) = matrix(numbers.rows(outputs, inputs * kernel), type)
    let bias = numbers.rows(1, outputs)
    let reference = Definitions.convolution(
      Self.wide(history + x), stored, bias: Self.wide(bias)[0], kernel: kernel, dilation: dilation)
    let name = "convolution \(inputs)·\(kernel) by \(dilation) \(type.rawValue)"
    var bits: [[[Float]]] = []
    for cut in [count, 1, count / 2 + 1] {
      let memory = backend.makeTensor(rows: history.count, columns: inputs)
      backend.write(Array(history.joined()), to: memory)
      let out = backend.makeTensor(rows: count, columns: outputs)
      for piece in [0..<cut, cut..<count] where !piece.isEmpty {
        backend.causalConvolution(
          tensor(Array(x[piece])), history: memory, weight: weight, bias: tensor(bias),
          kernel: kernel, dilation: dilation, into: out.rows(piece))
      }
      expect(out, reference, name)
      bits.append(rows(out))
    }
    #expect(bits.allSatisfy { $0 == bits[0] }, "\(name): pieces have the same bits")
  }

  /// Against its two operations, history included.
  mutating func snakeConvolution(
    inputs: Int, outputs: Int, kernel: Int, dilation: Int, rows count: Int
  ) {
    let past = numbers.rows((kernel - 1) * dilation, inputs)
    let x = tensor(numbers.rows(count, inputs, in: -5...5))
    let snake = SnakeWeights(
      alpha: tensor(numbers.rows(1, inputs, in: 0.1...3)),
      inverseBeta: tensor(numbers.rows(1, inputs)))
    let weight = matrix(numbers.rows(outputs, inputs * kernel)).0
    let bias = tensor(numbers.rows(1, outputs))
    let (history, expectedHistory) = (tensor(past), tensor(past))
    let scratch = backend.makeTensor(rows: count, columns: inputs)
    let waves = backend.makeTensor(rows: count, columns: inputs)
    let (out, expected) = (
      backend.makeTensor(rows: count, columns: outputs),
      backend.makeTensor(rows: count, columns: outputs)
    )
    backend.snakeConvolution(
      x, snake, history: history, weight: weight, bias: bias, kernel: kernel, dilation: dilation,
      scratch: scratch, into: out)
    backend.snake(x, snake, into: waves)
    backend.causalConvolution(
      waves, history: expectedHistory, weight: weight, bias: bias, kernel: kernel,
      dilation: dilation, into: expected)
    #expect(rows(out) == rows(expected))
    #expect(rows(history) == rows(expectedHistory))
  }
}
