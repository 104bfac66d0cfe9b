// SPDX-License-Identifier: MIT

import SpeechModel
import TextTokenizer

/// Turns options and text into prompts, refusing what the model cannot do.
struct RequestBuilder: Sendable {
  let configuration: ModelConfiguration
  let generation: GenerationConfiguration

  var voices: [String] { configuration.talker.speakers.keys.sorted() }
  var languages: [String] { LanguageChoice.names(configuration.talker) }

  /// What every part of a text shares.
  struct Request {
    let configuration: ModelConfiguration
    let speaker: PromptSpeaker
    let language: Int32?
    let instruction: [Int32]
    let reference: PromptReference?
    let layout: PromptLayout
    let talker: SamplingSettings
    let predictor: SamplingSettings
    let notices: [String]

    /// - Parameter isContinued: Whether the part continues a repetition: its words are known, so nothing
    ///   has to wait for them.
    func prompt(_ ids: [Int32], isContinued: Bool = false) -> Prompt {
      Prompt(
        target: ids, instruction: instruction, language: language, speaker: speaker,
        reference: reference, layout: isContinued ? .whole : layout, configuration: configuration)
    }

    /// The prompt of a part whose text is not all there.
    ///
    /// - Parameter ids: In the wrapper, as for `prompt`.
    /// - Precondition: `canBegin` with its text.
    func openPrompt(_ ids: [Int32]) -> Prompt {
      Prompt(
        target: ids, instruction: instruction, language: language, speaker: speaker,
        reference: reference, layout: layout, isOpen: true, configuration: configuration)
    }

    /// Whether a part can begin to be spoken when so much of its text is there, and more may come: in the
    /// incremental layout, with its first token, and with as many as stand alongside a reference.
    func canBegin(with text: [Int32]) -> Bool {
      guard layout == .incremental, !text.isEmpty else { return false }
      guard let reference else { return true }
      return reference.textIDs.count - 5 + text.count > reference.codes.count
    }

    func settings(seed: UInt64, utterance: UInt32) -> UtteranceSettings {
      UtteranceSettings(talker: talker, predictor: predictor, seed: seed, utterance: utterance)
    }
  }

  func request(_ options: SpeechOptions, tokenizer: TextTokenizer) throws -> Request {
    try check(options)
    let (speaker, name) = try speaker(options.voice)
    let language: LanguageChoice
    do {
      language = try LanguageChoice(
        options.language, speaker: name, talker: configuration.talker)
    } catch {
      throw refuse("language", "auto, " + error.known.joined(separator: ", "), error.name)
    }
    var notices: [String] = []
    var instruction: [Int32] = []
    if let text = options.instruction, !text.isEmpty {
      if let reason = instructionRefusal {
        notices.append("The instruction was not used: \(reason)")
      } else {
        instruction = tokenizer.instructionIDs(text)
      }
    }
    let (talker, predictor) = sampling(options)
    return Request(
      configuration: configuration, speaker: speaker, language: language.id,
      instruction: instruction, reference: reference(options.voice, tokenizer: tokenizer),
      layout: layout(options),
      talker: talker, predictor: predictor, notices: notices)
  }

  /// What a listener should know of a text in several parts.
  var noticeOnParts: String? {
    configuration.variant == .voiceDesign
      ? "The text was split into parts, and this model designs a voice for each: it may change."
      : nil
  }

  /// When the model sees the text.
  private func layout(_ options: SpeechOptions) -> PromptLayout {
    options.textLayout?.model ?? (configuration.variant == .base ? .incremental : .whole)
  }

  /// Tokens of text spoken at once.
  func tokensPerPart(_ options: SpeechOptions) -> Int {
    options.tokensPerPart ?? (configuration.variant == .voiceDesign ? 600 : 120)
  }

  /// Whether the text is written out in English words before the model reads it.
  func isNormalized(_ options: SpeechOptions) -> Bool {
    switch (options.normalization, configuration.textNormalization) {
    case (.off, _), (.automatic, nil): false
    case (.on, _), (.automatic, .english): true
    }
  }

  /// All of a text in English words.
  static func normalizedEnglish(_ text: String) throws(SynthesisError) -> String {
    var spoken = ""
    for section in EnglishSections(text) {
      spoken += (spoken.isEmpty ? "" : section.isContinued ? " " : "\n\n") + section.text
    }
    guard !spoken.isEmpty else { throw nothingToSay(in: text) }
    return spoken
  }

  static func nothingToSay(in text: String) -> SynthesisError {
    SynthesisError(
      .invalidInput,
      "text: expected something to say, found "
        + (text.isSpeakable
          ? "nothing that English has words for" : "nothing but spaces and punctuation"))
  }

  /// The parts of a text, cut as they are asked for.
  func parts(
    of text: String, _ options: SpeechOptions, tokenizer: TextTokenizer
  ) throws -> TextParts {
    var parts = TextParts(
      text, layout: layout(options), isEnglish: isNormalized(options),
      groupsRepetitions: groupsRepetitions(options), limit: tokensPerPart(options),
      tokenizer: tokenizer)
    guard parts.hasNext() else { throw Self.nothingToSay(in: text) }
    return parts
  }

  /// A text that is still being written. It has something to say once a part has begun.
  func liveText(_ options: SpeechOptions, tokenizer: TextTokenizer) -> LiveText {
    LiveText(
      tokenizer, layout: layout(options), isEnglish: isNormalized(options),
      groupsRepetitions: groupsRepetitions(options), limit: tokensPerPart(options))
  }

  /// Whether words that are repeated many times are spoken a few at a time.
  private func groupsRepetitions(_ options: SpeechOptions) -> Bool {
    isNormalized(options) && configuration.usualFrames != nil
  }

  /// Frames that the voice usually waits before it says a text that comes a token a frame.
  var usualWait: Double { configuration.usualFrames?.wait ?? 0 }

  /// How long each part of a text may take.
  func budget(_ options: SpeechOptions, layout: PromptLayout) -> FrameBudget {
    // What is usual was learned of English words.
    FrameBudget(
      isNormalized(options) ? configuration.usualFrames : nil,
      framesPerToken: options.framesPerToken, isIncremental: layout == .incremental)
  }

  private func refuse(_ what: String, _ expected: String, _ found: some Any) -> SynthesisError {
    SynthesisError(.invalidInput, "\(what): expected \(expected), found \(found)")
  }

  private func check(_ options: SpeechOptions) throws {
    if let value = options.temperature, !(value > 0 && value <= 100) {
      throw refuse("temperature", "a number above 0, at most 100", value)
    }
    if let value = options.topP, !(value > 0 && value <= 1) {
      throw refuse("top-p", "a number above 0, at most 1", value)
    }
    if let value = options.topK, value < 0 { throw refuse("top-k", "0 or more", value) }
    if let value = options.repetitionPenalty, !(value > 0 && value <= 100) {
      throw refuse("repetition penalty", "a number above 0, at most 100", value)
    }
    if let value = options.maximumFrames, value < 1 {
      throw refuse("maximum frames", "1 or more", value)
    }
    if let value = options.framesPerToken, !(value > 0 && value <= 10_000) {
      throw refuse("frames per token", "a number above 0", value)
    }
    let chunks = 1...SpeechSynthesizer.longestChunk
    for value in [options.firstChunkFrames, options.chunkFrames] where !chunks.contains(value) {
      throw refuse("chunk frames", "1…\(chunks.upperBound)", value)
    }
    if let value = options.tokensPerPart, value < 1 {
      throw refuse("tokens per part", "1 or more", value)
    }
  }

  private func speaker(_ voice: Voice) throws -> (PromptSpeaker, name: String?) {
    switch (voice, configuration.variant) {
    case (.standard, .voiceDesign): return (.unspecified, nil)
    case (.standard, .base):
      throw refuse(
        "voice", "a recording or a saved voice, because Base models have none of their own", "none")
    case (.standard, .customVoice):
      guard let name = voices.first, let id = configuration.talker.speakers[name] else {
        throw refuse("voice", "a model with voices", "none")
      }
      return (.named(id), name)
    case (.named(let name), _):
      guard let id = configuration.talker.speakers[name.lowercased()] else {
        let known =
          voices.isEmpty
          ? "none: this model has no named voices"
          : voices.joined(separator: ", ")
        throw refuse("voice", known, name)
      }
      return (.named(id), name.lowercased())
    case (.embedding(let values), _):
      try checkClone(embedding: values, codes: [])
      return (.embedding(values), nil)
    case (.cloned(let voice), _):
      try checkClone(embedding: voice.embedding, codes: voice.codes)
      return (.embedding(voice.embedding), nil)
    }
  }

  /// Why this model takes no instruction; `nil` when it does.
  var instructionRefusal: String? {
    switch configuration.variant {
    case .base: "Base models take none."
    case .voiceDesign: nil
    case .customVoice:
      configuration.sizeLabel.contains("0b6")
        ? "0.6B CustomVoice models take none; use the 1.7B." : nil
    }
  }

  private func sampling(_ options: SpeechOptions) -> (SamplingSettings, SamplingSettings) {
    var talker = generation.talker
    var predictor = generation.predictor
    if options.isGreedy {
      talker.samples = false
      predictor.samples = false
    }
    if let value = options.temperature {
      (talker.temperature, predictor.temperature) = (value, value)
    }
    if let value = options.topK { (talker.topK, predictor.topK) = (value, value) }
    if let value = options.topP { (talker.topP, predictor.topP) = (value, value) }
    if let value = options.repetitionPenalty { talker.repetitionPenalty = value }
    return (talker, predictor)
  }
}
