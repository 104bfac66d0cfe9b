// SPDX-License-Identifier: MIT

import CCPUKernels

extension CPUBackend {
  package func linear(
    _ x: CPUTensor, _ weight: CPUMatrix, bias: CPUTensor?, into out: CPUTensor
  ) {
    multiply(x, weight, bias: bias, scale: nil, accumulate: false, into: out)
  }

  package func linearAdd(
    _ x: CPUTensor, _ weight: CPUMatrix, bias: CPUTensor?, scale: CPUTensor?, into out: CPUTensor
  ) {
    multiply(x, weight, bias: bias, scale: scale, accumulate: true, into: out)
  }

  private func multiply(
    _ x: CPUTensor, _ weight: CPUMatrix, bias: CPUTensor?, scale: CPUTensor?, accumulate: Bool,
    into out: CPUTensor
  ) {
    precondition(x.columns == weight.columns && out.columns == weight.rows && x.rows == out.rows)
    var column = 0
    for part in weight.parts {
      qt_linear(
        part.base, part.elementType, Int32(part.rows), Int32(weight.columns), x.base,
        Int32(x.rows), bias.map { UnsafePointer($0.base + column) },
        scale.map { UnsafePointer($0.base + column) }, accumulate, out.base + column,
        Int32(out.columns))
      column += part.rows
    }
  }
}
