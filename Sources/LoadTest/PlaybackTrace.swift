// SPDX-License-Identifier: MIT

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// What a listener without a buffer would have heard of one answer, from the arrival of its chunks.
///
/// Playback starts with the first chunk; a chunk that comes after the sound before it has ended is a
/// gap of that length.
package struct PlaybackTrace: Sendable {
  private static let rate = 24_000.0

  /// Seconds from the request to the first byte of sound; `nil` without any.
  package private(set) var firstAudio: Double?
  /// Seconds from the request to the first sound that can be heard, if any can.
  package private(set) var audible: Double?
  /// Gaps in seconds.
  package private(set) var gaps: [Double] = []
  package private(set) var sampleCount = 0

  package var audioSeconds: Double { Double(sampleCount) / Self.rate }
  package var worstGap: Double { gaps.max() ?? 0 }

  /// Seconds from the request at which playback of what came so far ends.
  private var playhead = 0.0
  private var onset = OnsetDetector()
  private var odd: UInt8?

  package init() {}

  /// Takes in 16-bit little-endian samples that came `time` seconds after the request.
  package mutating func hear(_ bytes: some Collection<UInt8>, at time: Double) {
    var samples: [Int16] = []
    samples.reserveCapacity(bytes.count / 2 + 1)
    for byte in bytes {
      if let low = odd {
        samples.append(Int16(bitPattern: UInt16(low) | UInt16(byte) << 8))
        odd = nil
      } else {
        odd = byte
      }
    }
    hear(samples, at: time)
  }

  /// Takes in samples that came `time` seconds after the request.
  package mutating func hear(_ samples: [Int16], at time: Double) {
    guard !samples.isEmpty else { return }
    if firstAudio == nil {
      firstAudio = time
      playhead = time
    } else if time > playhead {
      gaps.append(time - playhead)
      playhead = time
    }
    let start = playhead
    playhead += Double(samples.count) / Self.rate
    if audible == nil, let offset = onset.find(in: samples) {
      audible = max(time, start + Double(offset) / Self.rate)
    }
    sampleCount += samples.count
  }

  /// Finds the first of two consecutive windows of 20 ms, 10 ms apart, above −45 dBFS.
  private struct OnsetDetector: Sendable {
    private static let window = 480
    private static let hop = 240
    private static let threshold = 0.005_623_413_251_903_491  // −45 dBFS

    private var pending: [Double] = []
    private var wasLoud = false

    /// Offset in `samples` of the window that begins the sound; at least 0.
    mutating func find(in samples: [Int16]) -> Int? {
      let before = pending.count
      pending += samples.map { Double($0) / 32_768 }
      var start = 0
      defer { pending.removeFirst(min(start, pending.count)) }
      while start + Self.window <= pending.count {
        let values = pending[start..<start + Self.window]
        let mean = values.reduce(0, +) / Double(Self.window)
        let power = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(Self.window)
        let isLoud = sqrt(power) > Self.threshold
        if isLoud, wasLoud { return max(0, start - Self.hop - before) }
        wasLoud = isLoud
        start += Self.hop
      }
      return nil
    }
  }
}
