// SPDX-License-Identifier: MIT

import Foundation

/// What `qwen3-tts bench-voices --json` prints.
package struct VoiceBenchmarkResult: Codable, Sendable {
  let model: String
  let device: String
  let seconds: Double
  let repeats: Int
  let load_ms: Double
  /// The speaker encoder, of a mel spectrogram that is there, and of samples.
  let speaker_after_mel_ms: Spread
  let speaker_ms: Spread
  let codec_ms: Spread
  let decoder_warm_up_ms: Spread
  let decoder_warm_up_again_ms: Spread
  /// Rows of the prompts whose first audio was measured, by the layout of the text.
  var first_audio_rows: [String: Int] = [:]
  /// First audio by layout and voice: `none`, `another` than before, the `same` as before.
  var first_audio_ms: [String: [String: Spread]] = [:]

  /// A table for people.
  package var table: String {
    var lines = ["\(model) on \(device); a recording of \(seconds) s, \(repeats) repeats"]
    func line(_ name: String, _ spread: Spread) {
      lines.append(
        name.padding(toLength: 46, withPad: " ", startingAt: 0)
          + String(format: "%9.2f ms (p50), %9.2f ms (p95)", spread.p50, spread.p95))
    }
    line("speaker encoder after the mel", speaker_after_mel_ms)
    line("mel and speaker encoder", speaker_ms)
    line("codec encoder", codec_ms)
    line("decoder warm-up", decoder_warm_up_ms)
    line("the same again", decoder_warm_up_again_ms)
    for (layout, spreads) in first_audio_ms.sorted(by: { $0.key < $1.key }) {
      for (voice, spread) in spreads.sorted(by: { $0.key < $1.key }) {
        let rows = first_audio_rows[layout] ?? 0
        line("first audio, \(layout), \(rows) rows, \(voice) voice", spread)
      }
    }
    lines.append(String(format: "encoders and decoder ready after %.0f ms", load_ms))
    return lines.joined(separator: "\n")
  }
}
