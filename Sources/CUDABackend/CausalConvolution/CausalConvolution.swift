// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  package func causalConvolution(
    _ x: CUDATensor, history: History, weight: CUDAMatrix, bias: CUDATensor, kernel: Int,
    dilation: Int, into out: CUDATensor
  ) throws(CUDAError) {
    let history = own(history)
    precondition(history.rows == (kernel - 1) * dilation && out.rows == x.rows)
    precondition(weight.columns == x.columns * kernel && weight.rows == out.columns)
    switch weight.format {
    case .exact(let taps):
      precondition(taps == kernel, "a weight laid out for another kernel")
      precondition(history.frames == nil, "an encoder hears one recording")
      try exactGEMM(
        x, history: history.states, dilation: dilation, weight, bias: bias, into: out)
    case .split where history.frames != nil:
      return try convolveStreams(
        x, history: history, weight, dilation: dilation, bias: bias, into: out)
    case .split:
      try convolveSplit(
        x, history: history.states, weight, dilation: dilation, bias: bias, into: out)
    case .stored(let element):
      let grid = splitKGrid(rows: x.rows, columns: out.columns, k: weight.columns)
      try launch(
        "causal_convolution_\(element)", grid: grid, block: 256, x.address, history.address,
        weight.address, bias.address, out.address, partials.address, Int32(x.rows),
        Int32(x.columns), Int32(out.columns), Int32(kernel), Int32(dilation), history.map,
        history.frameRows(x), history.slotStride)
      try reducePartials(grid, bias: bias, out, rows: x.rows, columns: out.columns, stride: 1)
    }
    try updateState(history, after: x)
  }

  package func snakeConvolution(
    _ x: CUDATensor, _ snake: SnakeWeights<CUDATensor>, history: History,
    weight: CUDAMatrix, bias: CUDATensor, kernel: Int, dilation: Int, scratch: CUDATensor,
    into out: CUDATensor
  ) throws(CUDAError) {
    let history = own(history)
    let frameRows = history.frameRows(x)
    // Where the next state is not all from `x`, another kernel makes it.
    let isLong = Int(frameRows) >= kernel - 1
    guard weight.rows == 1, weight.format == .stored(.f32), dilation == 1, kernel > 1, kernel <= 8,
      x.columns <= 128, x.columns % 2 == 0, isLong || independentRows && history.frames == nil
    else {
      try self.snake(x, snake, into: scratch)
      return try causalConvolution(
        scratch, history: history, weight: weight, bias: bias, kernel: kernel, dilation: dilation,
        into: out)
    }
    precondition(history.rows == kernel - 1)
    let frames = x.rows / Int(frameRows)
    let size = history.rows * history.columns
    let state = isLong ? scratch : partials
    precondition(state.count >= frames * size)
    try launch(
      "snake_convolution", grid: CUDAGrid((Int(frameRows) + 15) / 16, frames), block: 256,
      x.address, snake.alpha.address, snake.inverseBeta.address, history.address, weight.address,
      bias.address, out.address, state.address, frameRows, Int32(x.columns), Int32(kernel),
      history.map, history.slotStride)
    guard isLong else {
      try self.snake(x, snake, into: scratch)
      return try updateState(history, after: scratch.rows(0..<x.rows))
    }
    try launch(
      "store_state", grid: CUDAGrid((size + 255) / 256, frames), block: 256, scratch.address,
      history.address, Int32(size), history.map, Int32(frames), history.slotStride)
  }

  // MARK: What other convolutions use too

  /// A history as the kernels of this backend take it: without independent rows, of one stream, which is then
  /// that of slot 0 whatever was recorded.
  func own(_ history: History) -> History {
    guard !independentRows, let frames = history.frames else { return history }
    precondition(
      frames.segments.map(\.slot) == [0], "an engine for one voice decodes the frames of slot 0")
    return History(history.tensor(of: 0))
  }

  /// Blocks for a product in tiles of 64 × 64: where those are few, each takes a split of `k`.
  func splitKGrid(rows: Int, columns: Int, k: Int) -> CUDAGrid {
    let (x, y) = ((columns + 63) / 64, (rows + 63) / 64)
    if independentRows { return CUDAGrid(x, y) }
    let wanted = 2 * context.multiprocessorCount / (x * y)
    let most = min(k / 128, partials.count / (rows * columns))
    return CUDAGrid(x, y, max(1, min(wanted, most)))
  }

  /// Reduces the partial sums of a product, if there are any.
  func reducePartials(
    _ grid: CUDAGrid, bias: CUDATensor, _ out: CUDATensor, rows: Int, columns: Int, stride: Int
  ) throws(CUDAError) {
    guard grid.z > 1 else { return }
    try launch(
      "convolution_reduce", over: rows * columns, partials.address, bias.address, out.address,
      Int32(rows), Int32(columns), Int32(out.columns), Int32(stride), Int32(grid.z))
  }

  /// A convolution with a split weight. Rows that do not fit into the scratch memory at once go in
  /// turns, each with the rows before it.
  func convolveSplit(
    _ x: CUDATensor, history: CUDATensor?, _ weight: CUDAMatrix, dilation: Int, bias: CUDATensor,
    into out: CUDATensor
  ) throws(CUDAError) {
    let past = history?.rows ?? 0
    let longer = out.rows / x.rows
    let most = splitScratch.count / x.columns - past
    precondition(most >= past, "there is room for the rows a convolution sees")
    for start in Swift.stride(from: 0, to: x.rows, by: most) {
      let end = min(start + most, x.rows)
      let before = start == 0 ? history : x.rows(start - past..<start)
      let joined = try splitRows(x.rows(start..<end), history: before, at: splitScratch.address)
      let rows = SplitRows(
        address: joined.address + UInt64(4 * past * x.columns), rows: end - start,
        columns: x.columns)
      let seen = CUDATensor(
        memory: splitScratch.memory, address: joined.address, rows: past, columns: x.columns)
      try gemm(
        rows, history: past > 0 ? History(seen) : nil, dilation: dilation, weight,
        GEMMEpilogue(bias: bias, out: out.rows(start * longer..<end * longer)))
    }
  }

  /// The same for the rows of several streams, whose histories hold split rows; `x` is split in place.
  func convolveStreams(
    _ x: CUDATensor, history: History, _ weight: CUDAMatrix, dilation: Int, bias: CUDATensor,
    into out: CUDATensor
  ) throws(CUDAError) {
    try gemm(
      try splitRows(x, at: x.address), history: history, dilation: dilation, weight,
      GEMMEpilogue(bias: bias, out: out))
    try updateState(history, after: x)
  }

  /// Stores the last rows of `history` followed by `x` in `history`.
  func updateState(_ history: History, after x: CUDATensor) throws(CUDAError) {
    guard history.rows > 0 else { return }
    try launch(
      "update_state", grid: CUDAGrid((x.columns + 255) / 256, history.frames?.count ?? 1),
      block: 256, x.address, history.address, Int32(x.rows), Int32(history.rows),
      Int32(x.columns), history.map, history.frameRows(x), history.frameCount, history.slotStride)
  }
}

extension StreamHistory where Tensor == CUDATensor, Indices == CUDAIndices {
  // Twins of `StreamFrames` (Common/StreamFrames.cuh).

  /// The history of one stream, or of slot 0.
  var address: UInt64 { states.address + UInt64(4 * start) }
  var map: UInt64 { frames?.map.address ?? 0 }
  var frameCount: Int32 { Int32(frames?.count ?? 1) }
  var slotStride: Int32 { frames == nil ? 0 : Int32(states.columns) }

  /// Rows of a frame in `x`; of one stream, all.
  func frameRows(_ x: CUDATensor) -> Int32 { Int32(x.rows) / frameCount }
}
