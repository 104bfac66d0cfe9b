// SPDX-License-Identifier: MIT

import Audio
import CUDA
public import Foundation
import ModelFiles
import SpeechModel

/// How a voice is taken from a recording.
public struct VoiceOptions: Sendable, Equatable {
  /// The longest silence that can be appended to a recording.
  public static let longestSilence = Duration.seconds(5)

  /// The words of the recording. With them the model continues the recording itself; without, it
  /// has the speaker embedding alone.
  public var transcript: String?
  /// Silence appended to a recording that has a transcript, up to `longestSilence`: keeps its last
  /// sound out of the speech. The official package appends none.
  public var trailingSilence = Duration.zero

  /// The defaults.
  public init(transcript: String? = nil, trailingSilence: Duration = .zero) {
    self.transcript = transcript
    self.trailingSilence = trailingSilence
  }
}

/// A voice that was just made, and what should be known about its recording.
public struct VoiceCreation: Sendable {
  /// The voice.
  public var voice: ClonedVoice
  /// Warnings in sentences for people: clipping, long silence, an unusual length.
  public var notices: [String]

  /// A voice and its warnings.
  public init(voice: ClonedVoice, notices: [String] = []) {
    self.voice = voice
    self.notices = notices
  }
}

extension SpeechSynthesizer {
  /// Takes a voice from a recording: WAV, or with libsndfile FLAC, Ogg, MP3, Opus and more.
  ///
  /// - Throws: `SynthesisError`: `invalidInput` when the recording cannot be used, `invalidModel`
  ///   when this is no Base model.
  public func voice(
    from recording: URL, options: VoiceOptions = VoiceOptions()
  ) async throws -> VoiceCreation {
    let audio: ReferenceAudio
    do { audio = try ReferenceAudio(path: recording.path) } catch {
      throw SynthesisError(.invalidInput, "\(error)", underlying: error)
    }
    return try await voice(
      from: audio, options, origin: "the recording \(recording.lastPathComponent)")
  }

  /// Takes a voice from samples.
  ///
  /// - Parameters:
  ///   - samples: Mono, nominal range −1…1.
  ///   - sampleRate: Samples per second, 1,000 to 768,000.
  ///   - options: Transcript and trailing silence.
  ///   - origin: Where the voice comes from, in words.
  /// - Returns: The voice and what should be known about it.
  /// - Throws: As the variant that takes a file.
  public func voice(
    from samples: [Float], sampleRate: Int, options: VoiceOptions = VoiceOptions(),
    origin: String = "samples"
  ) async throws -> VoiceCreation {
    let audio: ReferenceAudio
    do {
      audio = try ReferenceAudio(SampleStream(samples, sampleRate: sampleRate))
    } catch {
      throw SynthesisError(.invalidInput, "\(error)", underlying: error)
    }
    return try await voice(from: audio, options, origin: origin)
  }

  /// Designs a voice in words once and keeps it: a VoiceDesign model speaks a text, and this Base
  /// model takes the voice from it.
  ///
  /// - Parameters:
  ///   - instruction: The voice in words.
  ///   - text: What the designed voice says; becomes the transcript.
  ///   - designer: A VoiceDesign model.
  ///   - speech: Language, seed and sampling of the designed speech.
  /// - Returns: The voice, and the samples it was taken from.
  /// - Throws: `SynthesisError`.
  public func designVoice(
    _ instruction: String, saying text: String, with designer: SpeechSynthesizer,
    speech: SpeechOptions = SpeechOptions()
  ) async throws -> (made: VoiceCreation, samples: [Float]) {
    guard designer.checkpoint.configuration.variant == .voiceDesign else {
      throw SynthesisError(
        .invalidInput,
        "design: expected a VoiceDesign model, found a "
          + "\(designer.checkpoint.configuration.variant.rawValue) model")
    }
    var speech = speech
    speech.instruction = instruction
    speech.voice = .standard
    let designed = try await designer.waveform(for: text, options: speech)
    guard designed.summary.finishReason == .stop else {
      throw SynthesisError(
        .invalidInput,
        "design: expected a speech that ends by itself, found one that did not "
          + "(\(designed.summary.finishReason.rawValue)). Try another seed or a shorter text.")
    }
    let made = try await voice(
      from: designed.samples, sampleRate: Self.sampleRate,
      options: VoiceOptions(transcript: text),
      origin: "a design, seed \(designed.summary.seed): \(instruction)")
    return (made, designed.samples)
  }

  /// Why this model cannot speak with a cloned voice; `nil` when it can.
  public func problem(with voice: ClonedVoice) -> String? {
    do throws(SynthesisError) {
      try requests.checkClone(embedding: voice.embedding, codes: voice.codes)
      return nil
    } catch {
      return error.message
    }
  }

  private func voice(
    from audio: ReferenceAudio, _ options: VoiceOptions, origin: String
  ) async throws -> VoiceCreation {
    let silence = options.trailingSilence
    guard silence >= .zero, silence <= VoiceOptions.longestSilence else {
      throw SynthesisError(
        .invalidInput,
        "trailing silence: expected 0 to \(VoiceOptions.longestSilence.seconds) seconds, found "
          + "\(silence.seconds)")
    }
    if let transcript = options.transcript,
      !transcript.contains(where: { $0.isLetter || $0.isNumber })
    {
      throw SynthesisError(
        .invalidInput,
        "transcript: expected the words of the recording, found none. Leave it out "
          + "for a voice without the recording itself.")
    }
    let zeros = options.transcript == nil ? 0 : Int(silence.seconds * Double(Self.sampleRate))
    do {
      let voice = try await encoders.voice(
        from: audio.samples + [Float](repeating: 0, count: zeros), transcript: options.transcript,
        origin: origin)
      return VoiceCreation(voice: voice, notices: audio.warnings.map(\.description))
    } catch let error as CUDAError {
      throw SynthesisError(.internalFailure, "voice: \(error)", underlying: error)
    }
  }
}
