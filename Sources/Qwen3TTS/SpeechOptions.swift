// SPDX-License-Identifier: MIT

import SpeechModel

/// Who speaks.
///
/// A voice that the model cannot speak with is refused with `SynthesisError` `invalidInput`, and the
/// message lists those it has.
public enum Voice: Sendable, Equatable {
  /// The model's first voice, in alphabetical order; for VoiceDesign models the voice that
  /// `SpeechOptions.instruction` describes. Base models have none and refuse it.
  case standard
  /// One of `SpeechSynthesizer.voices`, in upper or lower case; CustomVoice models and the bundled
  /// voice.
  case named(String)
  /// A speaker embedding, for Base models: as many numbers as the model is wide, 1024 for the 0.6B and
  /// 2048 for the 1.7B. For embeddings made elsewhere; `cloned` takes voices made here.
  case embedding([Float])
  /// A voice taken from a recording, for Base models of the width it was made with.
  case cloned(ClonedVoice)
}

/// When the model sees the text.
///
/// Rarely worth setting: each kind of model has the layout it was released with as its default.
public enum TextLayout: String, Sendable, CaseIterable {
  /// All of it before the first frame.
  case whole
  /// The first token before the first frame, then one more with each frame.
  case incremental

  var model: PromptLayout { self == .whole ? .whole : .incremental }
}

/// Whether a text is written out as it is said before the model reads it: digits, times, dates,
/// money, abbreviations, acronyms and signs in English words.
///
/// `SpeechSynthesizer.spokenText(for:options:)` shows the result. Don't turn it on for other languages:
/// the rules are English.
public enum TextNormalizationMode: String, Sendable, CaseIterable {
  /// Where the model asks for it: the bundled voice does, released models read text as it is.
  case automatic = "auto"
  /// Always, by English rules.
  case on
  /// Never.
  case off
}

/// What can be chosen for one speech.
///
/// The defaults are the model's own: what is `nil` comes from its `generation_config.json` or its kind.
/// Values out of range are refused with `SynthesisError` `invalidInput` when the speech starts.
public struct SpeechOptions: Sendable, Equatable {
  /// Who speaks.
  public var voice: Voice = .standard
  /// One of `SpeechSynthesizer.languages`, or "auto" to let the model decide by the text.
  public var language = "auto"
  /// How to speak, in words, for 1.7B CustomVoice models; what the voice is like, for VoiceDesign models.
  /// Other models ignore it, which `SpeechMetrics.notices` reports.
  public var instruction: String?
  /// Whether digits, abbreviations and signs are written out first.
  public var normalization = TextNormalizationMode.automatic
  /// When the model sees the text; `nil`: `whole`, and `incremental` for Base models.
  public var textLayout: TextLayout?
  /// Always take the likeliest code. For tests: greedy speech is monotonous and gets stuck more often.
  public var isGreedy = false
  /// Sampling temperature, above 0 to 100: it divides the scores, so lower is steadier.
  public var temperature: Float?
  /// Sampling is among this many of the likeliest codes; 0 means all.
  public var topK: Int?
  /// Sampling is among the likeliest codes up to this probability, above 0 to 1; 1 means all.
  public var topP: Float?
  /// Penalty factor for codes of codebook 0 that were drawn before, above 0 to 100; 1 is off.
  public var repetitionPenalty: Float?
  /// Seed of the random draws: the same request with the same seed gives the same samples on the same
  /// kind of device. `nil` draws one, which `SpeechMetrics.seed` reports.
  public var seed: UInt64?
  /// The most frames of 80 ms, 1 or more, in all parts of the text together; `nil`: `framesPerToken`
  /// for each part.
  public var maximumFrames: Int?
  /// The most frames in all parts together, where the text of each is its bound too.
  package var frameCeiling: Int?
  /// Frames of 80 ms that a text token can need, with a wide margin: bounds a speech that does not end
  /// by itself. Speech that reaches the bound ends as `FinishReason.runaway`. `nil`: 2.5 times what the text
  /// usually takes, where the voice has learned that, and otherwise 12 a token.
  public var framesPerToken: Double?
  /// Frames of 80 ms in the first chunk, 1…`SpeechSynthesizer.longestChunk`: 1 gives the earliest sound.
  public var firstChunkFrames = 1
  /// Frames of 80 ms in later chunks, 1…`SpeechSynthesizer.longestChunk`. Larger chunks cost less time
  /// for each frame, smaller ones come more evenly.
  public var chunkFrames = 8
  /// The most text tokens spoken at once, 1 or more; longer texts are split at the ends of sentences.
  /// `nil`: 120, and 600 for VoiceDesign models, which design a voice for each part.
  public var tokensPerPart: Int?
  /// Whether chunks say when words and characters are heard: `AudioChunk.words` and `AudioChunk.characters`. It
  /// changes nothing of the sound, and takes the reader's task about a fifth of a millisecond for each frame.
  public var timestamps = false

  /// The defaults.
  public init() {}
}

/// Why a speech ended; of several parts, the reason that comes last in this order. None is an error.
public enum FinishReason: String, Sendable, Codable, CaseIterable, Comparable {
  /// The model ended it.
  case stop
  /// It reached `SpeechOptions.maximumFrames` or the end of the model's context.
  case length
  /// It was stuck: 6.4 s of one loop, 6 s of silence, or more frames than its text can need. Another seed
  /// usually helps.
  case runaway
  /// The iteration was ended or its task cancelled.
  case cancelled

  /// Whether `a` comes before `b` in the order above.
  public static func < (a: FinishReason, b: FinishReason) -> Bool {
    (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
  }
}

/// What was spoken, how it ended and how fast it was.
public struct SpeechMetrics: Sendable, Codable, Equatable {
  /// Frames of 80 ms.
  public var frames = 0
  /// Parts that the text was split into and that were begun.
  public var parts = 0
  /// Tokens of text that the model read.
  public var textTokens = 0
  /// Where the model ran, in words, as `SpeechSynthesizer.device`.
  public var device = ""
  /// Why it ended.
  public var finishReason = FinishReason.stop
  /// The seed used; with it the same request gives the same samples.
  public var seed: UInt64 = 0
  /// Length of the audio: 80 ms a frame.
  public var audioDuration = Duration.zero
  /// Time from the request to the end, the wait for earlier speeches included.
  public var wallDuration = Duration.zero
  /// Time from the request to the first samples (TTFA), without network or player; zero when there were
  /// none.
  public var timeToFirstAudio = Duration.zero
  /// Time in the queue, before a voice was free; zero where it began at once.
  public var queueDuration = Duration.zero
  /// Parts that got stuck and were spoken once more, with other random numbers.
  public var respokenParts = 0
  /// Audio time over wall time: above 1 is faster than real time.
  public var realTimeFactor: Double { wallDuration > .zero ? audioDuration / wallDuration : 0 }
  /// What was said, where the text was normalised; `nil` where the model read the text as it is.
  public var spokenText: String?
  /// What was asked for and not done, in sentences for people, such as an instruction that the model
  /// ignores.
  public var notices: [String] = []

  /// Nothing spoken.
  public init() {}
}

/// Consecutive samples of a speech, delivered together.
public struct AudioChunk: Sendable {
  /// Mono, 24 kHz, −1…1: 1,920 for each frame. Empty in the last chunk.
  public var samples: [Float] = []
  /// The frames the samples were decoded from, `[frames][16]`: codes of codebooks 0…15.
  public var codes: [[Int32]] = []
  /// Share of the text, 0…1, that has been spoken at the end of the part this chunk belongs to.
  public var textShare = 0.0
  /// Words of which has become known with this chunk when they are heard, in the order of the text; without
  /// `SpeechOptions.timestamps` none.
  ///
  /// Times are in order, count from the beginning of the speech, and never change. A word comes
  /// about 1.5 s after it was heard, or with the first chunk after its part of the text. What is not said, because
  /// the speech is cut off, does not come.
  public var words: [SpokenWord] = []
  /// The same for characters. All of them together are the text as it was written, with the spaces; where the text was put
  /// into words first, those of a word such as "$5" share its time. Spaces and marks share the pause between two
  /// words, and come with the second.
  public var characters: [SpokenCharacter] = []
  /// What was spoken and how fast; in the last chunk only.
  public var summary: SpeechMetrics?

  /// A chunk of these samples, for programs that stand in for a synthesizer in tests.
  public init(
    samples: [Float] = [], codes: [[Int32]] = [], textShare: Double = 0,
    words: [SpokenWord] = [], characters: [SpokenCharacter] = [], summary: SpeechMetrics? = nil
  ) {
    self.samples = samples
    self.codes = codes
    self.textShare = textShare
    self.words = words
    self.characters = characters
    self.summary = summary
  }
}
