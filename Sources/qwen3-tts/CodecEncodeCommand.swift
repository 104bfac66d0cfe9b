// SPDX-License-Identifier: MIT

import ArgumentParser
import Audio
import CPUBackend
import Foundation
import ModelFiles
import Qwen3TTS
import SpeechModel

extension Codec {
  /// `qwen3-tts codec encode`
  struct Encode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Turns a recording into codes; `codec decode` turns them back.")

    @Argument(help: "A recording: WAV, or with libsndfile FLAC, Ogg, MP3, Opus and more.")
    var recording: String

    @Option(name: [.short, .long], help: "A safetensors file for the codes, I32 [frames, 16].")
    var output: String

    @Option(help: "Name or folder of a model; by default the bundled voice.")
    var model: String?

    /// Ten minutes, any length down to one sample, silence too.
    private static var limits: ReferenceAudio.Limits {
      var limits = ReferenceAudio.Limits()
      limits.shortest = 1 / Double(ReferenceAudio.sampleRate)
      limits.longest = 600
      limits.comfortable = 600
      limits.needsSound = false
      return limits
    }

    func run() async throws {
      let audio = try ReferenceAudio(path: recording, limits: Self.limits)
      for warning in audio.warnings { printMessage("Note: \(warning)") }
      let checkpoint = try Checkpoint(model: model)
      let codec = checkpoint.codecConfiguration
      let backend = CPUBackend()
      let encoding = CodecEncoding(
        try CodecEncoder(
          reading: checkpoint.codecWeights.scoped("encoder."), codec.encoder,
          quantizerCount: codec.encoderQuantizerCount, on: backend),
        capacity: audio.samples.count, on: backend)
      let frames = encoding.encode(audio.samples)
      try SafetensorsWriter.write(
        [
          .init(
            name: "codes", shape: [frames.count, codec.encoderQuantizerCount],
            values: Array(frames.joined()))
        ], to: output)
      printMessage(String(format: "%.2f s to %d frames", audio.seconds, frames.count))
    }
  }
}
