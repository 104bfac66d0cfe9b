// SPDX-License-Identifier: MIT

import ModelFiles
import SpeechModel

/// What whole models are asked for.
package enum VerifiedUtterance: String, CaseIterable, Sendable {
  case prompts, greedy, topK = "top-k", topP = "top-p", codec, longContext = "4,096 positions"

  /// Requirements of `Backend` that only whole utterances show.
  package static let requirements = ["replay", "makeFrame", "prepare", "promptRows"]

  var settings: SamplingSettings {
    switch self {
    case .topK: SamplingSettings(repetitionPenalty: 1.05)
    case .topP: SamplingSettings(topP: 0.9, repetitionPenalty: 1.05)
    default: SamplingSettings(samples: false, repetitionPenalty: 1.05)
    }
  }
}

/// Frames of an utterance that is compared.
private let frameCount = 24

extension Speaker {
  /// What this backend says.
  func results(of utterance: VerifiedUtterance) throws -> [MeasuredResult] {
    var results: [MeasuredResult] = []
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
      for layout in TextLayout.allCases {
        let hidden = try read(prompt(tokens: 30, layout: layout), utterance.settings)
        keep(hidden, "hidden state, text \(layout.rawValue)", .network)
        let codes = try speak(frames: frameCount)
        keep(codes.map(Float.init), "codes, text \(layout.rawValue)", .exact)
      }
    case .codec:
      let codes = inventedCodes(frames: 20)
      for chunk in [16, 1, 2, 3, 5, 8] {
        keep(try decode(codes, chunk: chunk), "samples, \(chunk) frames at a time", .audio)
      }
      let reference = inventedCodes(frames: 37)
      for name in ["a reference", "the same reference"] {
        keep(try decode(codes, chunk: 4, after: reference), "samples behind \(name)", .audio)
      }
    case .longContext:
      let prompt = prompt(tokens: 4062, layout: .whole)
      keep(
        try read(prompt, utterance.settings), "hidden state after \(prompt.rows.count) rows",
        .network)
      keep(try speak(frames: frameCount).map(Float.init), "codes at the end", .exact)
    }
    return results
  }
}
