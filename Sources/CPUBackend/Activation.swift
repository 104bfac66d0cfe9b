// SPDX-License-Identifier: MIT

package import SpeechModel

import CCPUKernels

extension CPUBackend {
  package func silu(_ x: CPUTensor) { qt_silu(x.base, x.count) }

  package func gelu(_ x: CPUTensor) { qt_gelu(x.base, x.count) }

  package func clamp(_ x: CPUTensor) { qt_clamp(x.base, x.count) }

  package func activate(_ x: CPUTensor, _ function: Activation, into out: CPUTensor) {
    precondition(x.count == out.count, "an activation keeps the size")
    // One loop a function: the choice is made once, not for every number. The codec encoder has
    // seven million numbers a second for ELU, so that one is by hand.
    switch function {
    case .relu: for index in 0..<x.count { out.base[index] = max(x.base[index], 0) }
    case .elu: elu(x, into: out)
    case .sigmoid, .tanh:
      for index in 0..<x.count { out.base[index] = function(x.base[index]) }
    }
  }

  private func elu(_ x: CPUTensor, into out: CPUTensor) {
    let lanes = Lanes.scalarCount
    var index = 0
    while index + lanes <= x.count {
      let value = UnsafeRawPointer(x.base + index).loadUnaligned(as: Lanes.self)
      let exponential = exponential(value.replacing(with: 0, where: value .> 0))
      UnsafeMutableRawPointer(out.base + index).storeBytes(
        of: (exponential - 1).replacing(with: value, where: value .> 0), as: Lanes.self)
      index += lanes
    }
    while index < x.count {
      out.base[index] = Activation.elu(x.base[index])
      index += 1
    }
  }

  private typealias Lanes = SIMD16<Float>

  /// `e^x` for x in −87…0, to about 1 ulp; below, `e^−87`.
  ///
  /// `x = n ln 2 + r`: a polynomial in r, times 2ⁿ put together from its bits (Cephes, `expf`).
  @inline(__always)
  private func exponential(_ x: Lanes) -> Lanes {
    let x = x.replacing(with: -87, where: x .< -87)
    // Adding 1.5 · 2²³ rounds to a whole number and leaves it in the low bits.
    let shifted = x * 1.442_695_04 + 12_582_912
    let n = shifted - 12_582_912
    let r = x - n * 0.693_359_375 + n * 2.121_944_40e-4
    var p = r * 1.987_569_150_0e-4 + 1.398_199_950_7e-3
    p = p * r + 8.333_451_907_3e-3
    p = p * r + 4.166_579_589_4e-2
    p = p * r + 1.666_666_545_9e-1
    p = p * r + 5.000_000_120_1e-1
    p = p * (r * r) + r + 1
    let whole = unsafeBitCast(shifted, to: SIMD16<Int32>.self) &- 0x4B40_0000
    return p * unsafeBitCast((whole &+ 127) &<< 23, to: Lanes.self)
  }
}
