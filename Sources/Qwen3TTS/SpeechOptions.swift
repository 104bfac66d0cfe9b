// SPDX-License-Identifier: MIT

import SpeechModel

/// Who speaks.
public enum Voice: Sendable, Equatable {
  /// The model's first voice, in alphabetical order; nobody in particular where it has none.
  case standard
  /// One of the model's named voices, in any case.
  case named(String)
  /// A speaker embedding as wide as the model, for Base models.
  case embedding([Float])
  /// A voice taken from a recording, for Base models.
  case cloned(ClonedVoice)
}

/// How the text reaches the model.
public enum TextLayout: String, Sendable, CaseIterable {
  /// All of it before the first frame.
  case whole
  /// One token a frame.
  case incremental

  var model: SpeechModel.TextLayout { self == .whole ? .whole : .incremental }
}

/// Whether a text is written out as it is said before the model reads it: digits, times, dates,
/// money, abbreviations, acronyms and signs in English words. `SpeechSynthesizer.spokenText` shows it.
public enum Normalization: String, Sendable, CaseIterable {
  /// Where the model asks for it: the bundled voice does, released models read text as it is.
  case automatic = "auto"
  /// Always, by English rules.
  case on
  /// Never.
  case off
}

/// What can be chosen for one speech. What is `nil` comes from the model's `generation_config.json`.
public struct SpeechOptions: Sendable, Equatable {
  /// Who speaks.
  public var voice: Voice = .standard
  /// A language of the model, or "auto".
  public var language = "auto"
  /// How to speak, in words; for 1.7B CustomVoice and VoiceDesign models.
  public var instruction: String?
  /// Whether digits, abbreviations and signs are written out first.
  public var normalization = Normalization.automatic
  /// `nil`: whole, and incremental for Base models.
  public var textLayout: TextLayout?
  /// Always take the likeliest code.
  public var isGreedy = false
  /// Divides the scores; above 0.
  public var temperature: Float?
  /// Codes to choose from; 0 means all.
  public var topK: Int?
  /// Probability mass to choose from, in 0…1.
  public var topP: Float?
  /// Factor against repeating a code; 1 is off.
  public var repetitionPenalty: Float?
  /// Makes a speech repeatable; `nil` draws one, which the summary tells.
  public var seed: UInt64?
  /// The most frames of 80 ms; `nil`: what the text can need.
  public var maximumFrames: Int?
  /// Frames a text token can need, with a wide margin; bounds a speech that does not end. `nil`: 2.5
  /// times what the text usually takes, where the voice has learned that, and otherwise 12 a token.
  public var framesPerToken: Double?
  /// Frames in the first chunk: 1 gives the earliest sound.
  public var firstChunkFrames = 1
  /// Frames in later chunks, 1…`SpeechSynthesizer.longestChunk`.
  public var chunkFrames = 8
  /// Tokens of text spoken in one go; longer texts are cut at the ends of sentences. `nil`: 120, and
  /// 600 for VoiceDesign models, which design a voice for each part.
  public var tokensPerPart: Int?

  /// The defaults.
  public init() {}
}

/// Why a speech ended; of several parts, the reason that comes last in this order.
public enum FinishReason: String, Sendable, Codable, CaseIterable, Comparable {
  /// The model ended it.
  case stop
  /// It reached the frame budget or the end of the model's memory.
  case length
  /// It was stuck in a loop or in silence.
  case runaway
  /// The listener went away.
  case cancelled

  /// Whether `a` comes before `b` in the order above.
  public static func < (a: FinishReason, b: FinishReason) -> Bool {
    (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
  }
}

/// What was spoken and how fast.
public struct SpeechSummary: Sendable, Codable, Equatable {
  /// Frames of 80 ms.
  public var frames = 0
  /// Parts the text was cut into.
  public var parts = 0
  /// Where the model ran, in words.
  public var device = ""
  /// Why it ended.
  public var finishReason = FinishReason.stop
  /// The seed used; with it the same request gives the same samples.
  public var seed: UInt64 = 0
  /// Seconds of audio.
  public var audioSeconds = 0.0
  /// Seconds from the request to the end.
  public var wallSeconds = 0.0
  /// Seconds from the request to the first samples (TTFA, in the engine).
  public var firstAudioSeconds = 0.0
  /// Audio seconds per wall second: above 1 is faster than real time.
  public var realTimeFactor: Double { wallSeconds > 0 ? audioSeconds / wallSeconds : 0 }
  /// What was said, where the text was normalised; `nil` where the model read the text as it is.
  public var spokenText: String?
  /// Things that were asked for and not done, in plain words.
  public var notices: [String] = []
}

/// Consecutive samples of a speech, delivered together.
public struct AudioChunk: Sendable {
  /// Mono, 24 kHz, −1…1. Empty in the last chunk.
  public var samples: [Float] = []
  /// The frames the samples were made of, 16 codes each.
  public var codes: [[Int32]] = []
  /// Share of the text spoken when the part of it that this chunk belongs to is done, 0…1.
  public var textShare = 0.0
  /// In the last chunk only.
  public var summary: SpeechSummary?
}
