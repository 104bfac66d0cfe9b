// SPDX-License-Identifier: MIT

// Plays a text through `aplay` as it is spoken:
//   swift run -c release play-while-speaking "Good morning."

import ExampleSupport
import Foundation
import Qwen3TTS

do {
  let text = CommandLine.arguments.dropFirst().joined(separator: " ")
  guard !text.isEmpty else {
    print("usage: play-while-speaking TEXT")
    exit(64)
  }

  let model = try ProcessInfo.processInfo.environment["MODEL"].map {
    try ModelLibrary.standard.model(named: $0)
  }
  let synthesizer = try await SpeechSynthesizer(model: model)

  // A player that ends early is reported by the write that fails, not by a signal.
  signal(SIGPIPE, SIG_IGN)
  let player = Process()
  let pipe = Pipe()
  player.executableURL = URL(filePath: "/usr/bin/env")
  player.arguments = [
    "aplay", "-q", "-t", "raw", "-f", "S16_LE", "-c", "1",
    "-r", "\(SpeechSynthesizer.sampleRate)", "-",
  ]
  player.standardInput = pipe
  try player.run()
  let input = pipe.fileHandleForWriting

  var options = SpeechOptions()
  options.firstChunkFrames = 1  // the earliest sound: 80 ms of it
  options.chunkFrames = 8
  for try await chunk in synthesizer.speech(for: text, options: options) {
    try input.write(contentsOf: pcm16(chunk.samples))
    if let summary = chunk.summary {
      print("the first sound after \(summary.timeToFirstAudio), RTF \(summary.realTimeFactor)")
    }
  }
  try input.close()
  player.waitUntilExit()
} catch {
  print(error)
  exit(1)
}
