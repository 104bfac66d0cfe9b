// SPDX-License-Identifier: MIT

extension CodecStreams {
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
  /// they can still hear. The states after the last few references are remembered. So the
  /// samples that follow are those of one pass over everything, exactly.
  ///
  /// - Parameter frames: `[count, quantizerCount]` flattened.
  package func begin(after frames: [Int32], slot: Int = 0) throws(B.Failure) {
    let width = decoder.configuration.quantizerCount
    let count = frames.count / width
    if count > 0, let place = references.place(of: frames) {
      return try copyState(from: place, to: slot)
    }
    try reset(slot: slot)
    guard count > 0 else { return }
    let silent = max(0, count - convolutionContext)
    var start = 0
    while start < count {
      let end =
        start < silent ? min(start + readCapacity, silent) : min(start + batchCapacity, count)
      let chunk = Chunk(slot: slot, codes: Array(frames[start * width..<end * width]))
      let batch = try write([chunk], padded: end - start)
      if start < silent {
        try readCodes(batch)
      } else {
        try decodeBatch(batch)
      }
      start = end
    }
    // Nothing is remembered while the copies change: a device may fail in between.
    let place = references.makePlace()
    try copyState(from: slot, to: place)
    references.remember(frames, at: place)
  }
}

/// Which references have a place for the state after them: parts of a long text, and speeches with one
/// voice, begin with the same. The one used longest ago makes room.
struct RememberedReferences {
  private var places: [(place: Int, frames: [Int32])]

  init(firstPlace: Int, count: Int) {
    places = (0..<count).map { (firstPlace + $0, []) }
  }

  /// Where the state after `frames` is.
  mutating func place(of frames: [Int32]) -> Int? {
    guard let index = places.firstIndex(where: { $0.frames == frames }) else { return nil }
    places.append(places.remove(at: index))
    return places.last?.place
  }

  /// A place whose state may be overwritten.
  mutating func makePlace() -> Int {
    places[0].frames = []
    return places[0].place
  }

  mutating func remember(_ frames: [Int32], at place: Int) {
    places.removeAll { $0.place == place }
    places.append((place, frames))
  }
}
