// SPDX-License-Identifier: MIT

import ModelFiles
import SpeechModel
import SyntheticCheckpoint

extension Verification {
  /// Speaks what the official package spoke, with keys and values in F32, and compares all codes with its
  /// codes; clones the voices from their recording on the way. True when all are equal.
  package func verifyGolden() -> Bool {
    let golden: GoldenFiles
    do {
      golden = try GoldenFiles()
    } catch {
      report(VerificationOutcome("golden", error: "\(error)"))
      return false
    }
    return every(golden.checkpoints.map { ($0, "golden, \($0.folder)") }) { checkpoint in
      var (found, expected): ([MeasuredResult], [MeasuredResult]) = ([], [])
      try speak(checkpoint, golden.recording, keptIn: .float32) { utterance, said in
        let name = utterance.options.name
        found += said.results(of: name)
        expected += try GoldenSpeech(official: utterance).results(of: name)
      }
      return [
        VerificationOutcome("golden, \(checkpoint.folder)", found: found, expected: expected)
      ]
    }
  }

  /// Speaks the same with keys and values in bf16, where a near-tie may turn out otherwise, and reports
  /// how many utterances have all codes of the official package in F32. True unless something fails.
  package func countGolden() -> Bool {
    var (equal, all) = (0, 0)
    do {
      let golden = try GoldenFiles()
      for checkpoint in golden.checkpoints {
        try speak(checkpoint, golden.recording, keptIn: .bfloat16) { utterance, said in
          all += 1
          if try said.codes == utterance.integers("codes") { equal += 1 }
        }
      }
    } catch {
      report(VerificationOutcome("golden in bf16", error: "\(error)"))
      return false
    }
    report(
      VerificationOutcome(
        "golden in bf16",
        note: "\(equal) of \(all) utterances have all codes of an official run in F32"))
    return true
  }

  /// Speaks the utterances of a checkpoint, with one model and one pair of encoders.
  private func speak(
    _ golden: GoldenCheckpoint, _ recording: [Float], keptIn precision: CachePrecision,
    _ heard: (GoldenUtterance, GoldenSpeech) throws -> Void
  ) throws {
    let checkpoint = Checkpoint.synthetic(golden.size, variant: golden.variant, seed: golden.seed)
    let backend = try candidate(true)
    let speaker = try ModelHarness(checkpoint, cachePrecision: precision, on: backend)
    let encoders =
      golden.variant == .base
      ? try Encoders(checkpoint, capacity: recording.count, on: backend) : nil
    for utterance in golden.utterances {
      try heard(
        utterance, try speaker.speak(utterance, encoders, recording))
    }
  }
}

/// What was said of an utterance.
private struct GoldenSpeech {
  /// The frames, `[frames, 16]`.
  var codes: [Int32]
  /// Codebook-0 tokens, with the end token if it came.
  var tokens: [Int32]
  /// Of a cloned voice.
  var embedding: [Float]?
  /// Of a cloned voice whose reference was transcribed.
  var referenceCodes: [Int32]?

  init(codes: [Int32], tokens: [Int32]) { (self.codes, self.tokens) = (codes, tokens) }

  /// What the official package said.
  init(official utterance: GoldenUtterance) throws {
    codes = try utterance.integers("codes")
    tokens = try utterance.integers("step_tokens")
    embedding = utterance.tensors["speaker_embedding"]?.floats()
    referenceCodes = try utterance.tensors["ref_codes"]?.integers()
  }

  func results(of name: String) -> [MeasuredResult] {
    var results = [
      MeasuredResult(name: "\(name), codes", values: codes.map(Float.init), tolerance: .exact),
      MeasuredResult(name: "\(name), tokens", values: tokens.map(Float.init), tolerance: .exact),
    ]
    if let embedding {
      results.append(
        MeasuredResult(name: "\(name), embedding", values: embedding, tolerance: .embedding))
    }
    if let referenceCodes {
      results.append(
        MeasuredResult(
          name: "\(name), codes of the reference", values: referenceCodes.map(Float.init),
          tolerance: .exact))
    }
    return results
  }
}

extension ModelHarness {
  /// Speaks an utterance greedily, as the official package was asked to.
  fileprivate func speak(
    _ golden: GoldenUtterance, _ encoders: Encoders<B>?, _ recording: [Float]
  ) throws -> GoldenSpeech {
    var said = GoldenSpeech(codes: [], tokens: [])
    if let encoders, let count = golden.options.refSamples {
      let samples = Array(recording.prefix(count))
      said.embedding = try encoders.speaker.embedding(of: samples)
      if golden.tensors["ref_codes"] != nil {
        said.referenceCodes = try encoders.codec.encode(samples).flatMap(\.self)
      }
    }
    let settings = SamplingSettings(
      samples: false, repetitionPenalty: golden.options.repetitionPenalty ?? 1.05)
    _ = try read(prompt(golden), settings)
    let width = configuration.talker.codebookCount
    let limit = golden.options.maxNewTokens ?? 48
    let frames = try speak(frames: limit)
    let tokens = stride(from: 0, to: frames.count, by: width).map { frames[$0] }
    let end = tokens.firstIndex(of: configuration.talker.control.end)
    said.tokens = Array(tokens[...(end ?? limit - 1)])
    // The end token makes no frame, and neither does the last that is allowed.
    said.codes = Array(frames.prefix((end ?? limit - 1) * width))
    return said
  }

  /// The prompt of the recorded inputs.
  private func prompt(_ golden: GoldenUtterance) throws -> Prompt {
    let talker = configuration.talker
    let name = golden.options.speaker?.lowercased()
    let language = try LanguageChoice(
      golden.options.language ?? "auto", speaker: name, talker: talker)
    let speaker: PromptSpeaker =
      if let embedding = golden.tensors["speaker_embedding"] {
        .embedding(embedding.floats())
      } else if let name {
        try talker.speakers[name].map { .named($0) }
          ?? { throw golden.missing("speaker \(name)") }()
      } else {
        .unspecified
      }
    var reference: PromptReference?
    if golden.tensors["ref_codes"] != nil {
      let codes = try golden.integers("ref_codes")
      let frames = stride(from: 0, to: codes.count, by: talker.codebookCount).map {
        Array(codes[$0..<$0 + talker.codebookCount])
      }
      reference = PromptReference(textIDs: try golden.integers("ref_ids"), codes: frames)
    }
    return Prompt(
      target: try golden.integers("input_ids"),
      instruction: golden.tensors["instruct_ids"] == nil ? [] : try golden.integers("instruct_ids"),
      language: language.id, speaker: speaker, reference: reference,
      layout: golden.options.textLayout == "whole" ? .whole : .incremental,
      configuration: configuration)
  }
}
