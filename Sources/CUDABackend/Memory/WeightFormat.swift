// SPDX-License-Identifier: MIT

import SpeechModel

/// The element types that kernels read; each name ends the names of kernels that read it
/// (`KernelTable.h`).
package enum ElementFormat: String, Sendable {
  case f32, bf16, f16

  /// The type in which a tensor is stored.
  init(_ tensor: HostTensor) {
    switch tensor.elementType {
    case .float32: self = .f32
    case .bfloat16: self = .bf16
    case .float16: self = .f16
    case .int32, .int64, .int16, .uint8: preconditionFailure("\(tensor.name) holds integers")
    }
  }
}

/// How a weight stands on the device, which decides what kernels can read it (`LinearPlan`).
package enum WeightFormat: Equatable, Sendable {
  /// `[rows][columns]` as in the checkpoint.
  case stored(ElementFormat)
  /// Two planes of bf16, the high and the low halves of each value; only the kernels for split bf16
  /// read it.
  case split(GEMMLayout)
  /// F32, `[outputs][taps][inputs]`, for products that keep all bits.
  case exact(taps: Int)
}

/// A weight as a product reads it: `[outputs][taps · inputs]`.
package struct GEMMLayout: Equatable, Sendable {
  package let outputs: Int
  package let inputs: Int
  package let taps: Int

  package init(outputs: Int, inputs: Int, taps: Int) {
    (self.outputs, self.inputs, self.taps) = (outputs, inputs, taps)
  }

  /// Products that are summed for an output.
  var k: Int { taps * inputs }
}

extension CUDAMatrix {
  /// The element type for kernels that read a weight of any shape.
  ///
  /// - Precondition: It is not split.
  var element: ElementFormat {
    switch format {
    case .stored(let element): return element
    case .exact: return .f32
    case .split: preconditionFailure("a split weight is read by products only")
    }
  }

  var isSplit: Bool {
    if case .split = format { true } else { false }
  }

  /// The layout for `GEMM.cu`; `nil` when it cannot read the weight.
  var gemmLayout: GEMMLayout? { format.gemmLayout(rows: rows, columns: columns) }
}

extension WeightFormat {
  /// The layout for `GEMM.cu` of a weight of so many rows and columns; `nil` when it cannot read it.
  func gemmLayout(rows: Int, columns: Int) -> GEMMLayout? {
    switch self {
    case .split(let layout): layout
    case .stored(.bf16) where columns % 8 == 0 && rows % 2 == 0:
      GEMMLayout(outputs: rows, inputs: columns, taps: 1)
    case .stored, .exact: nil
    }
  }
}

extension CachePrecision {
  /// Ending of the names of kernels that read or write such a cache.
  var element: ElementFormat {
    switch self {
    case .float32: .f32
    case .bfloat16: .bf16
    }
  }
}
