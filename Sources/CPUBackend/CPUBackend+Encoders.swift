// SPDX-License-Identifier: MIT

package import SpeechModel

extension CPUBackend {
  package func activate(_ x: CPUTensor, _ function: Activation, into out: CPUTensor) {
    precondition(x.count == out.count, "an activation keeps the size")
    // One loop a function: the choice is made once, not for every number.
    switch function {
    case .relu: map(x, out) { max($0, 0) }
    case .elu: map(x, out) { $0 > 0 ? $0 : Math.expMinusOne($0) }
    case .sigmoid, .tanh: map(x, out) { function($0) }
    }
  }

  @inline(__always)
  private func map(_ x: CPUTensor, _ out: CPUTensor, _ function: (Float) -> Float) {
    for index in 0..<x.count { out.base[index] = function(x.base[index]) }
  }
}
