// SPDX-License-Identifier: MIT

import ModelFiles
import SpeechModel
package import SyntheticCheckpoint

/// What whole models are asked for.
package enum VerifiedUtterance: String, CaseIterable, Sendable {
  case prompts, greedy, topK = "top-k", topP = "top-p", codec, interleaved = "codec interleaved"
  case fewPositions = "few positions", someContext = "512 positions"
  case longContext = "4,096 positions"

  /// What a shape is asked for when nothing is said: the wide ones have the codec of the small ones,
  /// and prompts of thousands of rows take a CPU minutes at those widths.
  package static func all(for size: SyntheticSize) -> [VerifiedUtterance] {
    switch size {
    case .wide, .wide06: [.greedy, .topK, .topP, .interleaved, .fewPositions, .someContext]
    case .tiny, .tiny06, .small, .large: allCases
    }
  }

  /// How the talker's keys and values are kept.
  ///
  /// Those of the contexts are rounded to bf16, as in speaking. A number that lies between two may be
  /// kept as either, and a code then be another: so there the reference follows what the candidate
  /// says, and the talker's hidden state is compared. Codes are compared with a cache in F32.
  var cachePrecision: CachePrecision {
    switch self {
    case .fewPositions, .someContext, .longContext: .bfloat16
    case .prompts, .greedy, .topK, .topP, .codec, .interleaved: .float32
    }
  }

  /// Text tokens of a context's prompt: its frames go past the number, or to the end of what there is
  /// room for.
  var promptTokens: Int {
    switch self {
    case .longContext: 4062
    case .someContext: 490
    default: 36
    }
  }

  var settings: SamplingSettings {
    switch self {
    case .topK: SamplingSettings(repetitionPenalty: 1.05)
    case .topP: SamplingSettings(topP: 0.9, repetitionPenalty: 1.05)
    default: SamplingSettings(samples: false, repetitionPenalty: 1.05)
    }
  }
}

extension ModelHarness {
  /// What this backend says.
  ///
  /// - Parameters:
  ///   - frameCount: Frames of an utterance that is compared.
  ///   - codes: What another speaker said of a context, to be followed.
  /// - Returns: What is compared, and what was said of a context.
  func results(
    of utterance: VerifiedUtterance, frames frameCount: Int, following codes: [Int32]? = nil
  ) throws -> (results: [MeasuredResult], codes: [Int32]) {
    var results: [MeasuredResult] = []
    var said: [Int32] = []
    func keep(_ values: [Float], _ name: String, _ tolerance: Tolerance) {
      results.append(MeasuredResult(name: name, values: values, tolerance: tolerance))
    }
    switch utterance {
    case .prompts:
      for tokens in [3, 30, 100, 300] {
        let prompt = prompt(tokens: tokens, layout: .whole)
        keep(
          try read(prompt, utterance.settings), "hidden state after \(prompt.rows.count) rows",
          .network)
      }
    case .greedy, .topK, .topP:
      for layout in PromptLayout.allCases {
        let hidden = try read(prompt(tokens: 30, layout: layout), utterance.settings)
        keep(hidden, "hidden state, text \(layout.rawValue)", .network)
        let codes = try speak(frames: frameCount)
        keep(codes.map(Float.init), "codes, text \(layout.rawValue)", .exact)
        keep(try backend.read(step.hidden), "last hidden state, text \(layout.rawValue)", .network)
        for (name, scores) in [("talker", step.logits), ("predictor", step.predictorWork.logits)] {
          keep(
            try backend.read(scores), "last scores of the \(name), text \(layout.rawValue)",
            .network)
        }
      }
    case .codec:
      let codes = inventedCodes(frames: 20)
      for chunk in [16, 1, 2, 3, 5, 8] {
        keep(try decode(codes, chunk: chunk), "samples, \(chunk) frames at a time", .audio)
      }
      let reference = inventedCodes(frames: 37)
      for name in ["a reference", "the same reference"] {
        keep(try decode(codes, chunk: 4, after: reference), "samples after \(name)", .audio)
      }
    case .interleaved:
      for chunk in [1, 4] {
        _ = try read(prompt(tokens: 30, layout: .incremental), utterance.settings)
        try codec.begin(after: [])
        var (pending, samples): ([Int32], [Float]) = ([], [])
        let codes = try speak(frames: 24) { frame in
          // Control ids have no sound.
          pending += frame.map { min($0, Int32(entries) - 1) }
          guard pending.count == 16 * chunk else { return }
          samples += try codec.decode(pending)
          pending = []
        }
        keep(codes.map(Float.init), "codes, \(chunk) frames at a time", .exact)
        keep(samples, "samples, \(chunk) frames at a time", .audio)
      }
    case .fewPositions, .someContext, .longContext:
      let prompt = prompt(tokens: utterance.promptTokens, layout: .whole)
      keep(
        try read(prompt, utterance.settings), "hidden state after \(prompt.rows.count) rows",
        .roundedNetwork)
      if let codes { try follow(codes) } else { said = try speak(frames: frameCount) }
      keep(try backend.read(step.hidden), "hidden state at the end", .roundedNetwork)
    }
    return (results, said)
  }
}
