// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// The encoders' operations on values worked out by hand.
@Suite struct EncoderOperationTests {
  let backend = CPUBackend()

  /// A matrix of given rows.
  func matrix(_ rows: [[Float]]) -> CPUTensor {
    let tensor = backend.makeTensor(rows: rows.count, columns: rows[0].count)
    backend.write(Array(rows.joined()), to: tensor)
    return tensor
  }

  @Test func `the largest of equal entries is the first`() {
    let scores = matrix([[1, 3, 3, 2], [0, 0, 0, 0], [-5, -4, -3, -3], [-.infinity, -1, 0, 7]])
    let picks = backend.makeIndices(count: 8)
    backend.write([Int32](repeating: -1, count: 8), to: picks)
    backend.argmax(scores, into: picks.strided(from: 1, count: 4, by: 2))
    #expect(backend.read(picks) == [-1, 1, -1, 0, -1, 2, -1, 3])
  }

  @Test func `scaled rows are added per column`() {
    let out = matrix([[1, 2], [3, 4]])
    backend.addScaled(matrix([[10, 20], [30, 40]]), scale: matrix([[0.5, -1]]), into: out)
    #expect(backend.read(out) == [6, -18, 18, -36])
  }

  @Test func `pooling without scores is the mean and the deviation over the rows`() {
    let out = backend.makeTensor(rows: 1, columns: 4)
    backend.statisticsPooling(matrix([[1, 5], [3, 5], [5, 5], [7, 5]]), scores: nil, into: out)
    let expected: [Float] = [4, 5, Float(5).squareRoot(), 1e-6]
    #expect(zip(backend.read(out), expected).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func `pooling weighs by the softmax of the scores, however large`() {
    let x = matrix([[1, 1], [2, 2], [4, 4]])
    // The first column's weights are 1/4, 1/4, 1/2; the second's all on the last row.
    let log2 = Math.log(2 as Float)
    let scores = matrix([[100, -3000], [100, -2000], [100 + log2, 3000]])
    let out = backend.makeTensor(rows: 1, columns: 4)
    backend.statisticsPooling(x, scores: scores, into: out)
    let variance = Float(0.25 * 1.75 * 1.75 + 0.25 * 0.75 * 0.75 + 0.5 * 1.25 * 1.25)
    let expected: [Float] = [2.75, 4, variance.squareRoot(), 1e-6]
    #expect(zip(backend.read(out), expected).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test(arguments: [1, 2, 5]) func `a strided convolution is one over rows of its stride`(
    _ stride: Int
  ) {
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
