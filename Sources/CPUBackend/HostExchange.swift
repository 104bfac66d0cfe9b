// SPDX-License-Identifier: MIT

extension CPUBackend {
  package func write(_ values: [Float], to tensor: CPUTensor) {
    precondition(values.count <= tensor.count, "more values than the tensor holds")
    tensor.base.update(from: values, count: values.count)
  }

  package func write(_ values: [Int32], to indices: CPUIndices) {
    precondition(values.count <= indices.count, "more values than the indices hold")
    for (index, value) in values.enumerated() { indices[index] = value }
  }

  package func read(_ tensor: CPUTensor) -> [Float] {
    Array(UnsafeBufferPointer(start: tensor.base, count: tensor.count))
  }

  package func read(_ indices: CPUIndices) -> [Int32] { indices.values }

  package func clear(_ tensor: CPUTensor) {
    tensor.base.update(repeating: 0, count: tensor.count)
  }

  package func clear(_ indices: CPUIndices) {
    for index in 0..<indices.count { indices[index] = 0 }
  }
}
