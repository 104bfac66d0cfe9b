// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// A stage of the codec decoder that lengthens.
@Suite struct LatentUpsamplingTests {
  @Test func `a stage is its operations, whole and in pieces`() async {
    await #expect(processExitsWith: .success) {
      try CPUCheck.onEveryInstructionSet { check in
        try check.latentUpsampling(channels: 12, stride: 2, rows: 9)
        try check.latentUpsampling(channels: 33, stride: 3, rows: 20)
      }
    }
  }
}

extension CPUCheck {
  /// Against the definitions of its operations.
  mutating func latentUpsampling(channels: Int, stride: Int, rows count: Int) throws {
    let weights = RandomWeights()
    let stage = try LatentUpsampling(
      reading: weights, channels: channels, stride: stride, on: backend)
    func stored(_ name: String, _ shape: [Int]) -> [Double] {
      weights.tensor(name, shape).floats().map(Double.init)
    }
    func stored(_ name: String, _ rows: Int, _ columns: Int) -> [[Double]] {
      let values = stored(name, [rows, columns])
      return (0..<rows).map { Array(values[$0 * columns..<($0 + 1) * columns]) }
    }
    let x = numbers.rows(count, channels)
    let longer = Definitions.transposedConvolution(
      Self.wide(x), before: nil, stored("0.conv.weight", channels, channels * stride),
      bias: stored("0.conv.bias", [channels]), stride: stride)
    let silence = [[Double]](repeating: [Double](repeating: 0, count: channels), count: 6)
    let normed = Definitions.layerNorm(
      Definitions.depthwise(
        silence + longer, weight: stored("1.dwconv.conv.weight", channels, 7),
        bias: stored("1.dwconv.conv.bias", [channels])),
      weight: stored("1.norm.weight", [channels]), bias: stored("1.norm.bias", [channels]),
      epsilon: 1e-6)
    let wide = Definitions.linear(
      normed, stored("1.pwconv1.weight", 4 * channels, channels),
      bias: stored("1.pwconv1.bias", [4 * channels])
    ).map { $0.map(Definitions.gelu) }
    let narrow = Definitions.linear(
      wide, stored("1.pwconv2.weight", channels, 4 * channels),
      bias: stored("1.pwconv2.bias", [channels]))
    let gamma = stored("1.gamma", [channels])
    let reference = longer.indices.map { row in
      (0..<channels).map { longer[row][$0] + gamma[$0] * narrow[row][$0] }
    }
    for cut in [count, 1, count / 2 + 1] {
      let history = backend.makeTensor(rows: 6, columns: channels)
      let out = backend.makeTensor(rows: count * stride, columns: channels)
      for piece in [0..<cut, cut..<count] where !piece.isEmpty {
        let steps = piece.lowerBound * stride..<piece.upperBound * stride
        backend.latentUpsampling(
          tensor(Array(x[piece])), stage, history: history,
          inner: backend.makeTensor(rows: steps.count, columns: channels),
          wide: backend.makeTensor(rows: steps.count, columns: 4 * channels),
          into: out.rows(steps))
      }
      expect(out, reference, "upsampling of \(channels) channels, cut at \(cut)", within: 1e-4)
    }
  }
}
