// SPDX-License-Identifier: MIT

import CPUBackend
import Foundation
import ModelFiles
import SpeechModel
import SyntheticCheckpoint
import Testing

/// The codec by itself against the official one: in one pass, in its blocks of 300 frames, and in
/// uneven chunks.
@Suite struct CodecGoldenTests {
  let shape: CodecDecoderConfiguration
  let stream: CodecStreams<CPUBackend>

  init() throws {
    let checkpoint = Checkpoint.synthetic(.tiny, variant: .base, seed: 1)
    let backend = CPUBackend()
    shape = checkpoint.codecConfiguration.decoder
    stream = CodecStreams(
      try CodecDecoder(
        reading: checkpoint.codecWeights.scoped("decoder."), shape, on: backend),
      batchCapacity: 16, on: backend)
  }

  func fixture(_ name: String) throws -> Safetensors {
    try Safetensors(path: "\(GoldenCase.fixtures.path)/tiny-base-1/\(name).safetensors")
  }

  func tensor(_ name: String, in file: Safetensors) throws -> HostTensor {
    try #require(file.tensors[name], "\(name) is recorded")
  }

  @Test func `a short speech has the official samples`() throws {
    let file = try fixture("codec_40")
    stream.reset()
    let samples = stream.decodeAll(try tensor("codes", in: file).integers())
    expectClose(samples, try tensor("wav", in: file).floats(), "wav")
  }

  @Test func `a long speech has the official samples in one pass and in official blocks`() throws {
    let file = try fixture("codec_640")
    let codes = try tensor("codes", in: file).integers()
    stream.reset()
    for (name, samples) in [
      ("wav_single_pass", stream.decodeAll(codes)), ("wav", stream.decodeInOfficialBlocks(codes)),
    ] {
      let picked = try tensor(name + "_indices", in: file).integers().map { samples[Int($0)] }
      expectClose(picked, try tensor(name + "_values", in: file).floats(), name)
      let frames = stride(from: 0, to: samples.count, by: shape.samplesPerFrame).map { start in
        let frame = samples[start..<start + shape.samplesPerFrame]
        return (frame.reduce(0) { $0 + $1 * $1 } / Float(frame.count)).squareRoot()
      }
      expectClose(frames, try tensor(name + "_frame_rms", in: file).floats(), name + " per frame")
    }
  }

  @Test func `chunks of any sizes have the samples of one pass, bit for bit`() throws {
    let codes = try tensor("codes", in: fixture("codec_40")).integers()
    let width = shape.quantizerCount
    stream.reset()
    let whole = stream.decodeAll(codes)
    for sizes in [[1], [2], [3], [7], [16], [1, 16, 5, 2]] {
      stream.reset()
      var samples: [Float] = []
      var start = 0
      var index = 0
      while start < codes.count {
        let end = min(start + sizes[index % sizes.count] * width, codes.count)
        samples += stream.decode(Array(codes[start..<end]))
        start = end
        index += 1
      }
      #expect(samples == whole, "chunks of \(sizes)")
    }
  }
}
