// SPDX-License-Identifier: MIT

extension CodecStream {
  /// Frames before the current one that its convolutions can hear, rounded up.
  ///
  /// What lies farther back reaches a sample through the transformer's keys and values alone.
  var convolutionContext: Int {
    let shape = decoder.configuration
    var rowsPerFrame = 1
    var frames = 0.0
    for ratio in shape.upsamplingRatios {
      rowsPerFrame *= ratio
      frames += 6 / Double(rowsPerFrame)
    }
    frames += 6 / Double(rowsPerFrame)
    for rate in shape.upsampleRates {
      frames += 1 / Double(rowsPerFrame)
      rowsPerFrame *= rate
      // Three units of kernel 7 with dilations 1, 3 and 9.
      frames += 78 / Double(rowsPerFrame)
    }
    frames += 6 / Double(rowsPerFrame)
    return Int(frames.rounded(.up))
  }

  /// Begins a speech that follows reference speech: the state is that after decoding `frames`, of
  /// which no sample is made.
  ///
  /// The transformer reads all frames; the convolutions, which cost fifty times as much, only those
  /// they can still hear, and nothing when the last speech had the same reference. So the samples
  /// that follow are those of one pass over everything, exactly.
  ///
  /// - Parameter frames: `[count, quantizerCount]` flattened.
  package func begin(after frames: [Int32]) throws(B.Failure) {
    try reset()
    let width = decoder.configuration.quantizerCount
    let count = frames.count / width
    let isRemembered = count > 0 && frames == remembered.frames
    let silent = isRemembered ? count : max(0, count - convolutionContext)
    var start = 0
    while start < count {
      let end = min(start + chunkCapacity, start < silent ? silent : count)
      try backend.write(Array(frames[start * width..<end * width]), to: codes)
      if start < silent {
        try readCodes(end - start)
      } else {
        try decodeChunk(end - start)
      }
      start = end
    }
    guard count > 0 else { return }
    // Nothing is remembered while the copies change: a device may fail in between.
    remembered.frames = []
    if isRemembered {
      try backend.copy(remembered.state, into: convolutionState)
    } else {
      try backend.copy(convolutionState, into: remembered.state)
    }
    remembered.frames = frames
  }
}

/// The convolutions' state behind the last reference: parts of a long text, and speeches with one
/// voice, begin with the same.
final class RememberedReference<B: Backend> {
  var frames: [Int32] = []
  /// A copy of `CodecStream.convolutionState`.
  let state: B.Tensor

  init(state: B.Tensor) { self.state = state }
}
