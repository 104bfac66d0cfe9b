// SPDX-License-Identifier: MIT

package import CUDA

/// The tile of a product that one block computes: a kernel of `GEMM.cu`.
package struct GEMMTile: Equatable {
  /// Rows of the weight.
  package let columns: Int
  /// Rows of x.
  package let rows: Int

  static let all = [
    GEMMTile(columns: 64, rows: 8), GEMMTile(columns: 64, rows: 16),
    GEMMTile(columns: 32, rows: 32), GEMMTile(columns: 64, rows: 32),
    GEMMTile(columns: 32, rows: 48), GEMMTile(columns: 64, rows: 48),
    GEMMTile(columns: 64, rows: 64), GEMMTile(columns: 96, rows: 64),
    GEMMTile(columns: 96, rows: 128),
  ]

  /// Those of an engine for one voice, between which `Cut.estimatedMicroseconds` chooses.
  static let forOneVoice = [
    GEMMTile(columns: 64, rows: 8), GEMMTile(columns: 32, rows: 32),
    GEMMTile(columns: 32, rows: 48), GEMMTile(columns: 64, rows: 64),
  ]

  /// The planes of the weights that a tile has kernels for: 1 is bf16, 2 is split.
  private var planes: ClosedRange<Int> {
    switch (columns, rows) {
    case (64, 8), (32, 32), (64, 64): 1...2
    case (96, 128): 2...2
    default: 1...1
    }
  }

  /// Threads of a block.
  package var threads: Int { rows == 128 ? 256 : 128 }

  /// Microseconds on an H100: what a kernel takes besides its chunks, and a chunk of a block that is alone on
  /// its processor, or beside others.
  func cost(planes: Int) -> (start: Double, alone: Double, beside: Double) {
    switch (columns, rows, planes) {
    case (64, 8, 1): (4.0, 0.20, 0.30)
    case (64, 16, _): (4.2, 0.36, 0.45)
    case (32, 32, 1): (4.5, 0.38, 0.58)
    case (64, 32, _): (5.3, 0.50, 0.55)
    case (32, 48, _): (4.8, 0.45, 0.62)
    case (64, 48, _): (5.2, 0.76, 0.82)
    case (64, 64, 1): (6.3, 0.82, 0.95)
    case (96, 64, _): (8.0, 1.15, 1.20)
    case (64, 8, _): (4.0, 0.41, 0.70)
    case (32, 32, _): (4.2, 0.40, 0.60)
    case (64, 64, _): (6.5, 1.00, 1.40)
    default: (8.0, 1.85, 1.95)
    }
  }

  /// Whether there is a kernel for a weight of so many planes whose stages fit the architecture.
  func exists(planes: Int, architecture: Architecture) -> Bool {
    self.planes.contains(planes)
      && stages(planes: planes, architecture: architecture) >= 3
  }

  /// - Parameter many: Whether for an engine with several voices.
  func kernel(planes: Int, many: Bool) -> String {
    "gemm_\(many ? "many_" : "")\(columns)x\(rows)_\(planes == 1 ? "bf16" : "split")"
  }

  /// Bytes of shared memory for a chunk of 64 columns of k.
  func stageBytes(planes: Int) -> Int { 128 * (columns * planes + 2 * rows) }

  /// Shared memory for all stages: two blocks share a multiprocessor, one of 128 rows has it to itself. Twin
  /// of `SHARED_SM_BUDGET` and `WHOLE_SM_BUDGET` of `GEMM.cu`.
  private func stageBudget(_ architecture: Architecture) -> Int {
    switch architecture.number {
    case 90, 100: rows <= 64 ? 112 << 10 : 208 << 10
    case 80, 87: rows <= 64 ? 96 << 10 : 160 << 10
    default: 96 << 10
    }
  }

  private func stages(planes: Int, architecture: Architecture) -> Int {
    min(6, stageBudget(architecture) / stageBytes(planes: planes))
  }

  /// Shared memory that a block asks for; `gemm` derives its number of stages in the same way.
  func sharedBytes(planes: Int, architecture: Architecture) -> Int {
    stages(planes: planes, architecture: architecture) * stageBytes(planes: planes)
  }

  /// Shared memory that each kernel may ask for, by name.
  static func sharedBytesByKernel(architecture: Architecture) -> [String: Int] {
    var bytes: [String: Int] = [:]
    for (planes, many) in [(1, false), (2, false), (1, true), (2, true)] {
      for tile in many ? all : forOneVoice
      where tile.exists(planes: planes, architecture: architecture) {
        bytes[tile.kernel(planes: planes, many: many)] = tile.sharedBytes(
          planes: planes, architecture: architecture)
      }
    }
    for tile in StepGEMMPlan.tiles {
      bytes[StepGEMMPlan.kernel(tile)] = StepGEMMPlan.mostSharedBytes(architecture)
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
  ///   - splits: Of k; `nil`: the number is chosen, too. Only on it does the order depend in which the
  ///     products of an output are added.
  package init(
    m: Int, n: Int, k: Int, planes: Int, swiGLU: Bool, processors: Int, architecture: Architecture,
    room: (partials: Int, tiles: Int), splits: Int? = nil
  ) {
    let chunks = (k + 63) / 64
    let needsRoom = splits == nil || !architecture.hasClusters
    var best: (time: Double, tile: GEMMTile, x: Int, y: Int, z: Int)?
    for tile in splits == nil ? GEMMTile.forOneVoice : GEMMTile.all
    where tile.exists(planes: planes, architecture: architecture) {
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
        let cut = Cut(
          tile: tile, planes: planes, blocks: x * y * z, chunks: perSplit, splits: z,
          processors: processors,
          sharedBytes: tile.sharedBytes(planes: planes, architecture: architecture))
        // A codec's products for one voice were measured with the plans of the estimate.
        let time =
          splits == nil && planes == 2 ? cut.estimatedMicroseconds : cut.measuredMicroseconds
        if time < best?.time ?? .infinity { best = (time, tile, x, y, z) }
      }
    }
    guard let best else { preconditionFailure("there is a tile for every product") }
    tile = best.tile
    grid = (best.x, best.y, best.z)
    kernel = tile.kernel(planes: planes, many: splits != nil)
    sharedBytes = tile.sharedBytes(planes: planes, architecture: architecture)
    clusterDepth = architecture.hasClusters ? best.z : 1
  }

  /// Blocks of a row of the grid that update the states of a convolution, besides those of tiles.
  package func stateBlocks(columns: Int, streams: Int?) -> Int {
    guard columns > 0 else { return 0 }
    let units = (columns + tile.threads - 1) / tile.threads * (streams ?? 1)
    return (units + grid.y - 1) / grid.y
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
    let usual = planes == 1 ? stepSplits(layout) : codecSplits(layout, n: n)
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

  /// Of a product of a step, which has a row a voice: as many as shorten it for 8 to 64 voices. More blocks
  /// than processors are worth it only where each still has some chunks.
  private static func stepSplits(_ layout: GEMMLayout) -> Int {
    let (tiles, chunks) = ((layout.outputs + 63) / 64, (layout.k + 63) / 64)
    return [8, 4, 2].first { z in
      guard chunks % z == 0, chunks / z >= 2 else { return false }
      let (blocks, each) = (tiles * z, chunks / z)
      return blocks <= 132 || each >= 8 && blocks <= 192 || each >= 12 && blocks <= 384
    } ?? 1
  }

  /// Of a product of the codec, of which narrow ones have hundreds of rows a frame: a compromise between a
  /// frame of one voice and the frames of 64.
  private static func codecSplits(_ layout: GEMMLayout, n: Int) -> Int {
    let chunks = (layout.k + 63) / 64
    if 1024..<2048 ~= n, chunks >= 48 { return 4 }
    return 384...1024 ~= n && chunks >= 24 ? 2 : 1
  }
}

/// A way to cut a product, and about how long it takes.
private struct Cut {
  let tile: GEMMTile
  let planes: Int
  let blocks: Int
  /// Of 64 columns, of each block.
  let chunks: Int
  let splits: Int
  let processors: Int
  let sharedBytes: Int

  /// Per chunk of the slowest processor the longest of arithmetic, reading and latency, then what it takes to
  /// start, to reduce the splits and to end.
  var estimatedMicroseconds: Double {
    let together = Double((blocks + processors - 1) / processors)
    // A processor's tensor cores make 2.2 million multiply-adds a microsecond in this kernel, for
    // two or three products each.
    let arithmetic = Double((planes + 1) * 64 * tile.columns * tile.rows) / 2_200_000
    // Each reads 42 kB a microsecond from L2 when all do.
    let reading = 128 * Double(tile.columns * planes + 2 * tile.rows) / 42_000
    let chunk = max(0.15, max(arithmetic, reading) * together)
    return Double(chunks) * chunk + (splits == 1 ? 0 : 1.5) + 2
  }

  /// What a kernel takes to start, to reduce its splits and to end, and for each chunk what its block was
  /// measured to take, alone on a processor or beside others (docs/performance.md).
  var measuredMicroseconds: Double {
    let cost = tile.cost(planes: planes)
    let residents = min(3, max(1, (227 << 10) / (sharedBytes + 1024)))
    // A cluster waits until all its blocks have room.
    let places = Double(processors * residents) * (splits >= 4 ? 0.75 : 1)
    let waves = Double(blocks) / places
    var time = cost.start + (splits > 1 ? 1 : 0)
    if blocks <= processors {
      time += Double(chunks) * cost.alone
    } else if waves <= 1 || splits == 1 && residents > 1 {
      time += Double(chunks) * cost.beside * max(1, waves)
    } else {
      let whole = waves.rounded(.up)
      time += Double(chunks) * cost.beside * whole + (splits > 1 ? 4 * (whole - 1) : 0)
    }
    // Tiles of few rows read the weight many times: 42 kB a microsecond and processor when all read.
    let bytes = blocks * chunks * tile.stageBytes(planes: planes)
    return max(time, cost.start + Double(bytes) / (42_000 * Double(processors)))
  }
}
