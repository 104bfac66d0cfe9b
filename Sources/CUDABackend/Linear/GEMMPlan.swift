// SPDX-License-Identifier: MIT

package import CUDA

/// The tile of a product that one block computes: a kernel of `GEMM.cu`.
package struct GEMMTile: Equatable {
  /// Rows of the weight.
  package let columns: Int
  /// Rows of x.
  package let rows: Int

  static let all = [
    GEMMTile(columns: 64, rows: 8), GEMMTile(columns: 32, rows: 32),
    GEMMTile(columns: 32, rows: 48), GEMMTile(columns: 64, rows: 64),
  ]

  /// Whether the products of each pair of halves have an accumulator of their own, `SETS` of `GEMM.cu`;
  /// all such tiles give the same bits.
  package var hasSumsByPart: Bool { columns * rows <= 32 * 48 }

  /// Whether there is a kernel for a weight of so many planes: 1 is bf16, 2 is split.
  func exists(planes: Int) -> Bool { rows != 48 || planes == 1 }

  func kernel(planes: Int) -> String { "gemm_\(columns)x\(rows)_\(planes == 1 ? "bf16" : "split")" }

  /// Bytes of shared memory for a chunk of 64 columns of k.
  func stageBytes(planes: Int) -> Int { 128 * (columns * planes + 2 * rows) }

  /// Shared memory that a block asks for; `gemm` derives its number of stages in the same way.
  func sharedBytes(planes: Int, architecture: Architecture) -> Int {
    let budget = ([90, 100].contains(architecture.number) ? 112 : 96) << 10
    return min(6, budget / stageBytes(planes: planes)) * stageBytes(planes: planes)
  }

  /// Shared memory that each kernel may ask for, by name.
  static func sharedBytesByKernel(architecture: Architecture) -> [String: Int] {
    var bytes: [String: Int] = [:]
    for planes in [1, 2] {
      for tile in all where tile.exists(planes: planes) {
        bytes[tile.kernel(planes: planes)] = tile.sharedBytes(
          planes: planes, architecture: architecture)
      }
    }
    return bytes
  }
}

/// How a product is cut into blocks.
package struct GEMMPlan: Equatable {
  package let tile: GEMMTile
  /// Tiles along the outputs, tiles along the rows, splits of k.
  package let grid: (x: Int, y: Int, z: Int)
  let kernel: String
  let sharedBytes: Int
  /// From sm_90 on the blocks of a tile form a cluster and reduce through shared memory; before it,
  /// through global memory.
  let clusterDepth: Int

  package static func == (a: GEMMPlan, b: GEMMPlan) -> Bool {
    a.kernel == b.kernel && a.grid == b.grid
  }

  /// The cut whose estimated time is the shortest.
  ///
  /// - Parameters:
  ///   - n: Outputs; with `swiGLU` there are twice as many rows of the weight.
  ///   - planes: Of the weight: 1 is bf16, 2 is split.
  ///   - room: Partial sums that fit into memory, and tiles whose arrivals can be counted.
  ///   - splits: Of k; `nil`: the number is chosen, too. When it is given, only tiles are taken that add
  ///     the products of an output in one order.
  package init(
    m: Int, n: Int, k: Int, planes: Int, swiGLU: Bool, processors: Int, architecture: Architecture,
    room: (partials: Int, tiles: Int), splits: Int? = nil
  ) {
    let chunks = (k + 63) / 64
    let needsRoom = splits == nil || !architecture.hasClusters
    var best: (time: Double, tile: GEMMTile, x: Int, y: Int, z: Int)?
    for tile in GEMMTile.all
    where tile.exists(planes: planes) && (splits == nil || tile.hasSumsByPart) {
      let own = swiGLU ? tile.columns / 2 : tile.columns
      let x = (n + own - 1) / own
      let y = (m + tile.rows - 1) / tile.rows
      // Eight blocks are the most that form a cluster everywhere.
      for z in splits.map({ $0...$0 }) ?? 1...max(1, min(chunks / 2, 8)) {
        if z > 1, needsRoom,
          x * y * z * tile.rows * tile.columns > room.partials || x * y > room.tiles
        {
          break
        }
        // Splits of which the last is empty have a smaller twin.
        let perSplit = (chunks + z - 1) / z
        if (chunks + perSplit - 1) / perSplit != z { continue }
        let time = Self.microseconds(
          tile, blocks: x * y * z, chunks: perSplit, splits: z, planes: planes,
          processors: processors)
        if time < best?.time ?? .infinity { best = (time, tile, x, y, z) }
      }
    }
    guard let best else { preconditionFailure("there is a tile for every product") }
    tile = best.tile
    grid = (best.x, best.y, best.z)
    kernel = tile.kernel(planes: planes)
    sharedBytes = tile.sharedBytes(planes: planes, architecture: architecture)
    clusterDepth = architecture.hasClusters ? best.z : 1
  }

  /// Rows that a product with more than one split has at the most where partial sums go through memory
  /// and the number of splits is fixed; more go in turns.
  package static var rowsOfTurn: Int { 256 }

  /// Splits of k for a product of any number of rows, so that the order of its sums does not depend on
  /// that number: those that are best for a usual one.
  ///
  /// - Parameter room: Partial sums that fit into memory, and tiles whose arrivals can be counted.
  package static func splits(
    _ layout: GEMMLayout, planes: Int, swiGLU: Bool, architecture: Architecture,
    room: (partials: Int, tiles: Int)
  ) -> Int {
    let n = swiGLU ? layout.outputs / 2 : layout.outputs
    // Narrow products are the codec's, of some hundred rows a frame. The device is an H100, so that its
    // bits are those of others with clusters.
    let usual = GEMMPlan(
      m: n < 512 ? 512 : 16, n: n, k: layout.k, planes: planes, swiGLU: swiGLU, processors: 132,
      architecture: architecture, room: (.max, .max)
    ).grid.z
    if architecture.hasClusters { return usual }
    // Turns are for products without a history.
    guard layout.taps == 1, n >= 512 else { return 1 }
    let chunks = (layout.k + 63) / 64
    let most = room.partials / ((rowsOfTurn + 64) * (layout.outputs + 64))
    return (1...max(1, min(usual, most))).last { z in
      let perSplit = (chunks + z - 1) / z
      return (chunks + perSplit - 1) / perSplit == z
    } ?? 1
  }

  /// A rough time of the slowest processor: per chunk the longest of arithmetic, reading and latency,
  /// then what it takes to start, to reduce the splits and to end.
  private static func microseconds(
    _ tile: GEMMTile, blocks: Int, chunks: Int, splits: Int, planes: Int, processors: Int
  ) -> Double {
    let together = Double((blocks + processors - 1) / processors)
    // A processor's tensor cores make 2.2 million multiply-adds a microsecond in this kernel, for
    // two or three products each.
    let arithmetic = Double((planes + 1) * 64 * tile.columns * tile.rows) / 2_200_000
    // Each reads 42 kB a microsecond from L2 when all do.
    let reading = 128 * Double(tile.columns * planes + 2 * tile.rows) / 42_000
    let chunk = max(0.15, max(arithmetic, reading) * together)
    return Double(chunks) * chunk + (splits == 1 ? 0 : 1.5) + 2
  }
}
