// SPDX-License-Identifier: MIT

/// Dimensions and constants of one stack of pre-norm transformer layers.
///
/// The talker, the code predictor and the codec decoder's transformer are the same layer with
/// three of these.
package struct TransformerConfiguration: Sendable, Equatable {
  /// Width of the residual stream.
  package var hiddenSize: Int
  /// Width of the gated feed-forward layer.
  package var intermediateSize: Int
  package var layerCount: Int
  /// Query heads.
  package var headCount: Int
  /// Key and value heads; divides `headCount`.
  package var kvHeadCount: Int
  /// Entries of one head. A key of its own: it is not `hiddenSize / headCount`.
  package var headDim: Int
  /// Added to the mean square in RMSNorm.
  package var normEpsilon: Float
  /// Base of the rotary frequencies.
  package var ropeTheta: Double
  /// Positions a query sees, itself included; `nil` means all earlier ones.
  package var window: Int?

  package init(
    hiddenSize: Int, intermediateSize: Int, layerCount: Int, headCount: Int, kvHeadCount: Int,
    headDim: Int, normEpsilon: Float, ropeTheta: Double, window: Int? = nil
  ) {
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.kvHeadCount = kvHeadCount
    self.headDim = headDim
    self.normEpsilon = normEpsilon
    self.ropeTheta = ropeTheta
    self.window = window
  }

  /// Width of the concatenated query heads.
  package var queryWidth: Int { headCount * headDim }
  /// Width of the concatenated key heads, and of the value heads.
  package var kvWidth: Int { kvHeadCount * headDim }
  /// Head counts and width, as attention needs them.
  package var attention: AttentionShape {
    AttentionShape(headCount: headCount, kvHeadCount: kvHeadCount, headDim: headDim)
  }
}

/// The heads of one attention layer.
package struct AttentionShape: Sendable, Equatable, Hashable {
  package var headCount: Int
  package var kvHeadCount: Int
  package var headDim: Int

  package init(headCount: Int, kvHeadCount: Int, headDim: Int) {
    self.headCount = headCount
    self.kvHeadCount = kvHeadCount
    self.headDim = headDim
  }

  package var queryWidth: Int { headCount * headDim }
  package var kvWidth: Int { kvHeadCount * headDim }
  /// Width of one packed row: queries, then keys, then values.
  package var packedWidth: Int { queryWidth + 2 * kvWidth }
}

/// Which of the three released kinds of model a checkpoint is.
package enum ModelVariant: String, Sendable, CaseIterable {
  /// Speaks with a given speaker embedding, or continues reference speech.
  case base
  /// Speaks with named voices.
  case customVoice = "custom_voice"
  /// Speaks with a voice described in words.
  case voiceDesign = "voice_design"
}

/// Text-side ids the prompt layout needs, from the top level of `config.json`.
package struct TextControlIDs: Sendable, Equatable {
  package var pad: Int32
  package var begin: Int32
  package var end: Int32
  package var imStart: Int32
  package var imEnd: Int32
  package var assistant: Int32

  package init(
    pad: Int32, begin: Int32, end: Int32, imStart: Int32, imEnd: Int32, assistant: Int32
  ) {
    self.pad = pad
    self.begin = begin
    self.end = end
    self.imStart = imStart
    self.imEnd = imEnd
    self.assistant = assistant
  }
}

/// Codec-side control ids, from `talker_config`.
package struct CodecControlIDs: Sendable, Equatable {
  package var pad: Int32
  package var begin: Int32
  package var end: Int32
  package var think: Int32
  package var noThink: Int32
  package var thinkBegin: Int32
  package var thinkEnd: Int32

  package init(
    pad: Int32, begin: Int32, end: Int32, think: Int32, noThink: Int32, thinkBegin: Int32,
    thinkEnd: Int32
  ) {
    self.pad = pad
    self.begin = begin
    self.end = end
    self.think = think
    self.noThink = noThink
    self.thinkBegin = thinkBegin
    self.thinkEnd = thinkEnd
  }
}

/// The talker: the transformer that gives codebook 0 of each frame.
package struct TalkerConfiguration: Sendable, Equatable {
  package var transformer: TransformerConfiguration
  /// Rows of the codec embedding and of the codec head: codes, control ids, languages, speakers.
  package var vocabularySize: Int
  /// Rows and columns of the text table.
  package var textVocabularySize: Int
  package var textHiddenSize: Int
  /// Codes in a frame; 16 in every released model.
  package var codebookCount: Int
  package var control: CodecControlIDs
  /// Language name in lower case to codec-side id.
  package var languages: [String: Int32]
  /// Speaker name in lower case to codec-side id.
  package var speakers: [String: Int32]
  /// Speaker name to the dialect it speaks when the language is unknown or Chinese.
  package var speakerDialects: [String: String]

  package init(
    transformer: TransformerConfiguration, vocabularySize: Int, textVocabularySize: Int,
    textHiddenSize: Int, codebookCount: Int, control: CodecControlIDs,
    languages: [String: Int32], speakers: [String: Int32], speakerDialects: [String: String]
  ) {
    self.transformer = transformer
    self.vocabularySize = vocabularySize
    self.textVocabularySize = textVocabularySize
    self.textHiddenSize = textHiddenSize
    self.codebookCount = codebookCount
    self.control = control
    self.languages = languages
    self.speakers = speakers
    self.speakerDialects = speakerDialects
  }
}

/// The code predictor: the small transformer that gives codebooks 1…15 of each frame.
package struct CodePredictorConfiguration: Sendable, Equatable {
  package var transformer: TransformerConfiguration
  /// Entries of each codebook.
  package var codebookSize: Int

  package init(transformer: TransformerConfiguration, codebookSize: Int) {
    self.transformer = transformer
    self.codebookSize = codebookSize
  }
}

/// The speaker encoder of Base models (ECAPA-TDNN over a mel spectrogram).
package struct SpeakerEncoderConfiguration: Sendable, Equatable {
  /// Width of the speaker embedding; equals the talker's hidden size.
  package var embeddingSize: Int
  package var sampleRate: Int
  package var melBandCount: Int
  package var channels: [Int]
  package var kernelSizes: [Int]
  package var dilations: [Int]
  package var attentionChannels: Int
  package var res2NetScale: Int
  package var squeezeChannels: Int

  package init(
    embeddingSize: Int, sampleRate: Int, melBandCount: Int = 128,
    channels: [Int] = [512, 512, 512, 512, 1536], kernelSizes: [Int] = [5, 3, 3, 3, 1],
    dilations: [Int] = [1, 2, 3, 4, 1], attentionChannels: Int = 128, res2NetScale: Int = 8,
    squeezeChannels: Int = 128
  ) {
    self.embeddingSize = embeddingSize
    self.sampleRate = sampleRate
    self.melBandCount = melBandCount
    self.channels = channels
    self.kernelSizes = kernelSizes
    self.dilations = dilations
    self.attentionChannels = attentionChannels
    self.res2NetScale = res2NetScale
    self.squeezeChannels = squeezeChannels
  }
}

/// Everything `config.json` says about the language side of a checkpoint.
package struct ModelConfiguration: Sendable, Equatable {
  package var variant: ModelVariant
  /// `tts_model_size`, for example `0b6` or `1b7`.
  package var sizeLabel: String
  package var text: TextControlIDs
  package var talker: TalkerConfiguration
  package var predictor: CodePredictorConfiguration
  package var speakerEncoder: SpeakerEncoderConfiguration?
  /// How text is written out before the model reads it. Released models read it as it is.
  package var textNormalization: TextNormalizationRule?
  /// How long a text usually takes, where the voice has learned that.
  package var usualFrames: UsualFrames?

  package init(
    variant: ModelVariant, sizeLabel: String, text: TextControlIDs, talker: TalkerConfiguration,
    predictor: CodePredictorConfiguration, speakerEncoder: SpeakerEncoderConfiguration?,
    textNormalization: TextNormalizationRule? = nil, usualFrames: UsualFrames? = nil
  ) {
    self.variant = variant
    self.sizeLabel = sizeLabel
    self.text = text
    self.talker = talker
    self.predictor = predictor
    self.speakerEncoder = speakerEncoder
    self.textNormalization = textNormalization
    self.usualFrames = usualFrames
  }
}

extension CodecDecoderConfiguration {
  /// Dilations of a block's convolutions of kernel 7.
  static let unitDilations = [1, 3, 9]
}

/// Rules that a model asks its text to be written out by: `text_normalization` at the top level of
/// `config.json`, a key of this project which the official package ignores.
package enum TextNormalizationRule: String, Sendable, CaseIterable {
  /// English words in the place of digits, abbreviations and signs.
  case english
}

/// Frames that a text usually takes: `usual_frames` at the top level of `config.json`, a key of this
/// project. `Training/lengths.py` fits it to what the voice's teacher takes.
package struct UsualFrames: Sendable, Equatable, Decodable {
  /// Of any text.
  package var text: Double
  /// Of each letter.
  package var letter: Double
  /// Of each word, beside its letters.
  package var word: Double
  /// Of each word of one letter other than "a" and "I", which is the letter's name.
  package var spelledLetter: Double
  /// Of each comma, colon and semicolon.
  package var comma: Double
  /// Of each full stop, question mark and exclamation mark.
  package var stop: Double
  /// Before the first word, where the text comes a token a frame.
  package var wait: Double

  package init(
    text: Double, letter: Double, word: Double, spelledLetter: Double, comma: Double, stop: Double,
    wait: Double
  ) {
    (self.text, self.letter, self.word) = (text, letter, word)
    (self.spelledLetter, self.comma, self.stop) = (spelledLetter, comma, stop)
    self.wait = wait
  }

  /// Frames that a text of words usually takes, without those of `wait`.
  package func frames(for text: String) -> Double {
    var frames = self.text
    for word in text.split(whereSeparator: \.isWhitespace) {
      let letters = word.count(where: \.isLetter)
      frames += self.word + letter * Double(letters)
      if letters == 1, !word.contains(where: { "aAI".contains($0) }) { frames += spelledLetter }
      frames += comma * Double(word.count { ",;:".contains($0) })
      frames += stop * Double(word.count { ".!?".contains($0) })
    }
    return frames
  }
}

/// The codec decoder: codes to waveform.
package struct CodecDecoderConfiguration: Sendable, Equatable {
  package var transformer: TransformerConfiguration
  /// Entries of each codebook.
  package var codebookSize: Int
  /// Quantizers, the semantic one included; equals the talker's `codebookCount`.
  package var quantizerCount: Int
  /// Width after the quantizer's output projections. One codebook row is half of it.
  package var codebookDim: Int
  /// Width between the transformer and the convolutions.
  package var latentDim: Int
  /// Channels at the head of the waveform stack; halved by each of its blocks.
  package var decoderDim: Int
  /// Strides of the waveform stack's blocks.
  package var upsampleRates: [Int]
  /// Strides of the ConvNeXt stages before it.
  package var upsamplingRatios: [Int]

  package init(
    transformer: TransformerConfiguration, codebookSize: Int, quantizerCount: Int,
    codebookDim: Int, latentDim: Int, decoderDim: Int, upsampleRates: [Int],
    upsamplingRatios: [Int]
  ) {
    self.transformer = transformer
    self.codebookSize = codebookSize
    self.quantizerCount = quantizerCount
    self.codebookDim = codebookDim
    self.latentDim = latentDim
    self.decoderDim = decoderDim
    self.upsampleRates = upsampleRates
    self.upsamplingRatios = upsamplingRatios
  }

  /// Samples made from one frame.
  package var samplesPerFrame: Int {
    upsampleRates.reduce(1, *) * upsamplingRatios.reduce(1, *)
  }
}

/// The codec encoder: waveform to codes.
package struct CodecEncoderConfiguration: Sendable, Equatable {
  /// Full causal attention; the configured window is not applied (docs/model.md, section 12).
  package var transformer: TransformerConfiguration
  package var codebookSize: Int
  package var quantizerCount: Int
  package var codebookDim: Int
  package var filterCount: Int
  /// As stored; used in reverse.
  package var upsamplingRatios: [Int]
  package var kernelSize: Int
  package var lastKernelSize: Int
  package var residualKernelSize: Int
  package var compress: Int

  package init(
    transformer: TransformerConfiguration, codebookSize: Int, quantizerCount: Int,
    codebookDim: Int, filterCount: Int, upsamplingRatios: [Int], kernelSize: Int,
    lastKernelSize: Int, residualKernelSize: Int, compress: Int
  ) {
    self.transformer = transformer
    self.codebookSize = codebookSize
    self.quantizerCount = quantizerCount
    self.codebookDim = codebookDim
    self.filterCount = filterCount
    self.upsamplingRatios = upsamplingRatios
    self.kernelSize = kernelSize
    self.lastKernelSize = lastKernelSize
    self.residualKernelSize = residualKernelSize
    self.compress = compress
  }
}

/// Everything `speech_tokenizer/config.json` says.
package struct CodecConfiguration: Sendable, Equatable {
  /// Hz, in and out.
  package var sampleRate: Int
  package var decoder: CodecDecoderConfiguration
  package var encoder: CodecEncoderConfiguration
  /// Codebooks the encoder keeps.
  package var encoderQuantizerCount: Int

  package init(
    sampleRate: Int, decoder: CodecDecoderConfiguration, encoder: CodecEncoderConfiguration,
    encoderQuantizerCount: Int
  ) {
    self.sampleRate = sampleRate
    self.decoder = decoder
    self.encoder = encoder
    self.encoderQuantizerCount = encoderQuantizerCount
  }
}

/// Sampling of one kind of code, as `generation_config.json` and a caller's overrides give it.
package struct SamplingSettings: Sendable, Equatable {
  /// False: the largest score is taken.
  package var samples: Bool
  package var temperature: Float
  /// Scores kept, ties included; 0 keeps all.
  package var topK: Int
  /// Probability mass kept; 1 keeps all.
  package var topP: Float
  /// Divides positive and multiplies negative scores of tokens already generated; 1 is off.
  package var repetitionPenalty: Float

  package init(
    samples: Bool = true, temperature: Float = 0.9, topK: Int = 50, topP: Float = 1,
    repetitionPenalty: Float = 1
  ) {
    self.samples = samples
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.repetitionPenalty = repetitionPenalty
  }
}

/// `generation_config.json`.
package struct GenerationConfiguration: Sendable, Equatable {
  /// Codebook 0.
  package var talker: SamplingSettings
  /// Codebooks 1…15.
  package var predictor: SamplingSettings
  /// Tokens, the end token included: at most one more than the frames.
  package var maxNewTokens: Int

  package init(
    talker: SamplingSettings = SamplingSettings(repetitionPenalty: 1.05),
    predictor: SamplingSettings = SamplingSettings(), maxNewTokens: Int = 8192
  ) {
    self.talker = talker
    self.predictor = predictor
    self.maxNewTokens = maxNewTokens
  }
}
