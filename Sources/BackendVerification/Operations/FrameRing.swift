// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func frameRing() throws {
    let (width, frames) = (16, 1100)
    let ring = try backend.makeFrameRing(slotCount: 1, codebookCount: width)
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
          collected += try backend.collect(oldest, from: ring).map(Float.init)
        }
      }
      for frame in range.upperBound + 1 - backend.framesInFlight..<range.upperBound {
        collected += try backend.collect(frame, from: ring).map(Float.init)
      }
      keep(collected, "\(frames) frames", within: .exact)
    }
  }
}
