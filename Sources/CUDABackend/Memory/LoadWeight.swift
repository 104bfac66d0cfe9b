// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  package func loadWeight(
    _ parts: [HostTensor], as layout: WeightLayout
  ) throws(CUDAError) -> CUDAMatrix {
    let rows = parts.reduce(0) { $0 + $1.shape[0] }
    let columns = parts[0].count / parts[0].shape[0]
    let type = parts[0].elementType
    let split: GEMMLayout
    var stride = 0
    switch layout {
    case .stored: return try loadStored(parts)
    case .exact(let kernel): return try loadExact(parts, kernel: kernel)
    case .product: split = GEMMLayout(outputs: rows, inputs: columns, taps: 1)
    case .convolution(let kernel):
      split = GEMMLayout(outputs: rows, inputs: columns / kernel, taps: kernel)
    case .transposedConvolution(let step):
      let kernel = parts[0].shape[2]
      split = GEMMLayout(outputs: parts[0].shape[1] * step, inputs: rows, taps: kernel / step)
      stride = step
    }
    guard split.inputs % 8 == 0, split.outputs % 2 == 0, split.outputs >= 8,
      layout != .product || type != .bfloat16, parts.allSatisfy({ $0.elementType == type })
    else { return try loadStored(parts) }
    try reserveSplitScratch(columns: split.k)
    // The stored bytes are freed once they have been packed.
    let stored = try allocate(byteCount: rows * columns * type.byteCount)
    try stored.upload(parts)
    let memory = try allocate(byteCount: 4 * split.outputs * split.k)
    try launch(
      "pack_split_\(ElementFormat(parts[0]))", over: split.outputs * split.k, stored.address,
      memory.address, Int32(split.outputs), Int32(split.inputs), Int32(split.taps), Int32(stride)
    )
    withExtendedLifetime(stored) {}
    return CUDAMatrix(
      memory: memory, address: memory.address, rows: rows, columns: columns, format: .split(split))
  }

  /// A weight as F32 `[outputs][taps][inputs]`.
  func loadExact(_ parts: [HostTensor], kernel: Int) throws(CUDAError) -> CUDAMatrix {
    let rows = parts.reduce(0) { $0 + $1.shape[0] }
    let columns = parts[0].count / parts[0].shape[0]
    let memory = try allocate(byteCount: 4 * rows * columns)
    var address = memory.address
    for part in parts {
      precondition(part.count == part.shape[0] * columns, "parts have one width")
      // The stored bytes are freed once they have been packed.
      let stored = try allocate(byteCount: part.byteRange.count)
      try stored.upload([part])
      try launch(
        "pack_taps_\(ElementFormat(part))", over: part.count, stored.address, address,
        Int32(part.shape[0]), Int32(columns / kernel), Int32(kernel))
      withExtendedLifetime(stored) {}
      address += UInt64(4 * part.count)
    }
    return CUDAMatrix(
      memory: memory, address: memory.address, rows: rows, columns: columns,
      format: .exact(taps: kernel))
  }
}
