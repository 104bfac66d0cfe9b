// SPDX-License-Identifier: MIT

import CPUBackend
import Foundation
import ModelFiles
import SpeechModel
import SyntheticCheckpoint
import Testing

/// Both encoders against the official package on random weights (`Tests/Fixtures/golden`).
@Suite struct EncoderGoldenTests {
  /// A recording of the fixtures and what the official package made of it.
  struct Recording: Sendable, CustomTestStringConvertible {
    let seed: Int
    let name: String
    let sampleCount: Int
    var testDescription: String { "\(name), seed \(seed)" }

    static let all = [
      Recording(seed: 1, name: "audio_1s", sampleCount: 24_000),
      Recording(seed: 1, name: "audio_3s", sampleCount: 72_011),
      Recording(seed: 1, name: "audio_14s", sampleCount: 336_123),
    ]

    func arrays() throws -> Safetensors {
      try Safetensors(
        path: GoldenCase.fixtures.appending(path: "tiny-base-\(seed)/\(name).safetensors").path)
    }
  }

  @Test(arguments: Recording.all)
  func `hears mel bands as the official package does`(_ recording: Recording) throws {
    let arrays = try recording.arrays()
    let bands = MelSpectrogram()(try ReferenceRecording.samples(recording.sampleCount))
    let frameCount = recording.sampleCount / 256
    #expect(bands.count == frameCount * 128)
    // The fixture's columns are bands of all frames: its stages are [frames, bands].
    let columns = try #require(arrays.tensors["mel_columns"]).integers().map { Int($0) }
    let picked = (0..<frameCount).flatMap { frame in columns.map { bands[frame * 128 + $0] } }
    expectRelative(picked, try #require(arrays.tensors["mel_values"]).floats(), "mel")
    let levels = (0..<frameCount).map { frame in
      let sum = bands[frame * 128..<(frame + 1) * 128].reduce(0) { $0 + Double($1) * Double($1) }
      return Float((sum / 128).squareRoot())
    }
    expectRelative(levels, try #require(arrays.tensors["mel_rms"]).floats(), "mel_rms")
  }

  @Test func `the filter bank is the official one`() throws {
    let bank = try Safetensors(
      path: GoldenCase.fixtures.appending(path: "mel_filter.safetensors").path)
    #expect(try #require(bank.tensors["shape"]).integers() == [128, 513])
    let filters = MelSpectrogram().filters
    var places: [Int32] = []
    for (band, filter) in filters.enumerated() {
      let first = band * 513 + filter.first
      places += filter.weights.indices.map { Int32(first + $0) }
    }
    #expect(try places == #require(bank.tensors["indices"]).integers())
    let weights = filters.flatMap(\.weights)
    expectRelative(weights, try #require(bank.tensors["values"]).floats(), "filter", 1e-6)
  }

  @Test(arguments: Recording.all)
  func `embeds a speaker as the official package does`(_ recording: Recording) throws {
    let encoding = try Encoders(.tiny, seed: recording.seed).speaker()
    let embedding = encoding.embedding(of: try ReferenceRecording.samples(recording.sampleCount))
    let arrays = try recording.arrays()
    expectRelative(
      embedding, try #require(arrays.tensors["speaker_embedding"]).floats(), "speaker_embedding")
  }

  @Test(arguments: Recording.all)
  func `encodes a recording as the official package does`(_ recording: Recording) throws {
    let encoding = try Encoders(.tiny, seed: recording.seed).codec()
    let codes = encoding.encode(try ReferenceRecording.samples(recording.sampleCount))
    #expect(codes.count == (recording.sampleCount + 1919) / 1920)
    let arrays = try recording.arrays()
    let expected = try #require(arrays.tensors["codes"]).integers()
    #expect(codes.flatMap(\.self) == expected)
  }

  @Test(arguments: GoldenCase.all.filter { $0.variant == .base })
  func `makes the official references of every cloned voice`(_ golden: GoldenCase) throws {
    let arrays = try Safetensors(path: "\(golden.folder)/\(golden.entry.name).safetensors")
    let count = try #require(golden.entry.ref_samples)
    let samples = try ReferenceRecording.samples(count)
    let encoders = try Encoders(golden.size, seed: golden.seed)
    expectRelative(
      try encoders.speaker().embedding(of: samples),
      try #require(arrays.tensors["speaker_embedding"]).floats(), "speaker_embedding")
    guard let codes = try arrays.tensors["ref_codes"]?.integers() else { return }
    #expect(try encoders.codec().encode(samples).flatMap(\.self) == codes)
  }

  @Test(arguments: Activation.allCases) func `activates by the definition`(
    _ function: Activation
  ) {
    let backend = CPUBackend()
    let edges: [Float] = [-.infinity, -300, -87.5, -87, -1e-6, -0.0, 0, 1e-6, 87, 300]
    let values = edges + (0..<2_000).map { Float($0 - 1_000) / 100 }
    let tensor = backend.loadVector(values)
    backend.activate(tensor, function, into: tensor)
    let worst = zip(backend.read(tensor), values).map { abs($0 - function($1)) }.max() ?? 1
    #expect(worst <= 2e-7)
    #expect(function(0) == (function == .sigmoid ? 0.5 : 0))
  }

  @Test(arguments: [1, 2, 3, 7]) func `encodes the same in chunks of any size`(
    _ frames: Int
  ) throws {
    let samples = try ReferenceRecording.samples(50_001)
    let encoders = try Encoders(.tiny, seed: 1)
    let small = try encoders.codec(chunkFrames: frames).encode(samples)
    #expect(try small == encoders.codec(chunkFrames: 50).encode(samples))
  }

  @Test func `encodes any length, down to one sample`() throws {
    let samples = try ReferenceRecording.samples(6_000)
    let encoding = try Encoders(.tiny, seed: 1).codec()
    var last = encoding.encode(samples)
    for count in [1, 2, 479, 480, 959, 960, 961, 1_919, 1_920, 1_921, 3_840, 5_999] {
      let codes = encoding.encode(Array(samples.prefix(count)))
      #expect(codes.count == (count + 1919) / 1920)
      #expect(codes.joined().allSatisfy { (0..<64).contains($0) })
      last = codes
    }
    #expect(last.count == 4)
  }
}

/// The encoders of a random-weight Base checkpoint on the CPU.
struct Encoders {
  let checkpoint: Checkpoint
  let backend = CPUBackend()

  init(_ size: SyntheticSize, seed: Int) throws {
    checkpoint = Checkpoint.synthetic(size, variant: .base, seed: seed)
  }

  func codec(chunkFrames: Int = 25) throws -> CodecEncoding<CPUBackend> {
    CodecEncoding(
      try CodecEncoder(
        reading: checkpoint.codecWeights.scoped("encoder."),
        checkpoint.codecConfiguration.encoder,
        quantizerCount: checkpoint.codecConfiguration.encoderQuantizerCount, on: backend),
      capacity: 15 * 24_000, chunkFrames: chunkFrames, on: backend)
  }

  func speaker() throws -> SpeakerEncoding<CPUBackend> {
    let configuration = try #require(checkpoint.configuration.speakerEncoder)
    return SpeakerEncoding(
      try SpeakerEncoder(
        reading: checkpoint.weights.scoped("speaker_encoder."), configuration, on: backend),
      capacity: 15 * 24_000 / 256, on: backend)
  }
}

/// The recording of the fixtures.
enum ReferenceRecording {
  private static let stored: [Int16] = {
    let path = GoldenCase.fixtures.appending(path: "reference.safetensors").path
    guard let tensor = try? Safetensors(path: path).tensors["samples"] else { return [] }
    return tensor.storage.withBytes { bytes in
      (0..<tensor.count).map {
        bytes.unsafeLoadUnaligned(
          fromByteOffset: tensor.byteRange.lowerBound + 2 * $0, as: Int16.self)
      }
    }
  }()

  /// Its first samples.
  static func samples(_ count: Int) throws -> [Float] {
    try #require(stored.count >= count, "the recording is as long")
    return stored.prefix(count).map { Float($0) / 32_768 }
  }
}

/// Expects `‖a − r‖∞ ≤ tolerance · ‖r‖∞`.
func expectRelative(
  _ actual: [Float], _ reference: [Float], _ name: String, _ tolerance: Float = 1e-4,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == reference.count else {
    Issue.record(
      "\(name): \(actual.count) values, expected \(reference.count)", sourceLocation: sourceLocation
    )
    return
  }
  let scale = reference.reduce(0) { max($0, abs($1)) }
  let worst = zip(actual, reference).map { abs($0 - $1) }.max() ?? 0
  #expect(
    worst <= tolerance * scale, "\(name): off by \(worst), values up to \(scale)",
    sourceLocation: sourceLocation)
  #expect(actual.allSatisfy { $0.isFinite }, "\(name) is finite", sourceLocation: sourceLocation)
}
