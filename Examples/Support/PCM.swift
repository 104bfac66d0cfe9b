// SPDX-License-Identifier: MIT

public import Foundation

/// Samples as 16-bit little-endian PCM, which players and WAV files take.
///
/// - Parameter samples: Nominal range −1…1; what lies outside is clipped.
/// - Returns: Two bytes a sample.
public func pcm16(_ samples: [Float]) -> Data {
  var data = Data(capacity: 2 * samples.count)
  for sample in samples {
    append(UInt16(bitPattern: Int16((max(-1, min(1, sample)) * 32_767).rounded())), to: &data)
  }
  return data
}

/// A WAV file: mono, 16 bits.
///
/// - Parameters:
///   - samples: Nominal range −1…1, at most 2³⁰ of them.
///   - sampleRate: Samples per second.
public func wavFile(_ samples: [Float], sampleRate: Int) -> Data {
  let audio = pcm16(samples)
  var data = Data("RIFF".utf8)
  append(UInt32(36 + audio.count), to: &data)
  data += Data("WAVEfmt ".utf8)
  append(UInt32(16), to: &data)  // bytes of the format that follows
  append(UInt16(1), to: &data)  // PCM
  append(UInt16(1), to: &data)  // channels
  append(UInt32(sampleRate), to: &data)
  append(UInt32(2 * sampleRate), to: &data)  // bytes per second
  append(UInt16(2), to: &data)  // bytes per sample of all channels
  append(UInt16(16), to: &data)  // bits per sample
  data += Data("data".utf8)
  append(UInt32(audio.count), to: &data)
  return data + audio
}

private func append(_ number: some FixedWidthInteger, to data: inout Data) {
  for shift in stride(from: 0, to: number.bitWidth, by: 8) {
    data.append(UInt8(truncatingIfNeeded: number >> shift))
  }
}
