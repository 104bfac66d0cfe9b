// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func frameRing() throws {
    try publishedFrames()
    try publishedRows()
  }

  private mutating func publishedFrames() throws {
    let (width, frames) = (16, 1100)
    let ring = try backend.makeFrameRing(rowCount: 1, codebookCount: width)
    let codes = try indices(random.ids(width, below: 2048))
    // More than any ring holds, twice.
    for turn in 0..<2 {
      let range = turn * frames..<(turn + 1) * frames
      var collected: [Float] = []
      for frame in range {
        try backend.publish(codes, to: ring)
        try backend.increment(codes, by: Int32(turn + 1))
        let oldest = frame + 1 - backend.framesInFlight
        if oldest >= range.lowerBound {
          collected += try backend.collect(oldest, count: width, from: ring).map(Float.init)
        }
      }
      for frame in range.upperBound + 1 - backend.framesInFlight..<range.upperBound {
        collected += try backend.collect(frame, count: width, from: ring).map(Float.init)
      }
      keep(collected, "\(frames) frames", within: .exact)
    }
  }

  /// Entries of fewer rows than the ring has room for, of which fewer are collected.
  private mutating func publishedRows() throws {
    let width = 16
    let ring = try backend.makeFrameRing(rowCount: 8, codebookCount: width)
    for (entry, rows) in [8, 1, 3, 8, 2].enumerated() {
      try backend.publish(
        try indices(random.ids(rows * width, below: 2048), stride: 2), to: ring)
      while try !backend.isPublished(entry, in: ring) {}
      let count = max(1, rows - entry % 2) * width
      keep(
        try backend.collect(entry, count: count, from: ring).map(Float.init),
        "\(count) codes of an entry of \(rows) rows", within: .exact)
    }
  }
}
