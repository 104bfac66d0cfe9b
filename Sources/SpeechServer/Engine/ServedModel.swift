// SPDX-License-Identifier: MIT
#if Server
import Foundation
package import Qwen3TTS

/// What the server needs of an engine. `SpeechSynthesizer` is one.
package protocol ServedEngine: Sendable {
  var kind: ModelKind { get }
  /// Whether it does what an instruction asks for.
  var takesInstructions: Bool { get }
  /// Names of the model's voices, in alphabetical order.
  var voices: [String] { get }
  /// Languages that can be asked for, besides "auto".
  var languages: [String] { get }
  /// Why the model cannot speak with a cloned voice; `nil` when it can.
  func problem(with voice: ClonedVoice) -> String?
  /// What its device does; engines on one device share it.
  var load: SpeechLoad { get }
  /// Whether its device has been at one thing for longer than this.
  func isStalled(for time: Duration) -> Bool
  /// Begins a speech. It ends when nobody iterates any more.
  func speak(
    _ text: String, options: SpeechOptions
  ) -> any AsyncSequence<AudioChunk, any Error> & Sendable
  /// Begins a speech of a text that is still being written, with its pieces as they come.
  func speak(
    writtenBy text: AsyncStream<String>, options: SpeechOptions
  ) -> any AsyncSequence<AudioChunk, any Error> & Sendable
  /// Takes a voice from a recording in a file.
  func makeVoice(from path: String, options: VoiceOptions) async throws -> VoiceCreation
  /// Designs a voice in words, for a Base model to speak with.
  func designVoice(
    _ prompt: String, saying text: String, language: String, for base: any ServedEngine
  ) async throws -> VoiceCreation
}

extension ServedEngine {
  /// Begins a speech.
  func speak(
    _ text: SpokenText, options: SpeechOptions
  ) -> any AsyncSequence<AudioChunk, any Error> & Sendable {
    switch text {
    case .whole(let text): speak(text, options: options)
    case .pieces(let pieces): speak(writtenBy: pieces, options: options)
    }
  }
}

/// The text of a speech.
package enum SpokenText: Sendable {
  /// All of it.
  case whole(String)
  /// Its pieces, as they are written.
  case pieces(AsyncStream<String>)
}

/// A model that is served.
package struct ServedModel: Sendable {
  /// The name in requests.
  package let name: String
  package let engine: any ServedEngine
  /// Seconds since 1970 when it was opened.
  package let created: Int

  package init(name: String, engine: any ServedEngine, created: Int) {
    self.name = name
    self.engine = engine
    self.created = created
  }
}

/// A speech of a synthesizer, with errors of any type as other engines have.
private struct ServedSpeech: AsyncSequence, Sendable {
  typealias Element = AudioChunk
  typealias Failure = any Error

  let speech: Speech

  func makeAsyncIterator() -> Iterator { Iterator(speech: speech.makeAsyncIterator()) }

  struct Iterator: AsyncIteratorProtocol {
    typealias Failure = any Error

    var speech: Speech.Iterator

    mutating func next() async throws -> AudioChunk? { try await speech.next() }

    mutating func next(isolation actor: isolated (any Actor)?) async throws -> AudioChunk? {
      try await speech.next(isolation: actor)
    }
  }
}

extension SpeechSynthesizer: ServedEngine {
  package func speak(
    _ text: String, options: SpeechOptions
  ) -> any AsyncSequence<AudioChunk, any Error> & Sendable {
    ServedSpeech(speech: speech(for: text, options: options))
  }

  package func speak(
    writtenBy text: AsyncStream<String>, options: SpeechOptions
  ) -> any AsyncSequence<AudioChunk, any Error> & Sendable {
    ServedSpeech(speech: speech(for: text, options: options))
  }

  package func makeVoice(from path: String, options: VoiceOptions) async throws -> VoiceCreation {
    try await voice(from: URL(filePath: path), options: options)
  }

  package func designVoice(
    _ prompt: String, saying text: String, language: String, for base: any ServedEngine
  ) async throws -> VoiceCreation {
    guard let base = base as? SpeechSynthesizer else {
      throw SynthesisError(.invalidInput, "design: expected a Base model of this program")
    }
    var options = SpeechOptions()
    options.language = language
    return try await base.designVoice(prompt, saying: text, with: self, speech: options).made
  }
}
#endif
