// SPDX-License-Identifier: MIT

import ArgumentParser
import Audio
import CPUBackend
import Foundation
import ModelFiles
import Qwen3TTS
import SpeechModel

/// `qwen3-tts codec`
struct Codec: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs the codec by itself.", subcommands: [Encode.self, Decode.self])

  /// `qwen3-tts codec decode`
  struct Decode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Turns saved codes into speech.")

    @Argument(help: "A safetensors file with the tensor codes, I32 [frames, 16].")
    var codes: String

    @Option(
      name: [.short, .long],
      help:
        "A file whose ending names its format: .wav, .mp3, .opus, .flac, .aac, .pcm; or - for WAV on standard output."
    )
    var output: String

    @Option(help: "Name or folder of a model; by default the bundled voice.")
    var model: String?

    @Flag(help: "Decode in blocks of 300 frames, as the official package does.")
    var officialBlocks = false

    @OptionGroup var processor: ProcessorArguments

    func run() async throws {
      processor.apply()
      try AudioFileWriter.check(output)
      let file = try Safetensors(path: codes)
      let checkpoint = try Checkpoint(model: model)
      let shape = checkpoint.codecConfiguration.decoder
      let frames = try Self.frames(of: file, shape)
      let backend = CPUBackend()
      let stream = CodecStreams(
        try CodecDecoder(
          reading: checkpoint.codecWeights.scoped("decoder."), shape, on: backend),
        batchCapacity: 16, on: backend)
      var writer = try AudioFileWriter(to: output)
      if officialBlocks {
        try writer.write(stream.decodeInOfficialBlocks(frames))
      } else {
        let step = 16 * shape.quantizerCount
        for start in stride(from: 0, to: frames.count, by: step) {
          try writer.write(stream.decode(Array(frames[start..<min(start + step, frames.count)])))
        }
      }
      try writer.finish()
    }

    /// The codes, checked against the codec.
    private static func frames(
      of file: Safetensors, _ shape: CodecDecoderConfiguration
    ) throws -> [Int32] {
      guard let tensor = file.tensors["codes"] else {
        throw CheckpointError(
          file: file.path, subject: "codes", expected: "a tensor I32 [frames, 16]", found: "none")
      }
      guard tensor.shape.count == 2, tensor.shape[1] == shape.quantizerCount,
        tensor.elementType == .int32, tensor.count > 0
      else {
        throw CheckpointError(
          file: file.path, subject: "codes", expected: "I32 [frames, \(shape.quantizerCount)]",
          found: "\(tensor.elementType.rawValue) \(tensor.shape)")
      }
      let codes = try tensor.integers()
      if let wrong = codes.first(where: { $0 < 0 || Int($0) >= shape.codebookSize }) {
        throw CheckpointError(
          file: file.path, subject: "codes", expected: "0…\(shape.codebookSize - 1)",
          found: "\(wrong)", remedy: "Decode with the model that made the codes.")
      }
      return codes
    }
  }
}
