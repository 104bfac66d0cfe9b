// SPDX-License-Identifier: MIT

/// Samples in memory as a stream.
package final class SampleStream: AudioStream {
  package let name = "samples"
  package let encodingName = "32-bit floating point"
  package let sampleRate: Int
  package let channelCount = 1
  package let warnings: [AudioWarning] = []

  private var rest: ArraySlice<Float>

  /// - Parameters:
  ///   - samples: Mono, nominal range −1…1.
  ///   - sampleRate: Samples per second.
  /// - Throws: `AudioError` `unsupported` for a rate that no recording has.
  package init(_ samples: [Float], sampleRate: Int) throws(AudioError) {
    let rates = WAVFormat.sampleRates
    guard rates.contains(sampleRate) else {
      throw AudioError(
        .unsupported, file: name,
        problem: "\(sampleRate) samples per second, expected \(rates.lowerBound) to "
          + "\(rates.upperBound)")
    }
    rest = samples[...]
    self.sampleRate = sampleRate
  }

  package func nextBlock() -> [Float] {
    let block = Array(rest.prefix(65_536))
    rest = rest.dropFirst(block.count)
    return block
  }
}
