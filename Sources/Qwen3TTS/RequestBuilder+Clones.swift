// SPDX-License-Identifier: MIT

import SpeechModel
import TextTokenizer

extension RequestBuilder {
  /// Refuses a voice that this model cannot speak with.
  func checkClone(embedding: [Float], codes: [[Int32]]) throws(SynthesisError) {
    guard configuration.variant == .base else {
      throw SynthesisError(
        .invalidInput,
        "voice: expected a Base model for a cloned voice, found a \(configuration.variant.rawValue) "
          + "model. Name a Base model, or one of this model's voices.")
    }
    let width = configuration.talker.transformer.hiddenSize
    guard embedding.count == width else {
      throw SynthesisError(
        .invalidInput,
        "voice: expected an embedding of \(width) numbers, as wide as this model, found "
          + "\(embedding.count): the voice was made with a model of another size. Make it again "
          + "from its recording with this model, or name the model it was made with.")
    }
    guard embedding.allSatisfy(\.isFinite) else {
      throw SynthesisError(
        .invalidInput, "voice: expected an embedding of finite numbers, found infinite ones")
    }
    let count = configuration.talker.codebookCount
    // Both hold a code's embedding; the first codebook's are the talker's.
    let size = min(
      configuration.talker.vocabularySize - 1024, configuration.predictor.codebookSize)
    for frame in codes {
      guard frame.count == count, frame.allSatisfy({ $0 >= 0 && Int($0) < size }) else {
        throw SynthesisError(
          .invalidInput,
          "voice: expected frames of \(count) codes in 0…\(size - 1), found \(frame). "
            + "The voice was made with another codec; make it again from its recording.")
      }
    }
  }

  /// The reference speech of a voice that has some.
  func reference(_ voice: Voice, tokenizer: TextTokenizer) -> PromptReference? {
    guard case .cloned(let voice) = voice, let transcript = voice.transcript else { return nil }
    return PromptReference(textIDs: tokenizer.referenceIDs(transcript), codes: voice.codes)
  }
}
