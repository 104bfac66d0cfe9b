// SPDX-License-Identifier: MIT

import SpeechModel

import Foundation

// The JSON files of a checkpoint, as they are spelled there. Keys the engine does not use are
// ignored; absent keys take the official classes' defaults where those have one
// (docs/model.md, section 2).

/// `config.json`.
struct ConfigurationFile: Decodable {
  struct Talker: Decodable {
    struct Predictor: Decodable {
      var hiddenSize, intermediateSize, numHiddenLayers, numAttentionHeads, numKeyValueHeads: Int
      var headDim, vocabSize: Int
      var rmsNormEps: Float?
      var ropeTheta: Double
      var numCodeGroups: Int?
      var attentionBias: Bool?
      var hiddenAct: String?
    }

    var hiddenSize, intermediateSize, numHiddenLayers, numAttentionHeads, numKeyValueHeads: Int
    var headDim, vocabSize, textVocabSize, textHiddenSize: Int
    var rmsNormEps: Float?
    var ropeTheta: Double
    var numCodeGroups: Int
    var attentionBias: Bool?
    var hiddenAct: String?
    var codecPadId, codecBosId, codecEosTokenId, codecThinkId, codecNothinkId: Int32
    var codecThinkBosId, codecThinkEosId: Int32
    var codecLanguageId: [String: Int32]?
    var spkId: [String: Int32]?
    var spkIsDialect: [String: DialectFlag]?
    var codePredictorConfig: Predictor
  }

  struct SpeakerEncoder: Decodable {
    var encDim: Int
    var sampleRate: Int?
    var melDim: Int?
    var encChannels, encKernelSizes, encDilations: [Int]?
    var encAttentionChannels, encRes2netScale, encSeChannels: Int?
  }

  /// `false`, or the name of a dialect.
  enum DialectFlag: Decodable {
    case none
    case dialect(String)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let name = try? container.decode(String.self) {
        self = .dialect(name)
      } else {
        _ = try container.decode(Bool.self)
        self = .none
      }
    }
  }

  var modelType, ttsModelType, ttsModelSize, tokenizerType: String
  var ttsPadTokenId, ttsBosTokenId, ttsEosTokenId: Int32
  var imStartTokenId, imEndTokenId, assistantTokenId: Int32
  var talkerConfig: Talker
  var speakerEncoderConfig: SpeakerEncoder?
  var textNormalization: String?
  var usualFrames: UsualFrames?
  var quantization, quantizationConfig: QuantizationFile?
}

/// `speech_tokenizer/config.json`.
struct CodecConfigurationFile: Decodable {
  struct Decoder_: Decodable {
    var latentDim, codebookDim, codebookSize, decoderDim, hiddenSize, intermediateSize: Int
    var headDim: Int?
    var numAttentionHeads, numHiddenLayers, numKeyValueHeads, numQuantizers: Int
    var slidingWindow: Int
    var rmsNormEps: Float?
    var ropeTheta: Double?
    var upsampleRates, upsamplingRatios: [Int]
  }

  struct Encoder_: Decodable {
    var numFilters, hiddenSize, intermediateSize, numHiddenLayers, numAttentionHeads: Int
    var headDim, codebookDim, codebookSize, numQuantizers: Int
    var normEps: Float?
    var ropeTheta: Double?
    var upsamplingRatios: [Int]
    var kernelSize, lastKernelSize, residualKernelSize, compress: Int?
  }

  var outputSampleRate: Int
  var decodeUpsampleRate: Int
  var encoderValidNumQuantizers: Int
  var decoderConfig: Decoder_
  var encoderConfig: Encoder_
}

/// `generation_config.json`; every key may be missing.
struct GenerationConfigurationFile: Decodable {
  var doSample: Bool?
  var temperature: Float?
  var topK: Int?
  var topP: Float?
  var repetitionPenalty: Float?
  var subtalkerDosample: Bool?
  var subtalkerTemperature: Float?
  var subtalkerTopK: Int?
  var subtalkerTopP: Float?
  var maxNewTokens: Int?

  var configuration: GenerationConfiguration {
    GenerationConfiguration(
      talker: SamplingSettings(
        samples: doSample ?? true, temperature: temperature ?? 0.9, topK: topK ?? 50,
        topP: topP ?? 1, repetitionPenalty: repetitionPenalty ?? 1.05),
      predictor: SamplingSettings(
        samples: subtalkerDosample ?? true, temperature: subtalkerTemperature ?? 0.9,
        topK: subtalkerTopK ?? 50, topP: subtalkerTopP ?? 1),
      maxNewTokens: maxNewTokens ?? 2048)
  }
}

/// Checks numbers of one JSON file and names the key that is wrong.
struct ConfigurationCheck {
  let file: String

  func require(
    _ holds: Bool, _ key: String, expected: String, found: some Any
  ) throws(CheckpointError) {
    guard holds else {
      throw CheckpointError(
        file: file, subject: key, expected: expected, found: "\(found)",
        remedy: "The folder is not a released Qwen3-TTS 12 Hz checkpoint, or it is damaged.")
    }
  }

  /// Sizes that a released or small model can have; larger ones would only exhaust memory.
  func size(_ value: Int, _ key: String, upTo limit: Int = 1 << 20) throws(CheckpointError) {
    try require(value > 0 && value <= limit, key, expected: "1…\(limit)", found: value)
  }

  func transformer(_ shape: TransformerConfiguration, _ key: String) throws(CheckpointError) {
    try size(shape.hiddenSize, key + ".hidden_size", upTo: 1 << 16)
    try size(shape.intermediateSize, key + ".intermediate_size", upTo: 1 << 18)
    try size(shape.layerCount, key + ".num_hidden_layers", upTo: 1024)
    try size(shape.headCount, key + ".num_attention_heads", upTo: 1024)
    try size(shape.kvHeadCount, key + ".num_key_value_heads", upTo: 1024)
    try size(shape.headDim, key + ".head_dim", upTo: 1024)
    try require(
      shape.headDim % 2 == 0, key + ".head_dim", expected: "an even number", found: shape.headDim)
    try require(
      shape.headCount % shape.kvHeadCount == 0, key + ".num_key_value_heads",
      expected: "a divisor of \(shape.headCount)", found: shape.kvHeadCount)
    try require(
      shape.normEpsilon > 0 && shape.normEpsilon < 1, key + ".rms_norm_eps",
      expected: "a small positive number", found: shape.normEpsilon)
    try require(
      shape.ropeTheta > 1 && shape.ropeTheta.isFinite, key + ".rope_theta",
      expected: "a number above 1", found: shape.ropeTheta)
  }
}

extension ConfigurationFile {
  /// The checked configuration.
  func configuration(file: String) throws(CheckpointError) -> ModelConfiguration {
    let check = ConfigurationCheck(file: file)
    try check.require(
      modelType == "qwen3_tts", "model_type", expected: "qwen3_tts", found: modelType)
    try check.require(
      tokenizerType == "qwen3_tts_tokenizer_12hz", "tokenizer_type",
      expected: "qwen3_tts_tokenizer_12hz", found: tokenizerType)
    for (key, found) in [
      ("quantization", quantization?.words(writtenBy: "MLX")),
      ("quantization_config", quantizationConfig?.words(writtenBy: nil)),
    ] {
      guard let found else { continue }
      throw CheckpointError(
        file: file, subject: key, expected: "no such key, and weights in BF16, F16 or F32",
        found: found, remedy: "Use the model these were made from, as it was before.")
    }
    guard let variant = ModelVariant(rawValue: ttsModelType) else {
      throw CheckpointError(
        file: file, subject: "tts_model_type", expected: "base, custom_voice or voice_design",
        found: ttsModelType)
    }
    for (key, bias) in [
      ("talker_config", talkerConfig.attentionBias),
      ("code_predictor_config", talkerConfig.codePredictorConfig.attentionBias),
    ] {
      try check.require(
        bias != true, key + ".attention_bias", expected: "false", found: "true")
    }
    for (key, act) in [
      ("talker_config", talkerConfig.hiddenAct),
      ("code_predictor_config", talkerConfig.codePredictorConfig.hiddenAct),
    ] {
      try check.require(
        act ?? "silu" == "silu", key + ".hidden_act", expected: "silu", found: act ?? "")
    }
    let normalization = textNormalization.flatMap(TextNormalizationRule.init(rawValue:))
    try check.require(
      textNormalization == nil || normalization != nil, "text_normalization",
      expected: TextNormalizationRule.allCases.map(\.rawValue).joined(separator: ", ")
        + ", or no such key", found: textNormalization ?? "")
    if let usualFrames {
      let one = usualFrames.frames(for: "a")
      try check.require(
        one > 0 && one < 1000 && (0...1000).contains(usualFrames.wait), "usual_frames",
        expected: "frames from 0 to 1000", found: usualFrames)
    }
    let talker = try talkerConfig.configuration(check)
    let predictor = try talkerConfig.codePredictorConfig.configuration(check, talker: talker)
    let text = TextControlIDs(
      pad: ttsPadTokenId, begin: ttsBosTokenId, end: ttsEosTokenId, imStart: imStartTokenId,
      imEnd: imEndTokenId, assistant: assistantTokenId)
    for (key, id) in [
      ("tts_pad_token_id", text.pad), ("tts_bos_token_id", text.begin),
      ("tts_eos_token_id", text.end),
    ] {
      try check.require(
        id >= 0 && Int(id) < talker.textVocabularySize, key,
        expected: "an id below \(talker.textVocabularySize)", found: id)
    }
    return ModelConfiguration(
      variant: variant, sizeLabel: ttsModelSize, text: text, talker: talker, predictor: predictor,
      speakerEncoder: try speakerEncoderConfig?.configuration(check),
      textNormalization: normalization, usualFrames: usualFrames)
  }
}

extension ConfigurationFile.Talker {
  func configuration(_ check: ConfigurationCheck) throws(CheckpointError) -> TalkerConfiguration {
    let transformer = TransformerConfiguration(
      hiddenSize: hiddenSize, intermediateSize: intermediateSize, layerCount: numHiddenLayers,
      headCount: numAttentionHeads, kvHeadCount: numKeyValueHeads, headDim: headDim,
      normEpsilon: rmsNormEps ?? 1e-6, ropeTheta: ropeTheta)
    try check.transformer(transformer, "talker_config")
    try check.size(vocabSize, "talker_config.vocab_size")
    try check.require(
      vocabSize > 1024, "talker_config.vocab_size", expected: "more than 1024", found: vocabSize)
    try check.size(textVocabSize, "talker_config.text_vocab_size")
    try check.size(textHiddenSize, "talker_config.text_hidden_size", upTo: 1 << 16)
    try check.require(
      (2...32).contains(numCodeGroups), "talker_config.num_code_groups", expected: "2…32",
      found: numCodeGroups)
    let control = CodecControlIDs(
      pad: codecPadId, begin: codecBosId, end: codecEosTokenId, think: codecThinkId,
      noThink: codecNothinkId, thinkBegin: codecThinkBosId, thinkEnd: codecThinkEosId)
    var ids: [(String, Int32)] = [
      ("codec_pad_id", codecPadId), ("codec_bos_id", codecBosId),
      ("codec_eos_token_id", codecEosTokenId), ("codec_think_id", codecThinkId),
      ("codec_nothink_id", codecNothinkId), ("codec_think_bos_id", codecThinkBosId),
      ("codec_think_eos_id", codecThinkEosId),
    ]
    ids += (codecLanguageId ?? [:]).map { ("codec_language_id.\($0.key)", $0.value) }
    ids += (spkId ?? [:]).map { ("spk_id.\($0.key)", $0.value) }
    for (key, id) in ids {
      try check.require(
        id >= 0 && Int(id) < vocabSize, "talker_config." + key,
        expected: "an id below \(vocabSize)", found: id)
    }
    func lowercased<Value>(_ table: [String: Value]?) -> [String: Value] {
      Dictionary((table ?? [:]).map { ($0.key.lowercased(), $0.value) }) { first, _ in first }
    }
    let dialects: [String: String] = lowercased(spkIsDialect).compactMapValues {
      if case .dialect(let name) = $0 { name.lowercased() } else { nil }
    }
    let languages = lowercased(codecLanguageId)
    for (speaker, dialect) in dialects {
      try check.require(
        languages[dialect] != nil, "talker_config.spk_is_dialect.\(speaker)",
        expected: "a language of codec_language_id", found: dialect)
    }
    return TalkerConfiguration(
      transformer: transformer, vocabularySize: vocabSize, textVocabularySize: textVocabSize,
      textHiddenSize: textHiddenSize, codebookCount: numCodeGroups, control: control,
      languages: languages, speakers: lowercased(spkId), speakerDialects: dialects)
  }
}

extension ConfigurationFile.Talker.Predictor {
  func configuration(
    _ check: ConfigurationCheck, talker: TalkerConfiguration
  ) throws(CheckpointError) -> CodePredictorConfiguration {
    let key = "talker_config.code_predictor_config"
    let transformer = TransformerConfiguration(
      hiddenSize: hiddenSize, intermediateSize: intermediateSize, layerCount: numHiddenLayers,
      headCount: numAttentionHeads, kvHeadCount: numKeyValueHeads, headDim: headDim,
      normEpsilon: rmsNormEps ?? 1e-6, ropeTheta: ropeTheta)
    try check.transformer(transformer, key)
    try check.size(vocabSize, key + ".vocab_size")
    try check.require(
      vocabSize <= talker.vocabularySize - 1024, key + ".vocab_size",
      expected: "at most the talker's \(talker.vocabularySize - 1024) codes", found: vocabSize)
    try check.require(
      numCodeGroups ?? talker.codebookCount == talker.codebookCount, key + ".num_code_groups",
      expected: "the talker's \(talker.codebookCount)", found: numCodeGroups ?? 0)
    return CodePredictorConfiguration(transformer: transformer, codebookSize: vocabSize)
  }
}

extension ConfigurationFile.SpeakerEncoder {
  func configuration(
    _ check: ConfigurationCheck
  ) throws(CheckpointError) -> SpeakerEncoderConfiguration {
    try check.size(encDim, "speaker_encoder_config.enc_dim", upTo: 1 << 16)
    let shape = SpeakerEncoderConfiguration(
      embeddingSize: encDim, sampleRate: sampleRate ?? 24000, melBandCount: melDim ?? 128,
      channels: encChannels ?? [512, 512, 512, 512, 1536],
      kernelSizes: encKernelSizes ?? [5, 3, 3, 3, 1], dilations: encDilations ?? [1, 2, 3, 4, 1],
      attentionChannels: encAttentionChannels ?? 128, res2NetScale: encRes2netScale ?? 8,
      squeezeChannels: encSeChannels ?? 128)
    try check.speakerEncoder(shape)
    return shape
  }
}

extension CodecConfigurationFile {
  /// The checked configuration.
  func configuration(
    file: String, talker: TalkerConfiguration, predictor: CodePredictorConfiguration
  ) throws(CheckpointError) -> CodecConfiguration {
    let check = ConfigurationCheck(file: file)
    let source = decoderConfig
    try check.require(
      outputSampleRate == 24000, "output_sample_rate", expected: "24000", found: outputSampleRate)
    try check.size(source.slidingWindow, "decoder_config.sliding_window", upTo: 1 << 16)
    let transformer = TransformerConfiguration(
      hiddenSize: source.hiddenSize, intermediateSize: source.intermediateSize,
      layerCount: source.numHiddenLayers, headCount: source.numAttentionHeads,
      kvHeadCount: source.numKeyValueHeads, headDim: source.headDim ?? 64,
      normEpsilon: source.rmsNormEps ?? 1e-5, ropeTheta: source.ropeTheta ?? 10000,
      window: source.slidingWindow)
    try check.transformer(transformer, "decoder_config")
    try check.size(source.codebookDim, "decoder_config.codebook_dim", upTo: 1 << 16)
    try check.require(
      source.codebookDim % 2 == 0, "decoder_config.codebook_dim", expected: "an even number",
      found: source.codebookDim)
    try check.size(source.latentDim, "decoder_config.latent_dim", upTo: 1 << 16)
    try check.size(source.decoderDim, "decoder_config.decoder_dim", upTo: 1 << 16)
    try check.size(source.codebookSize, "decoder_config.codebook_size")
    try check.require(
      source.codebookSize >= predictor.codebookSize, "decoder_config.codebook_size",
      expected: "at least the predictor's \(predictor.codebookSize)", found: source.codebookSize)
    try check.require(
      source.numQuantizers == talker.codebookCount, "decoder_config.num_quantizers",
      expected: "the talker's \(talker.codebookCount)", found: source.numQuantizers)
    // Ten factors up to 64 are a product that an Int holds.
    for (key, rates) in [
      ("decoder_config.upsample_rates", source.upsampleRates),
      ("decoder_config.upsampling_ratios", source.upsamplingRatios),
    ] {
      try check.require(
        rates.count <= 5, key, expected: "five rates at most", found: "\(rates.count) of them")
      for rate in rates { try check.size(rate, key, upTo: 64) }
    }
    try check.require(
      source.decoderDim % (1 << min(source.upsampleRates.count, 20)) == 0,
      "decoder_config.decoder_dim", expected: "a multiple of 2^\(source.upsampleRates.count)",
      found: source.decoderDim)
    let decoder = CodecDecoderConfiguration(
      transformer: transformer, codebookSize: source.codebookSize,
      quantizerCount: source.numQuantizers, codebookDim: source.codebookDim,
      latentDim: source.latentDim, decoderDim: source.decoderDim,
      upsampleRates: source.upsampleRates, upsamplingRatios: source.upsamplingRatios)
    try check.require(
      decoder.samplesPerFrame == decodeUpsampleRate && decodeUpsampleRate == 1920,
      "decode_upsample_rate", expected: "1920, the product of the rates",
      found: "\(decodeUpsampleRate), \(decoder.samplesPerFrame)")
    try check.codecEncoder(encoderConfig.configuration)
    try check.require(
      encoderValidNumQuantizers == talker.codebookCount
        && encoderConfig.numQuantizers >= encoderValidNumQuantizers,
      "encoder_valid_num_quantizers",
      expected: "the talker's \(talker.codebookCount), and as many in encoder_config",
      found: "\(encoderValidNumQuantizers) of \(encoderConfig.numQuantizers)")
    return CodecConfiguration(
      sampleRate: outputSampleRate, decoder: decoder, encoder: encoderConfig.configuration,
      encoderQuantizerCount: encoderValidNumQuantizers)
  }
}

extension CodecConfigurationFile.Encoder_ {
  var configuration: CodecEncoderConfiguration {
    CodecEncoderConfiguration(
      transformer: TransformerConfiguration(
        hiddenSize: hiddenSize, intermediateSize: intermediateSize, layerCount: numHiddenLayers,
        headCount: numAttentionHeads, kvHeadCount: numAttentionHeads, headDim: headDim,
        normEpsilon: normEps ?? 1e-5, ropeTheta: ropeTheta ?? 10000),
      codebookSize: codebookSize, quantizerCount: numQuantizers, codebookDim: codebookDim,
      filterCount: numFilters, upsamplingRatios: upsamplingRatios, kernelSize: kernelSize ?? 7,
      lastKernelSize: lastKernelSize ?? 3, residualKernelSize: residualKernelSize ?? 3,
      compress: compress ?? 2)
  }
}
