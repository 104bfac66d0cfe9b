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

  func kernel(parts: Int) -> String { "product_\(columns)_\(rows)_\(parts)" }

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
      for z in 1...max(1, min(chunks / 2, 16)) {
        if z > 1, x * y * z * tile.rows * tile.columns > room.shares || x * y > room.tiles { break }
        // Shares of which the last is empty have a smaller twin.
        let share = (chunks + z - 1) / z
        if (chunks + share - 1) / share != z { continue }
        let time = Self.microseconds(
          tile, blocks: x * y * z, chunks: share, shares: z, parts: parts, processors: processors)
        if time < best?.time ?? .infinity { best = (time, tile, x, y, z) }
      }
    }
    guard let best else { preconditionFailure("there is a tile for every product") }
    tile = best.tile
    grid = (best.x, best.y, best.z)
  }

  /// A rough time of the slowest processor: per chunk the longest of arithmetic, reading and latency,
  /// then the sum of the shares.
  private static func microseconds(
    _ tile: ProductTile, blocks: Int, chunks: Int, shares: Int, parts: Int, processors: Int
  ) -> Double {
    let together = (blocks + processors - 1) / processors
    // A processor's tensor cores take 2.4 Tflop/s of these products' 2 or 3 multiply-adds.
    let products = parts == 1 ? 2.0 : 3.0
    let arithmetic = 2 * products * 64 * Double(tile.columns * tile.rows) / 2_400_000
    // Each reads 30 kB a microsecond when all do.
    let reading = Double(tile.stageBytes(parts: parts)) / 30_000
    let chunk = max(0.25, max(arithmetic, reading) * Double(together))
    let sum = shares == 1 ? 0 : 1.2 + Double(shares * tile.rows * tile.columns) / 40_000
    return Double(chunks) * chunk + sum + 1
  }
}
