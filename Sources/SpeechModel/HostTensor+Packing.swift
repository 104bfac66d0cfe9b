// SPDX-License-Identifier: MIT

/// Numbers made in memory.
package final class ArrayStorage<Element: BitwiseCopyable & Sendable>: TensorStorage {
  private let values: [Element]

  package init(_ values: [Element]) { self.values = values }

  package func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // Safety: the array is never changed, so its elements stay where they are.
    let values = values
    return try unsafe body(values.span.bytes)
  }
}

extension HostTensor {
  /// A tensor of numbers made in memory.
  package init(name: String, shape: [Int], values: [Float]) {
    self.init(
      name: name, shape: shape, elementType: .float32, storage: ArrayStorage(values),
      byteRange: 0..<4 * values.count)
  }

  /// Some columns of a matrix, widened to F32; dimensions after the first count as columns.
  package func columns(_ range: Range<Int>) -> HostTensor {
    let width = count / shape[0]
    precondition(range.lowerBound >= 0 && range.upperBound <= width, "columns outside the tensor")
    let rows = (0..<shape[0]).map { row in
      floats(row * width + range.lowerBound..<row * width + range.upperBound)
    }
    return HostTensor(name: name, shape: [shape[0], range.count], values: Array(rows.joined()))
  }

  /// A convolution of kernel `2 · stride` as one of kernel 2 over rows of `stride` time steps.
  ///
  ///     out[o, j · inputs + c, h] = self[o, c, h · stride + j]
  ///
  /// - Precondition: The shape is `[outputs, inputs, 2 · stride]`.
  package func packedStrides(_ stride: Int) -> HostTensor {
    let (outputs, inputs, kernel) = (shape[0], shape[1], 2 * stride)
    precondition(shape[2] == kernel, "the kernel is twice the stride")
    let source = floats()
    var packed = [Float](repeating: 0, count: source.count)
    var index = 0
    for output in 0..<outputs {
      let row = output * inputs * kernel
      for input in 0..<inputs {
        for tap in 0..<kernel {
          let (half, step) = tap.quotientAndRemainder(dividingBy: stride)
          packed[row + (step * inputs + input) * 2 + half] = source[index]
          index += 1
        }
      }
    }
    return HostTensor(name: name, shape: [outputs, stride * inputs, 2], values: packed)
  }
}
