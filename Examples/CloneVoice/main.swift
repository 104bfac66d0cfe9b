// SPDX-License-Identifier: MIT

// Takes a voice from a recording, saves it, and speaks a text with it:
//   swift run -c release clone-voice alice.wav "What she says." "Good evening." out.wav

import ExampleSupport
import Foundation
import Qwen3TTS

do {
  let arguments = CommandLine.arguments
  guard arguments.count == 5 else {
    print("usage: clone-voice RECORDING TRANSCRIPT TEXT FILE.wav")
    exit(64)
  }

  let name = ProcessInfo.processInfo.environment["MODEL"] ?? "0.6B-Base"
  let synthesizer = try await SpeechSynthesizer(
    model: ModelLibrary.standard.model(named: name))

  let made = try await synthesizer.voice(
    from: URL(filePath: arguments[1]), options: VoiceOptions(transcript: arguments[2]))
  for notice in made.notices { print(notice) }  // clipping, silence, an unusual length

  // Every model of the same width can speak with this file, without the recording.
  let saved = URL(filePath: arguments[1]).deletingPathExtension()
    .appendingPathExtension(ClonedVoice.fileExtension)
  try made.voice.write(to: saved)
  print("The voice is \(saved.path).")

  var options = SpeechOptions()
  options.voice = .cloned(try ClonedVoice(contentsOf: saved))
  let (samples, _) = try await synthesizer.waveform(for: arguments[3], options: options)
  try wavFile(samples, sampleRate: SpeechSynthesizer.sampleRate)
    .write(to: URL(filePath: arguments[4]))
} catch {
  print(error)
  exit(1)
}
