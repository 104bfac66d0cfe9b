// SPDX-License-Identifier: MIT

import CUDA

/// The tile of a product that one block computes: a kernel of `ExactGEMM.cu`.
struct ExactGEMMTile: Equatable {
  let rows: Int
  /// Outputs.
  let columns: Int
  /// Fraction of a processor's multiply-adds that the kernel reaches: wider tiles load less for each.
  let efficiency: Double

  static let all = [
    ExactGEMMTile(rows: 128, columns: 64, efficiency: 0.65),
    ExactGEMMTile(rows: 128, columns: 32, efficiency: 0.5),
    ExactGEMMTile(rows: 64, columns: 64, efficiency: 0.5),
    ExactGEMMTile(rows: 64, columns: 32, efficiency: 0.35),
  ]

  var kernel: String { "exact_gemm_\(rows)x\(columns)" }

  /// The tile, and the splits of k, whose estimated time is the shortest.
  ///
  /// - Parameters:
  ///   - room: Partial sums that fit into memory; with 0, k is in one piece, and a row's sums have one
  ///     order whatever `m` is.
  static func plan(
    m: Int, n: Int, k: Int, processors: Int, room: Int
  ) -> (tile: ExactGEMMTile, grid: CUDAGrid) {
    let chunks = (k + 15) / 16
    var best = (time: Double.infinity, tile: all[0], grid: CUDAGrid(1))
    for tile in all {
      let (x, y) = ((n + tile.columns - 1) / tile.columns, (m + tile.rows - 1) / tile.rows)
      // A split is worth a kernel that reduces only when it has some chunks.
      for z in 1...max(1, min(chunks / 8, 16)) where z == 1 || m * n * z <= room {
        let perSplit = (chunks + z - 1) / z
        // Splits of which the last is empty have a smaller twin.
        guard (chunks + perSplit - 1) / perSplit == z else { continue }
        // Clock cycles of the busiest processor, which makes 128 multiply-adds in one.
        let own = Double((x * y * z + processors - 1) / processors)
        let product = own * Double(perSplit * 16 * tile.rows * tile.columns) / 128 / tile.efficiency
        let time = product + (z == 1 ? 0 : 4000)
        if time < best.time { best = (time, tile, CUDAGrid(x, y, z)) }
      }
    }
    return (best.tile, best.grid)
  }
}

extension CUDABackend {
  /// `out = scale · (product + bias)`, or `out += …`, of `x` after `history` and a weight that
  /// `loadExact` laid out.
  func exactGEMM(
    _ x: CUDATensor, history: CUDATensor? = nil, dilation: Int = 1, _ weight: CUDAMatrix,
    bias: CUDATensor?, scale: CUDATensor? = nil, accumulate: Bool = false, into out: CUDATensor
  ) throws(CUDAError) {
    let (m, n, k) = (x.rows, weight.rows, weight.columns)
    let (tile, grid) = ExactGEMMTile.plan(
      m: m, n: n, k: k, processors: context.multiprocessorCount,
      room: independentRows ? 0 : partials.count)
    try launch(
      tile.kernel, grid: grid, block: 256, x.address, history?.address ?? 0, weight.address,
      bias?.address ?? 0, scale?.address ?? 0, out.address, partials.address, Int32(m), Int32(n),
      Int32(k), Int32(x.columns), Int32(dilation), Int32(history?.rows ?? 0),
      Int32(accumulate ? 1 : 0))
    guard grid.z > 1 else { return }
    try launch(
      "exact_gemm_reduce", over: m * n, partials.address, bias?.address ?? 0, scale?.address ?? 0,
      Int32(accumulate ? 1 : 0), out.address, m * n, Int32(n), Int32(grid.z))
  }
}
