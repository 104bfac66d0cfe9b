// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// The second half of a transformer layer.
@Suite struct FeedForwardTests {
  @Test func `a layer is its norm, gated units, product and sum`() async {
    await #expect(processExitsWith: .success) {
      CPUCheck.onEveryInstructionSet { check in
        for isScaled in [false, true] { check.feedForward(5, 24, 40, isScaled: isScaled) }
      }
    }
  }
}

extension CPUCheck {
  mutating func feedForward(_ count: Int, _ width: Int, _ inner: Int, isScaled: Bool) {
    let x = numbers.rows(count, width)
    let norm = numbers.rows(1, width)
    let (gateUp, storedGateUp) = matrix(numbers.rows(2 * inner, width))
    let (down, storedDown) = matrix(numbers.rows(width, inner))
    let scale = isScaled ? numbers.rows(1, width) : nil
    let out = tensor(x)
    func made(_ columns: Int) -> CPUTensor { backend.makeTensor(rows: count, columns: columns) }
    backend.feedForward(
      out, norm: tensor(norm), epsilon: 1e-5, gateUp: gateUp, down: down,
      scale: scale.map { tensor($0) }, scratch: made(width), wide: made(2 * inner),
      activated: made(inner))
    let normed = Definitions.rmsNorm(Self.wide(x), weight: Self.wide(norm)[0], epsilon: 1e-5)
    let units = Definitions.swiGLU(Definitions.linear(normed, storedGateUp, bias: nil))
    let added = Definitions.linear(units, storedDown, bias: nil)
    expect(
      out,
      x.indices.map { r in
        (0..<width).map { Double(x[r][$0]) + Double(scale?[0][$0] ?? 1) * added[r][$0] }
      }, "feedForward, \(isScaled ? "scaled" : "as it is")", within: 1e-4)
  }
}
