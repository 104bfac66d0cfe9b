// SPDX-License-Identifier: MIT

/// Part of a product that one block makes: a kernel of `Product.cu`.
struct ProductTile: Equatable {
  /// Rows of the weight.
  let columns: Int
  /// Rows of x.
  let rows: Int

  static let all = [
    ProductTile(columns: 64, rows: 8), ProductTile(columns: 32, rows: 32),
    ProductTile(columns: 32, rows: 48), ProductTile(columns: 64, rows: 64),
  ]

  /// Whether there is a kernel for a weight of so many parts.
  func exists(parts: Int) -> Bool { rows != 48 || parts == 1 }

  func kernel(parts: Int) -> String { "gemm_\(columns)x\(rows)_\(parts == 1 ? "bf16" : "split")" }

  /// Bytes of shared memory for a chunk of 64 numbers of k.
  func stageBytes(parts: Int) -> Int { 128 * (columns * parts + 2 * rows) }

  /// Shared memory a block asks for; `multiply` derives its number of stages alike.
  func sharedBytes(parts: Int, architecture: Int) -> Int {
    let room = (architecture == 90 || architecture == 100 ? 112 : 96) << 10
    return min(6, room / stageBytes(parts: parts)) * stageBytes(parts: parts)
  }
}

/// How a product is cut into blocks.
struct ProductPlan: Equatable {
  let tile: ProductTile
  /// Tiles along the outputs, tiles along the rows, shares of k.
  let grid: (x: Int, y: Int, z: Int)

  static func == (a: ProductPlan, b: ProductPlan) -> Bool { a.tile == b.tile && a.grid == b.grid }

  /// The cut whose estimated time is the shortest.
  ///
  /// - Parameters:
  ///   - n: Outputs; with `gated` there are twice as many rows of the weight.
  ///   - room: Numbers that shares may take, and tiles that may be counted.
  init(
    m: Int, n: Int, k: Int, parts: Int, gated: Bool, processors: Int,
    room: (shares: Int, tiles: Int)
  ) {
    let chunks = (k + 63) / 64
    var best: (time: Double, tile: ProductTile, x: Int, y: Int, z: Int)?
    for tile in ProductTile.all where tile.exists(parts: parts) {
      let own = gated ? tile.columns / 2 : tile.columns
      let x = (n + own - 1) / own
      let y = (m + tile.rows - 1) / tile.rows
      // Eight blocks are the most that form a cluster everywhere.
      for z in 1...max(1, min(chunks / 2, 8)) {
        if z > 1, x * y * z * tile.rows * tile.columns > room.shares || x * y > room.tiles { break }
        // Shares of which the last is empty have a smaller twin.
        let share = (chunks + z - 1) / z
        if (chunks + share - 1) / share != z { continue }
        let time = Self.microseconds(
          tile, rows: min(m, tile.rows), blocks: x * y * z, chunks: share, shares: z, parts: parts,
          processors: processors)
        if time < best?.time ?? .infinity { best = (time, tile, x, y, z) }
      }
    }
    guard let best else { preconditionFailure("there is a tile for every product") }
    tile = best.tile
    grid = (best.x, best.y, best.z)
  }

  /// A rough time of the slowest processor: per chunk the longest of arithmetic, reading and latency,
  /// then what it takes to begin, to sum the shares and to end.
  private static func microseconds(
    _ tile: ProductTile, rows: Int, blocks: Int, chunks: Int, shares: Int, parts: Int,
    processors: Int
  ) -> Double {
    let together = Double((blocks + processors - 1) / processors)
    // A processor's tensor cores make 2.2 million multiply-adds a microsecond in this kernel, for
    // two or three products each.
    let arithmetic = Double((parts + 1) * 64 * tile.columns * tile.rows) / 2_200_000
    // Each reads 42 kB a microsecond from the second-level cache when all do.
    let reading = 128 * Double(tile.columns * parts + 2 * rows) / 42_000
    let chunk = max(0.15, max(arithmetic, reading) * together)
    return Double(chunks) * chunk + (shares == 1 ? 0 : 1.5) + 2
  }
}
