// SPDX-License-Identifier: MIT

/// Frames of several streams that the codec decodes at once. At a stage of `n` rows a frame, rows
/// `n · f ..< n · (f + 1)` of every tensor are those of frame `f`; the frames of a stream are adjacent, in
/// order.
package struct StreamFrames<Indices: BackendIndices> {
  /// The frames of one stream.
  package struct Segment: Equatable, Sendable {
    package var slot: Int
    package var frames: Range<Int>

    package init(slot: Int, frames: Range<Int>) {
      self.slot = slot
      self.frames = frames
    }
  }

  package let segments: [Segment]
  /// The same for a body that is recorded once and replayed for others: for each frame the slot of its
  /// stream, and its place among the stream's frames, `[count, 2]`.
  package let map: Indices
  /// Frames in all.
  package let count: Int

  package init(_ segments: [Segment], map: Indices) {
    self.segments = segments
    self.map = map
    count = segments.last?.frames.upperBound ?? 0
    precondition(map.count >= 2 * count, "there is a place for each frame")
  }

  /// The numbers of `map`.
  package static func map(_ segments: [Segment]) -> [Int32] {
    segments.flatMap { segment in
      segment.frames.flatMap { [Int32(segment.slot), Int32($0 - segment.frames.lowerBound)] }
    }
  }
}

/// The last inputs of a convolution, of one stream or of each of several.
package struct StreamHistory<Tensor: BackendTensor, Indices: BackendIndices> {
  /// `[slots, width]`, a part of each row being the history of a slot; or the history of one stream.
  package let states: Tensor
  /// Where in a row the history begins.
  package let start: Int
  package let rows: Int
  package let columns: Int
  /// Whose rows `x` has; `nil`: all are of one stream.
  package let frames: StreamFrames<Indices>?

  /// The history of one stream, `[rows, columns]`.
  package init(_ history: Tensor) {
    states = history
    start = 0
    (rows, columns) = (history.rows, history.columns)
    frames = nil
  }

  /// Part of the states of several streams.
  package init(
    _ states: Tensor, at start: Int, rows: Int, columns: Int, of frames: StreamFrames<Indices>
  ) {
    precondition(start + rows * columns <= states.columns, "the history is part of a state")
    self.states = states
    self.start = start
    self.rows = rows
    self.columns = columns
    self.frames = frames
  }

  /// The history of a slot.
  package func tensor(of slot: Int) -> Tensor {
    states.rows(slot..<slot + 1).reshaped(rows: states.columns, columns: 1)
      .rows(start..<start + rows * columns).reshaped(rows: rows, columns: columns)
  }

  /// Which rows of an `x` of so many are one stream's, and its history.
  package func parts(of rowCount: Int) -> [(rows: Range<Int>, history: Tensor)] {
    guard let frames else { return [(0..<rowCount, states)] }
    let each = rowCount / frames.count
    return frames.segments.map {
      (each * $0.frames.lowerBound..<each * $0.frames.upperBound, tensor(of: $0.slot))
    }
  }
}

extension CodecBackend {
  package typealias History = StreamHistory<Tensor, Indices>
}

// For one stream.
extension CodecBackend {
  package func causalConvolution(
    _ x: Tensor, history: Tensor, weight: Matrix, bias: Tensor, kernel: Int, dilation: Int,
    into out: Tensor
  ) throws(Failure) {
    try causalConvolution(
      x, history: History(history), weight: weight, bias: bias, kernel: kernel,
      dilation: dilation, into: out)
  }

  package func snakeConvolution(
    _ x: Tensor, _ snake: SnakeWeights<Tensor>, history: Tensor, weight: Matrix, bias: Tensor,
    kernel: Int, dilation: Int, scratch: Tensor, into out: Tensor
  ) throws(Failure) {
    try snakeConvolution(
      x, snake, history: History(history), weight: weight, bias: bias, kernel: kernel,
      dilation: dilation, scratch: scratch, into: out)
  }

  package func transposedConvolution(
    _ x: Tensor, history: Tensor?, weight: Matrix, bias: Tensor, stride: Int, into out: Tensor
  ) throws(Failure) {
    try transposedConvolution(
      x, history: history.map { History($0) }, weight: weight, bias: bias, stride: stride,
      into: out)
  }

  package func depthwiseConvolution(
    _ x: Tensor, history: Tensor, weight: Tensor, bias: Tensor, into out: Tensor
  ) throws(Failure) {
    try depthwiseConvolution(
      x, history: History(history), weight: weight, bias: bias, into: out)
  }

  package func latentUpsampling(
    _ x: Tensor, _ stage: LatentUpsampling<Tensor, Matrix>, history: Tensor, inner: Tensor,
    wide: Tensor, into out: Tensor
  ) throws(Failure) {
    try latentUpsampling(
      x, stage, history: History(history), inner: inner, wide: wide, into: out)
  }

  package func decoderBlock(
    _ x: Tensor, _ block: DecoderBlock<Tensor, Matrix>, history: Tensor, unitHistories: [Tensor],
    inner: Tensor, scratch: (Tensor, Tensor), into out: Tensor
  ) throws(Failure) {
    try decoderBlock(
      x, block, history: History(history), unitHistories: unitHistories.map { History($0) },
      inner: inner, scratch: scratch, into: out)
  }
}
