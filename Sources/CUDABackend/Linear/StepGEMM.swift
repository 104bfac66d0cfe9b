// SPDX-License-Identifier: MIT

package import CUDA

/// How a product of a step of few voices is cut into blocks: a kernel of `StepGEMM.cu`, whose sums are those
/// of `GEMM.cu`.
package struct StepGEMMPlan: Equatable {
  /// Rows of the weight that a block has, and rows of x.
  package let tile: (columns: Int, rows: Int)
  package let grid: CUDAGrid
  let kernel: String
  package let sharedBytes: Int
  /// Of k, in the order of whose sums those of a split are added.
  package let segmentsPerSplit: Int

  package static func == (a: StepGEMMPlan, b: StepGEMMPlan) -> Bool {
    a.kernel == b.kernel && a.grid == b.grid
  }

  /// Warps of a block, each with a segment of k.
  private static var warps: Int { 8 }

  /// Chunks of 64 columns of k whose products are a sum of their own in every kernel for bf16 weights;
  /// `nil` where there are no such segments, and a split is one sum.
  package static func chunksPerSegment(k: Int) -> Int? {
    k % (64 * warps) == 0 ? k / (64 * warps) : nil
  }

  static let tiles = [8, 16, 32].flatMap { rows in
    [16, 32, 48].map { (columns: $0, rows: rows) }
  }

  /// Chunks of x that are in shared memory at once.
  private static func chunksAhead(rows: Int) -> Int { rows == 8 ? 6 : rows == 16 ? 4 : 2 }

  static func kernel(_ tile: (columns: Int, rows: Int)) -> String {
    "gemm_step_\(tile.columns)x\(tile.rows)"
  }

  /// Shared memory that a block may ask for: nearly all of a multiprocessor's.
  package static func mostSharedBytes(_ architecture: Architecture) -> Int {
    switch architecture.number {
    case 90, 100: 224 << 10
    case 80, 87: 160 << 10
    default: 96 << 10
    }
  }

  /// `nil` where `GEMM.cu` has to do it: for more than 64 rows, where k has no eight equal segments of
  /// whole chunks, and where not all blocks fit the device at once.
  ///
  /// - Parameters:
  ///   - n: Outputs; with `swiGLU` there are twice as many rows of the weight.
  ///   - splits: Of k, in which the segments are added up.
  package init?(
    m: Int, n: Int, k: Int, swiGLU: Bool, splits: Int, processors: Int, architecture: Architecture
  ) {
    let warps = Self.warps
    guard m <= 64, let chunks = Self.chunksPerSegment(k: k), warps % splits == 0, n % 16 == 0 else {
      return nil
    }
    let memory = Self.mostSharedBytes(architecture)
    // What all blocks of a multiprocessor read: the weight's rows and those of x, which are twice as wide.
    var best: (bytes: Int, tile: (columns: Int, rows: Int), grid: CUDAGrid, shared: Int)?
    for tile in Self.tiles {
      let own = swiGLU ? tile.columns / 2 : tile.columns
      let xChunks = min(chunks, Self.chunksAhead(rows: tile.rows))
      let shared = 128 * warps * (chunks * tile.columns + xChunks * 2 * tile.rows)
      let grid = CUDAGrid((n + own - 1) / own, (m + tile.rows - 1) / tile.rows)
      let each = (grid.x * grid.y + processors - 1) / processors
      guard each <= 8, each * (shared + 1024) <= memory + 1024 else { continue }
      let bytes = each * 2 * k * (tile.columns + 2 * tile.rows)
      if bytes < best?.bytes ?? .max { best = (bytes, tile, grid, shared) }
    }
    guard let best else { return nil }
    tile = best.tile
    grid = best.grid
    kernel = Self.kernel(best.tile)
    sharedBytes = best.shared
    segmentsPerSplit = warps / splits
  }
}
