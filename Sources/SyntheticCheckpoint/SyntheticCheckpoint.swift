// SPDX-License-Identifier: MIT

package import ModelFiles
package import SpeechModel

/// The shapes random weights can be made in.
package enum SyntheticSize: String, Sendable, CaseIterable {
  /// Small, with unequal widths of talker and predictor, as in the 1.7B.
  case tiny
  /// Small, with equal widths, as in the 0.6B.
  case tiny06
  /// The released widths in one to two layers, with fewer codes and a small codec: what kernels made
  /// for those widths can be tested with. As in the 1.7B; 280 MB.
  case wide
  /// As `wide`, as in the 0.6B; 170 MB.
  case wide06
  case small = "0.6B"
  case large = "1.7B"

  /// All of a released model.
  package var isReleased: Bool { self == .small || self == .large }
  /// Whether the language model has the released widths.
  package var isWide: Bool { isReleased || self == .wide || self == .wide06 }
  /// Whether talker and predictor differ in width, as in the 1.7B.
  var isProjected: Bool { self == .tiny || self == .wide || self == .large }
  /// Codes of a codebook.
  var codes: Int { isReleased ? 2048 : isWide ? 1088 : 64 }
}

extension Checkpoint {
  /// A checkpoint of random weights in a released or a small shape.
  package static func synthetic(
    _ size: SyntheticSize, variant: ModelVariant, seed: Int
  ) -> Checkpoint {
    Checkpoint(
      configuration: .synthetic(size, variant: variant),
      codecConfiguration: .synthetic(size), generation: GenerationConfiguration(),
      weights: SyntheticWeights(seed: seed, elementType: .bfloat16),
      codecWeights: SyntheticWeights(seed: seed, elementType: .float32))
  }
}

extension ModelConfiguration {
  /// The released configurations (docs/model.md, section 2), and the small ones of the oracle.
  static func synthetic(_ size: SyntheticSize, variant: ModelVariant) -> ModelConfiguration {
    let (released, wide, projected) = (size.isReleased, size.isWide, size.isProjected)
    let codes = Int32(size.codes)
    // Control, language and speaker ids keep their distance to the codes.
    let shift = codes - 2048
    func stack(_ hidden: Int, _ inner: Int, _ layers: Int) -> TransformerConfiguration {
      TransformerConfiguration(
        hiddenSize: hidden, intermediateSize: inner, layerCount: layers,
        headCount: wide ? 16 : 4, kvHeadCount: wide ? 8 : 2, headDim: 128,
        normEpsilon: 1e-6, ropeTheta: 1e6)
    }
    // One of the wide ones has a stack of one layer, the other of two: what is between layers shows,
    // and what a first and last layer does.
    let talker =
      wide
      ? stack(
        projected ? 2048 : 1024, projected ? 6144 : 3072, released ? 28 : projected ? 1 : 2)
      : stack(128, 256, 3)
    let predictor =
      wide
      ? stack(1024, 3072, released ? 5 : projected ? 2 : 1)
      : projected ? stack(64, 128, 2) : stack(128, 192, 2)
    var languages: [String: Int32] = [
      "chinese": 2055, "english": 2050, "german": 2053, "italian": 2070, "portuguese": 2071,
      "spanish": 2054, "japanese": 2058, "korean": 2064, "french": 2061, "russian": 2069,
    ]
    var speakers: [String: Int32] = [:]
    if variant == .customVoice {
      languages["beijing_dialect"] = 2074
      languages["sichuan_dialect"] = 2062
      speakers = [
        "serena": 3066, "vivian": 3065, "uncle_fu": 3010, "ryan": 3061, "aiden": 2861,
        "ono_anna": 2873, "sohee": 2864, "eric": 2875, "dylan": 2878,
      ]
    }
    let text =
      released
      ? TextControlIDs(
        pad: 151671, begin: 151672, end: 151673, imStart: 151644, imEnd: 151645, assistant: 77091)
      : TextControlIDs.tiny
    return ModelConfiguration(
      variant: variant, sizeLabel: projected ? "1b7" : "0b6", text: text,
      talker: TalkerConfiguration(
        transformer: talker, vocabularySize: Int(codes) + 1024,
        textVocabularySize: released ? 151936 : TextControlIDs.tinyVocabularySize,
        textHiddenSize: released ? 2048 : 96, codebookCount: 16,
        control: CodecControlIDs(
          pad: 2148 + shift, begin: 2149 + shift, end: 2150 + shift, think: 2154 + shift,
          noThink: 2155 + shift, thinkBegin: 2156 + shift, thinkEnd: 2157 + shift),
        languages: languages.mapValues { $0 + shift }, speakers: speakers.mapValues { $0 + shift },
        speakerDialects: variant == .customVoice
          ? ["eric": "sichuan_dialect", "dylan": "beijing_dialect"] : [:]),
      predictor: CodePredictorConfiguration(transformer: predictor, codebookSize: Int(codes)),
      speakerEncoder: variant == .base
        ? .synthetic(embeddingSize: talker.hiddenSize, released: released) : nil)
  }
}

extension SpeakerEncoderConfiguration {
  fileprivate static func synthetic(
    embeddingSize: Int, released: Bool
  ) -> SpeakerEncoderConfiguration {
    released
      ? SpeakerEncoderConfiguration(embeddingSize: embeddingSize, sampleRate: 24000)
      : SpeakerEncoderConfiguration(
        embeddingSize: embeddingSize, sampleRate: 24000, channels: [64, 64, 64, 64, 192],
        attentionChannels: 16, squeezeChannels: 16)
  }
}

extension CodecConfiguration {
  static func synthetic(_ size: SyntheticSize) -> CodecConfiguration {
    let (released, codes) = (size.isReleased, size.codes)
    let decoder = TransformerConfiguration(
      hiddenSize: released ? 512 : 64, intermediateSize: released ? 1024 : 128,
      layerCount: released ? 8 : 2, headCount: released ? 16 : 2, kvHeadCount: released ? 16 : 2,
      headDim: 64, normEpsilon: 1e-5, ropeTheta: 10000, window: released ? 72 : 16)
    let encoder = TransformerConfiguration(
      hiddenSize: released ? 512 : 128, intermediateSize: released ? 2048 : 256,
      layerCount: released ? 8 : 2, headCount: released ? 8 : 2, kvHeadCount: released ? 8 : 2,
      headDim: 64, normEpsilon: 1e-5, ropeTheta: 10000)
    return CodecConfiguration(
      sampleRate: 24000,
      decoder: CodecDecoderConfiguration(
        transformer: decoder, codebookSize: codes, quantizerCount: 16,
        codebookDim: released ? 512 : 64, latentDim: released ? 1024 : 64,
        decoderDim: released ? 1536 : 128, upsampleRates: [8, 5, 4, 3], upsamplingRatios: [2, 2]),
      encoder: CodecEncoderConfiguration(
        transformer: encoder, codebookSize: codes, quantizerCount: 32,
        codebookDim: released ? 256 : 32, filterCount: released ? 64 : 8,
        upsamplingRatios: [8, 6, 5, 4], kernelSize: 7, lastKernelSize: 3, residualKernelSize: 3,
        compress: 2),
      encoderQuantizerCount: 16)
  }
}

extension TextControlIDs {
  /// Ids of the oracle's small tokenizer: 459 entries, then the 33 added tokens.
  fileprivate static let tiny = TextControlIDs(
    pad: 487, begin: 488, end: 489, imStart: 460, imEnd: 461, assistant: 263)
  /// Rows of its text table.
  fileprivate static let tinyVocabularySize = 576
}
