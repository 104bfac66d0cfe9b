// SPDX-License-Identifier: MIT

import CPUBackend
import Foundation
import ModelFiles
import SpeechModel
import SyntheticCheckpoint
import Testing

/// Greedy speech of the official package on random-weight checkpoints, recorded in float32
/// (`Tests/Fixtures/golden`, made by `Tests/Oracle/make_fixtures.py`).
@Suite struct GoldenTests {
  @Test(arguments: GoldenCase.all)
  func `speaks as the official package does`(_ golden: GoldenCase) throws {
    let speaker = try GoldenSpeaker(golden)
    let (codes, tokens) = try speaker.speak()
    #expect(try codes == speaker.integers("codes"))
    #expect(try tokens == speaker.integers("step_tokens"))
    try speaker.checkWaveform(codes)
  }

  @Test func `there are fixtures of every variant and width`() {
    let names = Set(GoldenCase.all.map { "\($0.size.rawValue) \($0.variant.rawValue)" })
    #expect(names.count == 6)
    #expect(GoldenCase.all.count >= 40)
  }
}

/// One recorded utterance.
struct GoldenCase: Sendable, CustomTestStringConvertible {
  struct Entry: Decodable, Sendable {
    var name, mode: String
    var text, language, speaker, instruct, ref_text, text_layout: String?
    var max_new_tokens: Int?
    var repetition_penalty: Float?
    var samples, ref_samples: Int?
  }

  struct File: Decodable {
    struct Checkpoint: Decodable {
      var size, variant: String
      var seed: Int
    }
    var checkpoint: Checkpoint
    var cases: [Entry]
  }

  let folder: String
  let size: SyntheticSize
  let variant: ModelVariant
  let seed: Int
  let entry: Entry

  var testDescription: String { "\(size.rawValue) \(variant.rawValue) \(seed): \(entry.name)" }

  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/golden")

  /// Every recorded utterance.
  static let all: [GoldenCase] = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: fixtures.path)) ?? []
    return names.sorted().flatMap { name -> [GoldenCase] in
      let folder = fixtures.appending(path: name)
      guard let data = try? Data(contentsOf: folder.appending(path: "cases.json")),
        let file = try? JSONDecoder().decode(File.self, from: data),
        let size = SyntheticSize(rawValue: file.checkpoint.size),
        let variant = ModelVariant(rawValue: file.checkpoint.variant)
      else { return [] }
      return file.cases.filter { $0.text != nil }.map {
        GoldenCase(
          folder: folder.path, size: size, variant: variant, seed: file.checkpoint.seed, entry: $0)
      }
    }
  }()
}

/// Runs one recorded utterance and compares on the way.
struct GoldenSpeaker {
  let golden: GoldenCase
  let arrays: Safetensors
  let configuration: ModelConfiguration
  let backend = CPUBackend()
  let step: FrameStep<CPUBackend>
  let codec: CodecStreams<CPUBackend>

  init(_ golden: GoldenCase) throws {
    self.golden = golden
    arrays = try Safetensors(path: "\(golden.folder)/\(golden.entry.name).safetensors")
    let checkpoint = Checkpoint.synthetic(golden.size, variant: golden.variant, seed: golden.seed)
    configuration = checkpoint.configuration
    let model = try LanguageModel(
      reading: checkpoint.weights, checkpoint.configuration, on: backend)
    step = FrameStep(model, capacity: 1024, on: backend)
    codec = CodecStreams(
      try CodecDecoder(
        reading: checkpoint.codecWeights.scoped("decoder."), checkpoint.codecConfiguration.decoder,
        on: backend),
      batchCapacity: 10, on: backend)
  }

  func integers(_ name: String) throws -> [Int32] {
    try #require(arrays.tensors[name], "\(name) is recorded").integers()
  }

  func floats(_ name: String) throws -> [Float] {
    try #require(arrays.tensors[name], "\(name) is recorded").floats()
  }

  /// The prompt of the recorded inputs, or with another voice's embedding and codes.
  func prompt(embedding: [Float]? = nil, codes ownCodes: [[Int32]]? = nil) throws -> Prompt {
    let entry = golden.entry
    let talker = configuration.talker
    let name = entry.speaker?.lowercased()
    let language = try LanguageChoice(entry.language ?? "auto", speaker: name, talker: talker)
    let speaker: PromptSpeaker =
      if arrays.tensors["speaker_embedding"] != nil {
        .embedding(try embedding ?? floats("speaker_embedding"))
      } else if let name {
        .named(try #require(talker.speakers[name]))
      } else {
        .unspecified
      }
    var reference: PromptReference?
    if arrays.tensors["ref_ids"] != nil {
      let codes = try integers("ref_codes")
      let frames = stride(from: 0, to: codes.count, by: 16).map { Array(codes[$0..<$0 + 16]) }
      reference = PromptReference(textIDs: try integers("ref_ids"), codes: ownCodes ?? frames)
    }
    return Prompt(
      target: try integers("input_ids"),
      instruction: arrays.tensors["instruct_ids"] == nil ? [] : try integers("instruct_ids"),
      language: language.id, speaker: speaker, reference: reference,
      layout: entry.text_layout == "whole" ? .whole : .incremental, configuration: configuration)
  }

  /// Speaks greedily; returns the frames and the codebook-0 tokens with the end token.
  func speak(_ own: Prompt? = nil) throws -> (codes: [Int32], tokens: [Int32]) {
    let prompt = try own ?? prompt()
    let width = configuration.talker.transformer.hiddenSize
    let rows = step.embedding(of: prompt)
    try expectRows("prefill_embeds", at: "prefill_rows", of: rows, width: width)
    var greedy = SamplingSettings(samples: false)
    greedy.repetitionPenalty = golden.entry.repetition_penalty ?? 1.05
    step.begin(prompt, settings: UtteranceSettings(talker: greedy, predictor: greedy, seed: 0))
    var codes: [Int32] = []
    var tokens: [Int32] = []
    var hidden: [Float] = []
    var logits: [Float] = []
    var lastPass: [Float] = []
    let limit = golden.entry.max_new_tokens ?? 48
    while true {
      let index = tokens.count
      if index == 0 { step.firstFrame() } else { step.nextFrame() }
      hidden += backend.read(step.hidden)
      logits += backend.read(step.logits)
      lastPass += backend.read(step.predictorWork.logits)
      let frame = step.collect(index)
      tokens.append(frame[0])
      if frame[0] == configuration.talker.control.end { break }
      // The last token allowed makes no frame.
      if tokens.count == limit { break }
      codes += frame
    }
    if arrays.tensors["talker_hidden"] != nil {
      expectClose(hidden, try floats("talker_hidden"), "talker_hidden")
    }
    try expectRows(
      "talker_logits", at: "talker_steps", of: logits, width: configuration.talker.vocabularySize)
    try checkLastPass(lastPass)
    return (codes, tokens)
  }

  /// Compares the code predictor's scores for the last codebook, which all its passes go into.
  func checkLastPass(_ logits: [Float]) throws {
    let entries = configuration.predictor.codebookSize
    let passes = configuration.talker.codebookCount - 1
    let recorded = try floats("predictor_logits")
    for (row, frame) in try integers("predictor_frames").enumerated() {
      expectClose(
        Array(logits[Int(frame) * entries..<(Int(frame) + 1) * entries]),
        Array(recorded[((row + 1) * passes - 1) * entries..<(row + 1) * passes * entries]),
        "predictor_logits of frame \(frame)")
    }
  }

  /// Decodes the frames in chunks and compares with the recorded samples.
  func checkWaveform(_ codes: [Int32]) throws {
    var frames = codes
    var head = 0
    if arrays.tensors["ref_ids"] != nil {
      let reference = try integers("ref_codes")
      frames = reference + codes
      head = reference.count / 16 * 1920
    }
    var samples = codec.decodeInOfficialBlocks(frames)
    // The official package cuts a sample too little for some lengths (rounding of a ratio).
    let expected = golden.entry.samples ?? samples.count - head
    #expect(abs(samples.count - head - expected) <= 1)
    samples.removeFirst(samples.count - expected)
    if arrays.tensors["wav"] != nil {
      expectClose(samples, try floats("wav"), "wav", tolerance: 1e-4)
    } else {
      let picked = try integers("wav_indices").map { samples[Int($0)] }
      expectClose(picked, try floats("wav_values"), "wav", tolerance: 1e-4)
    }
  }

  /// The samples that are recorded, of ours and of the official ones.
  ///
  /// The official package cuts a sample too little for some lengths (rounding of a ratio): then its
  /// first sample is the reference's last.
  func recordedSamples(of samples: [Float]) throws -> (ours: [Float], official: [Float]) {
    let extra = (golden.entry.samples ?? samples.count) - samples.count
    try #require(extra == 0 || extra == 1)
    var (places, values): ([Int], [Float])
    if arrays.tensors["wav"] != nil {
      values = try floats("wav")
      places = Array(values.indices)
    } else {
      values = try floats("wav_values")
      places = try integers("wav_indices").map { Int($0) }
    }
    if extra == 1, places.first == 0 {
      places.removeFirst()
      values.removeFirst()
    }
    return (places.map { samples[$0 - extra] }, values)
  }

  /// Compares some rows of a matrix with their recorded values.
  func expectRows(_ name: String, at indices: String, of values: [Float], width: Int) throws {
    let picked = try integers(indices).flatMap { row in
      values[Int(row) * width..<(Int(row) + 1) * width]
    }
    expectClose(picked, try floats(name), name)
  }
}

/// Expects `|a − r| ≤ tolerance · max(1, |r|)` everywhere; says where it is worst.
func expectClose(
  _ actual: [Float], _ reference: [Float], _ name: String, tolerance: Float = 1e-4,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == reference.count else {
    Issue.record(
      "\(name): \(actual.count) values, expected \(reference.count)", sourceLocation: sourceLocation
    )
    return
  }
  var worst = (index: 0, share: Float(0))
  for index in actual.indices {
    let share = abs(actual[index] - reference[index]) / (tolerance * max(1, abs(reference[index])))
    if !(share <= worst.share) { worst = (index, share) }
  }
  #expect(
    worst.share <= 1,
    "\(name)[\(worst.index)]: \(actual[worst.index]), expected \(reference[worst.index])",
    sourceLocation: sourceLocation)
}
