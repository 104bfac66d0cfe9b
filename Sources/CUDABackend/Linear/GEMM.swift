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

/// What is left of an RMSNorm for the product after it: of each row the sums of the squares of 16 columns
/// each, `[rows, columns / 32]`, by the root of whose mean that product divides.
struct GEMMNorm {
  let squares: CUDATensor
  let epsilon: Float

  /// Twin of `SQUARE_COLUMNS` of `GEMM.cu`.
  static var columns: Int { 16 }
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
    if let splits, planes == 1, history == nil, update == nil, channels == n,
      epilogue.scale == nil, epilogue.flags.isSubset(of: [.accumulate, .swiGLU]),
      epilogue.snake == nil,
      let plan = StepGEMMPlan(
        m: m, n: n, k: k, swiGLU: swiGLU, splits: splits,
        processors: context.multiprocessorCount, architecture: context.architecture)
    {
      return try step(x, weight, after: norm, epilogue, n: n, plan)
    }
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
      let (source, past) = (x.address + UInt64(4 * start * x.columns), history?.address ?? 0)
      let bias = epilogue.bias?.address ?? 0
      let scale = epilogue.scale?.address ?? 0
      let alpha = epilogue.snake?.alpha.address ?? epilogue.gain?.weight.address ?? 0
      let inverseBeta = epilogue.snake?.inverseBeta.address ?? 0
      let out = epilogue.out.map { $0.address + own } ?? 0
      let split = epilogue.split.map { $0.address + own } ?? 0
      let (updated, state) = (update?.x.address ?? 0, update?.state.address ?? 0)
      let stateTime = update.map { $0.state.frameRows($0.x) } ?? 0
      let (historyRows, stateRows) = (Int32(history?.rows ?? 0), Int32(update?.state.rows ?? 0))
      guard independentRows else {
        precondition(streams?.frames == nil && norm == nil && epilogue.gain == nil)
        let stateBlocks = (stateColumns + plan.tile.threads - 1) / plan.tile.threads
        try launch(
          plan.kernel, grid: CUDAGrid(plan.grid.x + stateBlocks, plan.grid.y, plan.grid.z),
          block: plan.tile.threads, sharedBytes: plan.sharedBytes,
          clusterDepth: plan.clusterDepth,
          source, past, weight.address, bias, scale, alpha, inverseBeta, out, split,
          partials.address, arrivals.address, Int32(rows), Int32(n), Int32(k),
          Int32(layout.inputs), Int32(dilation), historyRows, Int32(channels), flags.rawValue,
          updated, state, stateTime, stateRows, Int32(stateColumns))
        continue
      }
      let stateBlocks = plan.stateBlocks(
        columns: stateColumns, streams: update?.state.frames?.count)
      let frameCount = streams?.frameCount ?? 0
      let frameRows = frameCount == 0 ? Int32(rows) : Int32(rows) / frameCount
      let (frames, slotStride) = (streams?.map ?? 0, streams?.slotStride ?? 0)
      let (squares, epsilon) = (norm?.squares.address ?? 0, norm?.epsilon ?? 0)
      let outSquares = epilogue.gain?.norm.squares.address ?? 0
      let segment = Int32(StepGEMMPlan.chunksPerSegment(k: k) ?? Int(Int32.max))
      try launch(
        plan.kernel, grid: CUDAGrid(plan.grid.x + stateBlocks, plan.grid.y, plan.grid.z),
        block: plan.tile.threads, sharedBytes: plan.sharedBytes, clusterDepth: plan.clusterDepth,
        source, past, weight.address, bias, scale, alpha, inverseBeta, out, split,
        partials.address, arrivals.address, Int32(rows), Int32(n), Int32(k),
        Int32(layout.inputs), Int32(dilation), historyRows, Int32(channels), flags.rawValue,
        updated, state, stateTime, stateRows, Int32(stateColumns), frames, frameRows, frameCount,
        slotStride, squares, outSquares, epsilon, segment)
    }
  }

  /// A product of a step of few voices.
  private func step(
    _ x: SplitRows, _ weight: CUDAMatrix, after norm: GEMMNorm?, _ epilogue: GEMMEpilogue, n: Int,
    _ plan: StepGEMMPlan
  ) throws(CUDAError) {
    var flags = epilogue.flags
    if epilogue.gain != nil { flags.insert(.gain) }
    try launch(
      plan.kernel, grid: plan.grid, block: 256, sharedBytes: plan.sharedBytes,
      x.address, weight.address, epilogue.bias?.address ?? 0, epilogue.gain?.weight.address ?? 0,
      norm?.squares.address ?? 0, epilogue.out?.address ?? 0, epilogue.split?.address ?? 0,
      epilogue.gain?.norm.squares.address ?? 0, Int32(x.rows), Int32(n), Int32(x.columns),
      Int32(plan.segmentsPerSplit), flags.rawValue, norm?.epsilon ?? 0)
  }
}
