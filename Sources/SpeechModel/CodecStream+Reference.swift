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
  /// they can still hear. When the last speech had the same reference, its state is copied. So the
  /// samples that follow are those of one pass over everything, exactly.
  ///
  /// - Parameter frames: `[count, quantizerCount]` flattened.
  package func begin(after frames: [Int32]) throws(B.Failure) {
    let width = decoder.configuration.quantizerCount
    let count = frames.count / width
    if count > 0, frames == remembered.frames {
      try setPosition(count)
      try backend.copy(remembered.state, into: state)
      try backend.copy(remembered.cache, into: cache)
      return
    }
    try reset()
    guard count > 0 else { return }
    let silent = max(0, count - convolutionContext)
    var start = 0
    while start < count {
      let end =
        start < silent ? min(start + readCapacity, silent) : min(start + chunkCapacity, count)
      try backend.write(Array(frames[start * width..<end * width]), to: codes)
      if start < silent {
        try readCodes(end - start)
      } else {
        try decodeChunk(end - start)
      }
      start = end
    }
    // Nothing is remembered while the copies change: a device may fail in between.
    remembered.frames = []
    try backend.copy(state, into: remembered.state)
    try backend.copy(cache, into: remembered.cache)
    remembered.frames = frames
  }
}

/// The state after the last reference: parts of a long text, and speeches with one voice, begin with
/// the same.
final class RememberedReference<B: Backend> {
  var frames: [Int32] = []
  /// A copy of `CodecStream.state`.
  let state: B.Tensor
  /// A copy of `CodecStream.cache`.
  let cache: B.Cache

  init(state: B.Tensor, cache: B.Cache) {
    self.state = state
    self.cache = cache
  }
}
