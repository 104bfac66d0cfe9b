// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

// The encoders of cloned voices.

extension CUDABackend {
  package func activate(
    _ x: CUDATensor, _ function: Activation, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(x.count == out.count, "an activation keeps the size")
    try launch("activate", over: x.count, x.address, out.address, x.count, Self.code(of: function))
  }

  /// Twins of the names in `Encoders.cu`.
  private static func code(of function: Activation) -> Int32 {
    switch function {
    case .relu: 0
    case .elu: 1
    case .sigmoid: 2
    case .tanh: 3
    }
  }

  package func addScaled(
    _ x: CUDATensor, scale: CUDATensor, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(x.rows == out.rows && x.columns == out.columns && scale.count == x.columns)
    try launch(
      "add_scaled", over: x.count, x.address, scale.address, out.address, x.count,
      Int32(x.columns))
  }

  package func pool(
    _ x: CUDATensor, scores: CUDATensor?, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(out.count == 2 * x.columns, "a mean and a deviation for each column")
    precondition(scores.map { $0.rows == x.rows && $0.columns == x.columns } ?? true)
    try launch(
      "statistics_pooling", grid: CUDAGrid((x.columns + 31) / 32), block: 1024, x.address,
      scores?.address ?? 0, out.address, Int32(x.rows), Int32(x.columns))
  }

  package func largest(_ x: CUDATensor, into out: CUDAIndices) throws(CUDAError) {
    precondition(out.count == x.rows, "a column for each row")
    try launch(
      "argmax", grid: CUDAGrid(x.rows), block: 256, x.address, out.address, Int32(out.stride),
      Int32(x.columns))
  }

  package func melBands(
    _ samples: [Float], _ bank: MelBank<CUDABackend>, scratch: CUDATensor, into out: CUDATensor
  ) throws(CUDAError) {
    let frames = bank.spectrogram.frameCount(samples.count)
    precondition(samples.count >= MelSpectrogram.fewestSamples, "too few samples to reflect")
    precondition(samples.count <= scratch.count && out.rows == frames)
    precondition(out.columns == bank.weights.rows)
    try write(samples, to: scratch)
    try launch(
      "mel_spectrogram", grid: CUDAGrid(frames), block: 256, scratch.address, Int32(samples.count),
      bank.weights.address, bank.firsts.address, Int32(bank.weights.columns),
      Int32(MelSpectrogram.binCount), out.address, Int32(out.columns))
  }
}

// MARK: - Products that keep all bits of F32

/// Part of a product that one block makes: a kernel of `Encoders.cu`.
struct ExactTile: Equatable {
  let rows: Int
  /// Outputs.
  let columns: Int
  /// Share of a processor's multiply-adds that the kernel reaches: wider tiles load less for each.
  let efficiency: Double

  static let all = [
    ExactTile(rows: 128, columns: 64, efficiency: 0.65),
    ExactTile(rows: 128, columns: 32, efficiency: 0.5),
    ExactTile(rows: 64, columns: 64, efficiency: 0.5),
    ExactTile(rows: 64, columns: 32, efficiency: 0.35),
  ]

  var kernel: String { "exact_gemm_\(rows)x\(columns)" }

  /// The tile, and the shares of k, whose estimated time is the shortest.
  ///
  /// - Parameters:
  ///   - room: Numbers that shares may take.
  static func plan(
    m: Int, n: Int, k: Int, processors: Int, room: Int
  ) -> (tile: ExactTile, grid: CUDAGrid) {
    let chunks = (k + 15) / 16
    var best = (time: Double.infinity, tile: all[0], grid: CUDAGrid(1))
    for tile in all {
      let (x, y) = ((n + tile.columns - 1) / tile.columns, (m + tile.rows - 1) / tile.rows)
      // A share is worth a kernel that sums only when it has some chunks.
      for z in 1...max(1, min(chunks / 8, 16)) where z == 1 || m * n * z <= room {
        let share = (chunks + z - 1) / z
        // Shares of which the last is empty have a smaller twin.
        guard (chunks + share - 1) / share == z else { continue }
        // Clock cycles of the busiest processor, which makes 128 multiply-adds in one.
        let own = Double((x * y * z + processors - 1) / processors)
        let product = own * Double(share * 16 * tile.rows * tile.columns) / 128 / tile.efficiency
        let time = product + (z == 1 ? 0 : 4000)
        if time < best.time { best = (time, tile, CUDAGrid(x, y, z)) }
      }
    }
    return (best.tile, best.grid)
  }
}

extension CUDABackend {
  /// A weight as F32 `[outputs][taps][inputs]`.
  func loadExact(_ parts: [HostTensor], kernel: Int) throws(CUDAError) -> CUDAMatrix {
    let rows = parts.reduce(0) { $0 + $1.shape[0] }
    let columns = parts[0].count / parts[0].shape[0]
    let memory = try allocate(byteCount: 4 * rows * columns)
    var address = memory.address
    for part in parts {
      precondition(part.count == part.shape[0] * columns, "parts have one width")
      // The stored bytes go as soon as they are laid out anew.
      let stored = try DeviceMemory(byteCount: part.byteRange.count, context)
      try upload([part], to: stored)
      try launch(
        "pack_taps_\(part.kernelSuffix)", over: part.count, stored.address, address,
        Int32(part.shape[0]), Int32(columns / kernel), Int32(kernel))
      try stream.synchronize()
      address += UInt64(4 * part.count)
    }
    return CUDAMatrix(
      address: memory.address, rows: rows, columns: columns, suffix: "f32", exactTaps: kernel)
  }

  /// `out = scale · (product + bias)`, or `out += …`, of `x` behind `history` and a weight that
  /// `loadExact` laid out.
  func exactProduct(
    _ x: CUDATensor, history: CUDATensor? = nil, dilation: Int = 1, _ weight: CUDAMatrix,
    bias: CUDATensor?, scale: CUDATensor? = nil, accumulate: Bool = false, into out: CUDATensor
  ) throws(CUDAError) {
    let (m, n, k) = (x.rows, weight.rows, weight.columns)
    let (tile, grid) = ExactTile.plan(
      m: m, n: n, k: k, processors: context.multiprocessorCount, room: shares.count)
    try launch(
      tile.kernel, grid: grid, block: 256, x.address, history?.address ?? 0, weight.address,
      bias?.address ?? 0, scale?.address ?? 0, out.address, shares.address, Int32(m), Int32(n),
      Int32(k), Int32(x.columns), Int32(dilation), Int32(history?.rows ?? 0),
      Int32(accumulate ? 1 : 0))
    guard grid.z > 1 else { return }
    try launch(
      "exact_gemm_reduce", over: m * n, shares.address, bias?.address ?? 0, scale?.address ?? 0,
      Int32(accumulate ? 1 : 0), out.address, m * n, Int32(n), Int32(grid.z))
  }
}

extension HostTensor {
  /// Ending of the names of kernels that read numbers stored in this way.
  var kernelSuffix: String {
    switch elementType {
    case .float32: "f32"
    case .bfloat16: "bf16"
    case .float16: "f16"
    case .int32, .int64, .int16, .uint8: preconditionFailure("\(name) holds integers")
    }
  }
}
