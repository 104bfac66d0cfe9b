// SPDX-License-Identifier: MIT

/// Audio that is read block by block, averaged to one channel, at the rate of its source.
///
/// Nothing about the whole is known before its end: what a header claims is not trusted.
package protocol AudioStream: AnyObject {
  /// The file, for messages.
  var name: String { get }

  /// The encoding in words, `16-bit PCM` for example.
  var encodingName: String { get }

  /// Samples per second.
  var sampleRate: Int { get }

  /// Channels of the source, before averaging.
  var channelCount: Int { get }

  /// What was odd but could be read; complete once `nextBlock` has returned an empty block.
  var warnings: [AudioWarning] { get }

  /// The next samples, or none at the end.
  ///
  /// - Throws: `AudioError` when the source cannot be read or decoded.
  func nextBlock() throws(AudioError) -> [Float]
}

/// Something odd about audio that can be used nonetheless, in words for people.
package enum AudioWarning: Sendable, Equatable, CustomStringConvertible {
  /// The file ends before its header says; `missing` bytes of samples are not there.
  case truncated(missing: Int)

  /// The header states no length or an impossible value that was worked around.
  case repairedHeader(String)

  /// Part of the audio, 0…1, is at full scale for several samples in a row.
  case clipped(share: Double)

  /// Longer than a reference needs to be.
  case long(seconds: Double)

  /// Part of the audio, 0…1, is silence.
  case mostlySilent(share: Double)

  package var description: String {
    switch self {
    case .truncated(let missing):
      "The file is cut short: its header promises \(missing) more bytes. What is there was used."
    case .repairedHeader(let what):
      "The file's header is not right (\(what)). The samples were read all the same."
    case .clipped(let share):
      "The recording is overdriven: \(percent(share)) of it is at full scale. "
        + "The voice will carry the distortion; record it at a lower level."
    case .long(let seconds):
      "The recording is long: \(Int(seconds)) seconds. "
        + "Ten seconds are enough, and more makes every sentence slower to start."
    case .mostlySilent(let share):
      "The recording is mostly silence: \(percent(share)) of it. "
        + "Cut the silence away, or the speech will pause a lot."
    }
  }
}

/// A share in per cent, with a decimal below ten.
private func percent(_ share: Double) -> String {
  let tenths = Int((share * 1_000).rounded())
  return tenths < 100 ? "\(tenths / 10).\(tenths % 10) %" : "\(tenths / 10) %"
}
