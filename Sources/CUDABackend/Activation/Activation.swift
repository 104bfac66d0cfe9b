// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  package func silu(_ x: CUDATensor) throws(CUDAError) {
    try launch("silu", over: x.count, x.address, x.count)
  }

  package func gelu(_ x: CUDATensor) throws(CUDAError) {
    try launch("gelu", over: x.count, x.address, x.count)
  }

  package func clamp(_ x: CUDATensor) throws(CUDAError) {
    try launch("clamp_unit", over: x.count, x.address, x.count)
  }

  package func activate(
    _ x: CUDATensor, _ function: Activation, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(x.count == out.count, "an activation keeps the size")
    try launch("activate", over: x.count, x.address, out.address, x.count, Self.code(of: function))
  }

  /// Twins of the names in `Activation.cu`.
  private static func code(of function: Activation) -> Int32 {
    switch function {
    case .relu: 0
    case .elu: 1
    case .sigmoid: 2
    case .tanh: 3
    }
  }
}
