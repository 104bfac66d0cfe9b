// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// The mean and the deviation of columns.
@Suite struct StatisticsPoolingTests {
  @Test func `pooling without scores is the mean and the deviation over the rows`() {
    let check = CPUCheck()
    let out = check.backend.makeTensor(rows: 1, columns: 4)
    check.backend.statisticsPooling(
      check.tensor([[1, 5], [3, 5], [5, 5], [7, 5]]), scores: nil, into: out)
    let expected: [Float] = [4, 5, Float(5).squareRoot(), 1e-6]
    #expect(zip(check.backend.read(out), expected).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func `pooling weighs by the softmax of the scores, however large`() {
    let check = CPUCheck()
    let x = check.tensor([[1, 1], [2, 2], [4, 4]])
    // The first column's weights are 1/4, 1/4, 1/2; the second's all on the last row.
    let log2 = Math.log(2 as Float)
    let scores = check.tensor([[100, -3000], [100, -2000], [100 + log2, 3000]])
    let out = check.backend.makeTensor(rows: 1, columns: 4)
    check.backend.statisticsPooling(x, scores: scores, into: out)
    let variance = Float(0.25 * 1.75 * 1.75 + 0.25 * 0.75 * 0.75 + 0.5 * 1.25 * 1.25)
    let expected: [Float] = [2.75, 4, variance.squareRoot(), 1e-6]
    #expect(zip(check.backend.read(out), expected).allSatisfy { abs($0 - $1) < 1e-5 })
  }
}
