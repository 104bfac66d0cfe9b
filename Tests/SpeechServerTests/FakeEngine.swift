// SPDX-License-Identifier: MIT
#if Server
import Qwen3TTS
import SpeechServer
import Synchronization

/// An engine that speaks a tone, as many frames as the text has characters, or fails where it is asked to.
final class FakeEngine: ServedEngine {
  /// What it does besides speaking.
  struct Behaviour: Sendable {
    var frameTime = Duration.zero
    /// Frame at which it fails.
    var failsAt: Int?
    /// Frames a speech has; `nil`: characters of the text.
    var frames: Int?
    /// How long its device has been at one thing.
    var stall = Duration.zero
    var load = SpeechLoad()
  }

  let kind: ModelKind
  let voices: [String]
  let languages = ["english", "german"]
  let takesInstructions = false
  let behaviour: Behaviour
  /// Speeches begun, ended whole, and given up; voices that were taken from a recording.
  let counts = Mutex((begun: 0, whole: 0, cancelled: 0, voices: 0))
  /// What was said whole.
  let texts = Mutex<[String]>([])
  /// The options of the last speech.
  let lastOptions = Mutex<SpeechOptions?>(nil)

  init(_ behaviour: Behaviour = Behaviour(), kind: ModelKind = .customVoice) {
    self.kind = kind
    voices = kind == .customVoice ? ["ryan", "serena"] : []
    self.behaviour = behaviour
  }

  var load: SpeechLoad { behaviour.load }
  func isStalled(for time: Duration) -> Bool { behaviour.stall > time }

  func problem(with voice: ClonedVoice) -> String? {
    voice.width == 4 ? nil : "voice: expected an embedding of 4 numbers, found \(voice.width)"
  }

  func speak(
    _ text: String, options: SpeechOptions
  ) -> any AsyncSequence<AudioChunk, any Error> & Sendable {
    speak(
      writtenBy: AsyncStream { pieces in
        pieces.yield(text)
        pieces.finish()
      }, options: options)
  }

  func speak(
    writtenBy pieces: AsyncStream<String>, options: SpeechOptions
  ) -> any AsyncSequence<AudioChunk, any Error> & Sendable {
    lastOptions.withLock { $0 = options }
    counts.withLock { $0.begun += 1 }
    let (stream, continuation) = AsyncThrowingStream<AudioChunk, any Error>.makeStream()
    let task = Task { [self] in
      var text = ""
      var frame = 0
      for await piece in pieces {
        text += piece
        if text.contains("refuse") {
          continuation.finish(
            throwing: SynthesisError(
              .invalidInput, "text: expected something to say, found nothing"))
          return
        }
        let frames = min(
          behaviour.frames ?? text.count, options.maximumFrames ?? options.frameCeiling ?? .max)
        while frame < frames {
          if behaviour.frameTime > .zero { try? await Task.sleep(for: behaviour.frameTime) }
          if Task.isCancelled { return }
          if frame == behaviour.failsAt {
            continuation.finish(throwing: SynthesisError(.internalFailure, "secret of the device"))
            return
          }
          var chunk = AudioChunk(samples: Self.samples(frame))
          if options.timestamps { chunk.characters = Self.characters(of: text, in: frame) }
          continuation.yield(chunk)
          frame += 1
        }
      }
      if Task.isCancelled { return }
      texts.withLock { $0.append(text) }
      var metrics = SpeechMetrics()
      metrics.frames = frame
      metrics.textTokens = text.split(separator: " ").count
      metrics.audioDuration = .milliseconds(80 * frame)
      metrics.seed = options.seed ?? 0
      continuation.yield(
        AudioChunk(
          textShare: 1, words: options.timestamps ? Self.words(of: text) : [], summary: metrics))
      counts.withLock { $0.whole += 1 }
      continuation.finish()
    }
    continuation.onTermination = { [self] end in
      if case .cancelled = end {
        counts.withLock { $0.cancelled += 1 }
        task.cancel()
      }
    }
    return stream
  }

  func makeVoice(from path: String, options: VoiceOptions) async throws -> VoiceCreation {
    counts.withLock { $0.voices += 1 }
    return VoiceCreation(
      voice: try ClonedVoice(embedding: [1, 2, 3, 4], origin: "a recording"),
      notices: ["It clips."])
  }

  func designVoice(
    _ prompt: String, saying text: String, language: String, for base: any ServedEngine
  ) async throws -> VoiceCreation {
    VoiceCreation(voice: try ClonedVoice(embedding: [4, 3, 2, 1], origin: "a design: \(prompt)"))
  }

  /// The character that a frame says.
  static func characters(of text: String, in frame: Int) -> [SpokenCharacter] {
    let time = Duration.milliseconds(80 * frame)
    return text.dropFirst(frame).prefix(1).map {
      SpokenCharacter($0, start: time, end: time + .milliseconds(80))
    }
  }

  /// The words, as long as their characters.
  static func words(of text: String) -> [SpokenWord] {
    text.split(separator: " ").map { word in
      let start = text.distance(from: text.startIndex, to: word.startIndex)
      let range = start..<start + word.count
      return SpokenWord(
        String(word), range: range, start: .milliseconds(80 * range.lowerBound),
        end: .milliseconds(80 * range.upperBound))
    }
  }

  /// The samples of a frame: a tone of 300 Hz.
  static func samples(_ frame: Int) -> [Float] {
    (0..<1_920).map { index in
      let phase = Double((frame * 1_920 + index) % 80) / 80
      return Float(phase < 0.5 ? 0.25 : -0.25)
    }
  }
}
#endif
