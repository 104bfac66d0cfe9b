// SPDX-License-Identifier: MIT

// Speaks a text into a WAV file:
//   swift run -c release speak-to-file "Good morning." out.wav

import ExampleSupport
import Foundation
import Qwen3TTS

do {
  let arguments = CommandLine.arguments
  guard arguments.count == 3 else {
    print("usage: speak-to-file TEXT FILE.wav")
    exit(64)
  }

  // Without a model it is the bundled voice.
  let model = try ProcessInfo.processInfo.environment["MODEL"].map {
    try ModelLibrary.standard.model(named: $0)
  }
  let synthesizer = try await SpeechSynthesizer(model: model)

  let (samples, summary) = try await synthesizer.waveform(for: arguments[1])

  let file = wavFile(samples, sampleRate: SpeechSynthesizer.sampleRate)
  try file.write(to: URL(filePath: arguments[2]))
  print("\(summary.audioDuration) of speech on \(summary.device), RTF \(summary.realTimeFactor)")
} catch {
  print(error)
  exit(1)
}
