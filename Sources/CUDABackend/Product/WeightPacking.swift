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
    let packed: PackedWeight
    var stride = 0
    switch layout {
    case .exact(let kernel): return try loadExact(parts, kernel: kernel)
    case .product: packed = PackedWeight(outputs: rows, inputs: columns, taps: 1)
    case .convolution(let kernel):
      packed = PackedWeight(outputs: rows, inputs: columns / kernel, taps: kernel)
    case .transposedConvolution(let step):
      let kernel = parts[0].shape[2]
      packed = PackedWeight(
        outputs: parts[0].shape[1] * step, inputs: rows, taps: kernel / step)
      stride = step
    }
    guard packed.inputs % 8 == 0, packed.outputs % 2 == 0, packed.outputs >= 8,
      layout != .product || type != .bfloat16, parts.allSatisfy({ $0.elementType == type })
    else { return try loadMatrix(parts) }
    try reserveParts(columns: packed.k)
    // The stored bytes go as soon as they are laid out anew.
    let stored = try DeviceMemory(byteCount: rows * columns * type.byteCount, context)
    try upload(parts, to: stored)
    let memory = try allocate(byteCount: 4 * packed.outputs * packed.k)
    try launch(
      "pack_split_\(parts[0].kernelSuffix)", over: packed.outputs * packed.k, stored.address,
      memory.address, Int32(packed.outputs), Int32(packed.inputs), Int32(packed.taps), Int32(stride)
    )
    try stream.synchronize()
    return CUDAMatrix(
      address: memory.address, rows: rows, columns: columns, suffix: "packed", packed: packed)
  }
}
