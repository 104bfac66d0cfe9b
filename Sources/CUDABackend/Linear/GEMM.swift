// SPDX-License-Identifier: MIT

import CUDA
import SpeechModel

/// What happens to the sums of a product, in this order: bias, scale, activation, accumulation, snake.
struct GEMMEpilogue {
  /// Twins of the flags in `GEMM.cu`.
  struct Flags: OptionSet {
    let rawValue: Int32
    static let accumulate = Flags(rawValue: 1)
    static let swiGLU = Flags(rawValue: 2)
    static let gelu = Flags(rawValue: 4)
    static let silu = Flags(rawValue: 8)
    static let snake = Flags(rawValue: 16)
    static let gain = Flags(rawValue: 32)
  }

  var bias: CUDATensor?
  var scale: CUDATensor?
  var flags: Flags = []
  /// Where they go, F32.
  var out: CUDATensor?
  /// Where they go as split rows, after a snake when there is one.
  var split: SplitRows?
  var snake: SnakeWeights<CUDATensor>?
  /// The norm that follows: `split` gets the sums times its weight.
  var gain: (weight: CUDATensor, norm: GEMMNorm)?
}

/// What is left of an RMSNorm for the product after it: of each row the sums of the squares of 32 columns
/// each, `[rows, columns / 32]`, by the root of whose mean that product divides.
struct GEMMNorm {
  let squares: CUDATensor
  let epsilon: Float

  /// Twin of `SQUARE_COLUMNS` of `GEMM.cu`.
  static var columns: Int { 32 }
}

/// The state of a convolution that the previous kernel has read: it becomes the last rows of itself
/// followed by `x`.
struct StateUpdate {
  /// F32, or split rows as the state is.
  let x: CUDATensor
  let state: CUDABackend.History
}

extension CUDABackend {
  /// `x`, after `history`, times a weight that has a layout for it. The last tap sees the row itself.
  ///
  /// - Parameters:
  ///   - norm: By what the rows of `x` are still to be divided.
  ///   - update: A state that spare blocks of the kernel update.
  func gemm(
    _ x: SplitRows, history: History? = nil, dilation: Int = 1, _ weight: CUDAMatrix,
    after norm: GEMMNorm? = nil, updating update: StateUpdate? = nil, _ epilogue: GEMMEpilogue
  ) throws(CUDAError) {
    guard let layout = weight.gemmLayout else { preconditionFailure("a weight for GEMM.cu") }
    let swiGLU = epilogue.flags.contains(.swiGLU)
    let (m, k) = (x.rows, layout.k)
    let n = swiGLU ? layout.outputs / 2 : layout.outputs
    let channels = epilogue.split?.columns ?? epilogue.bias?.count ?? n
    precondition(x.columns == layout.inputs && n % channels == 0 && channels % 2 == 0)
    precondition((history?.rows ?? 0) == (layout.taps - 1) * dilation)
    precondition(epilogue.out.map { $0.count == m * n } ?? true, "as many sums as there is room")
    precondition(epilogue.split.map { $0.rows * $0.columns == m * n } ?? true)
    let planes = weight.isSplit ? 2 : 1
    let room = (partials.count, arrivals.count)
    let splits =
      independentRows
      ? GEMMPlan.splits(
        layout, planes: planes, swiGLU: swiGLU, architecture: context.architecture, room: room)
      : nil
    let stateColumns = update?.state.columns ?? 0
    // One map serves both: all states are those of the same frames.
    let streams = history?.frames == nil ? update?.state : history
    var flags = epilogue.flags
    if epilogue.snake != nil { flags.insert(.snake) }
    if epilogue.gain != nil { flags.insert(.gain) }
    precondition(norm.map { $0.squares.count >= m * x.columns / GEMMNorm.columns } ?? true)
    precondition(history?.frames == nil || m % Int(history?.frameCount ?? 1) == 0)
    let goesInTurns = splits.map { $0 > 1 && !context.architecture.hasClusters } ?? false
    for start in stride(from: 0, to: m, by: goesInTurns ? GEMMPlan.rowsOfTurn : max(m, 1)) {
      let rows = goesInTurns ? min(GEMMPlan.rowsOfTurn, m - start) : m
      let update = start == 0 ? update : nil
      let stateColumns = start == 0 ? stateColumns : 0
      // Both F32 and split rows have four bytes a number.
      let own = UInt64(4 * start * n)
      let plan = GEMMPlan(
        m: rows, n: n, k: k, planes: planes, swiGLU: swiGLU,
        processors: context.multiprocessorCount, architecture: context.architecture, room: room,
        splits: splits)
      let alpha = epilogue.snake?.alpha.address ?? epilogue.gain?.weight.address ?? 0
      let (source, past) = (x.address + UInt64(4 * start * x.columns), history?.address ?? 0)
      let out = epilogue.out.map { $0.address + own } ?? 0
      let split = epilogue.split.map { $0.address + own } ?? 0
      let stateTime = update.map { $0.state.frameRows($0.x) } ?? 0
      guard independentRows else {
        precondition(streams?.frames == nil && norm == nil && epilogue.gain == nil)
        let stateBlocks = (stateColumns + plan.tile.threads - 1) / plan.tile.threads
        try launch(
          plan.kernel, grid: CUDAGrid(plan.grid.x + stateBlocks, plan.grid.y, plan.grid.z),
          block: plan.tile.threads, sharedBytes: plan.sharedBytes,
          clusterDepth: plan.clusterDepth,
          source, past, weight.address, epilogue.bias?.address ?? 0,
          epilogue.scale?.address ?? 0, alpha, epilogue.snake?.inverseBeta.address ?? 0, out,
          split, partials.address, arrivals.address, Int32(rows), Int32(n), Int32(k),
          Int32(layout.inputs), Int32(dilation), Int32(history?.rows ?? 0), Int32(channels),
          flags.rawValue, update?.x.address ?? 0, update?.state.address ?? 0, stateTime,
          Int32(update?.state.rows ?? 0), Int32(stateColumns))
        continue
      }
      let stateBlocks = plan.stateBlocks(
        columns: stateColumns, streams: update?.state.frames?.count)
      try launch(
        plan.kernel, grid: CUDAGrid(plan.grid.x + stateBlocks, plan.grid.y, plan.grid.z),
        block: plan.tile.threads, sharedBytes: plan.sharedBytes, clusterDepth: plan.clusterDepth,
        source, past, weight.address, epilogue.bias?.address ?? 0,
        epilogue.scale?.address ?? 0, alpha, epilogue.snake?.inverseBeta.address ?? 0, out,
        split, partials.address, arrivals.address, Int32(rows), Int32(n), Int32(k),
        Int32(layout.inputs), Int32(dilation), Int32(history?.rows ?? 0), Int32(channels),
        flags.rawValue, update?.x.address ?? 0, update?.state.address ?? 0, stateTime,
        Int32(update?.state.rows ?? 0), Int32(stateColumns), streams?.map ?? 0,
        Int32(rows) / (streams?.frameCount ?? 1), streams?.frameCount ?? 0,
        streams?.slotStride ?? 0, norm?.squares.address ?? 0,
        epilogue.gain?.norm.squares.address ?? 0, norm?.epsilon ?? 0)
    }
  }
}
