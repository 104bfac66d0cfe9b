// SPDX-License-Identifier: MIT

public import Foundation
import CPUBackend
package import ModelFiles
import ModelStore
import SpeechModel
import Synchronization
package import TextTokenizer

/// Speaks with one model.
///
///     let synthesizer = try await SpeechSynthesizer()
///     for try await chunk in synthesizer.speech(for: "Good morning.") {
///       play(chunk.samples)  // Float, mono, 24 kHz
///     }
///
/// Opening one loads the model, which takes seconds, so open one and keep it. Work is done on its own
/// thread, one speech after the other: for two speeches at a time open two, each with its own copy of
/// the weights.
public actor SpeechSynthesizer {
  /// The most frames of 80 ms that a chunk can have.
  public static let longestChunk = SpeechEngine<CPUBackend>.longestChunk
  /// Samples per second.
  public static let sampleRate = 24_000

  private let executor: ThreadExecutor
  let opened: OpenedEngine
  private var engine: any PromptSpeaking { opened.engine }
  private let tokenizer: TextTokenizer
  /// The device in words, such as `NVIDIA H100 80GB HBM3, sm_90` or `CPU, 8 threads, AVX2`.
  public nonisolated let device: String
  nonisolated let requests: RequestBuilder
  /// Configurations and weights, for the encoders of cloned voices.
  nonisolated let checkpoint: Checkpoint
  /// Made when the first voice is cloned.
  var voiceEncoder: (any VoiceEncoding)?

  /// The synthesizer's own thread.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe executor.asUnownedSerialExecutor()
  }

  /// The folder of the voice that comes with the package: `DefaultVoice` in the folder that
  /// `QWEN3_TTS_RESOURCES` names, or beside the program, in `../share/qwen3-tts`, or in the bundle that
  /// SwiftPM puts beside the program.
  ///
  /// - Throws: `SynthesisError` `resourcesMissing` with the places where it was looked for.
  public static var bundledModel: URL {
    get throws(SynthesisError) { try BundledModel().folder }
  }

  /// Opens a model.
  ///
  /// - Parameters:
  ///   - model: A folder in the released layout; `nil` for the bundled voice.
  ///   - device: Where to run; by default a GPU where one can be used.
  ///   - capacity: Positions of prompt and frames together that one part of a text can take, 64 or more.
  ///     A frame is 80 ms. On a GPU a position takes 115 KB in the released models, twice that with keys and
  ///     values in F32.
  ///   - recordsSteps: Whether a GPU records a step once and replays it. Without, it is slower, but an
  ///     error names the operation that failed.
  ///   - kvPrecision: How the talker's keys and values are kept.
  /// - Throws: `SynthesisError`: `invalidModel` with file, expected and found, or
  ///   `deviceUnavailable`.
  public init(
    model: URL? = nil, device: SpeechDevice = .automatic, capacity: Int = 4096,
    recordsSteps: Bool = true, kvPrecision: KVPrecision = .automatic
  ) async throws {
    let folder = try model.map(Self.folder) ?? Self.bundledModel
    do {
      try self.init(
        Checkpoint(folder: folder.path), tokenizer: TextTokenizer(folder: folder),
        device: device, capacity: capacity, recordsSteps: recordsSteps, kvPrecision: kvPrecision)
    } catch let error as SynthesisError {
      throw error
    } catch {
      throw SynthesisError(.invalidModel, "\(error)", underlying: error)
    }
  }

  private static func folder(at model: URL) -> URL {
    URL(filePath: ModelStore.modelFolder(at: model.path), directoryHint: .isDirectory)
  }

  /// Takes over a model that is open.
  package init(
    _ checkpoint: Checkpoint, tokenizer: TextTokenizer, device: SpeechDevice = .cpu,
    capacity: Int = 4096, recordsSteps: Bool = true, kvPrecision: KVPrecision = .automatic
  ) throws {
    guard capacity >= 64 else {
      throw SynthesisError(.invalidInput, "capacity: expected at least 64, found \(capacity)")
    }
    self.checkpoint = checkpoint
    self.tokenizer = tokenizer
    opened = try OpenedEngine.open(
      checkpoint, on: device, capacity: capacity, recordsSteps: recordsSteps,
      kvPrecision: kvPrecision)
    self.device = opened.device
    requests = RequestBuilder(
      configuration: checkpoint.configuration, generation: checkpoint.generation)
    executor = ThreadExecutor(name: "qwen3-tts")
  }

  /// Names of the model's voices, in alphabetical order; none in Base and VoiceDesign models.
  public nonisolated var voices: [String] { requests.voices }

  /// Languages that can be asked for, in addition to "auto".
  public nonisolated var languages: [String] { requests.languages }

  /// The text as the model reads it: normalised where the options and the model ask for it.
  ///
  /// - Throws: `SynthesisError` `invalidInput` when nothing in it can be said.
  public nonisolated func spokenText(
    for text: String, options: SpeechOptions = SpeechOptions()
  ) throws -> String {
    requests.isNormalized(options) ? try RequestBuilder.normalizedEnglish(text) : text
  }

  /// A text as the bundled voice reads it: in English words, by rules.
  ///
  ///     try SpeechSynthesizer.englishText(for: "Dr. Lee paid $5.")  // Doctor Lee paid five dollars.
  ///
  /// - Throws: `SynthesisError` `invalidInput` when nothing in it can be said.
  public static func englishText(for text: String) throws -> String {
    try RequestBuilder.normalizedEnglish(text)
  }

  /// What of a text has no words in English and is left out, in a sentence; `nil` where nothing is.
  public static func noticeOnLeftOutWords(in text: String) -> String? {
    var words = LeftOutWords()
    words.look(at: text[...])
    return words.notice
  }

  /// Speaks a text.
  ///
  /// The speech starts at once, whether or not the sequence is read. Chunks that are not read yet are
  /// kept, about 100 kB for a second of speech. To stop, end the iteration or cancel the task that
  /// iterates: the engine notices within a frame.
  ///
  /// - Returns: Chunks of samples as they are made, the last with a summary and no samples. Errors
  ///   are `SynthesisError`.
  public nonisolated func speech(
    for text: String, options: SpeechOptions = SpeechOptions()
  ) -> AsyncThrowingStream<AudioChunk, any Error> {
    let (stream, continuation) = AsyncThrowingStream<AudioChunk, any Error>.makeStream()
    let cancelled = CancellationFlag()
    continuation.onTermination = { _ in cancelled.set() }
    let accepted = ContinuousClock.now
    Task {
      await run(text, options, accepted: accepted, cancelled: cancelled, into: continuation)
    }
    return stream
  }

  /// Speaks a text and returns all samples at once.
  ///
  /// Not for long texts, nor where somebody waits for the sound: `speech(for:options:)` delivers it as
  /// it is made.
  ///
  /// - Returns: Samples, mono, 24 kHz, −1…1, and what was spoken and how fast.
  /// - Throws: `SynthesisError`, or `CancellationError` when the task was cancelled.
  public nonisolated func waveform(
    for text: String, options: SpeechOptions = SpeechOptions()
  ) async throws -> (samples: [Float], summary: SpeechMetrics) {
    var samples: [Float] = []
    var summary = SpeechMetrics()
    for try await chunk in speech(for: text, options: options) {
      samples += chunk.samples
      summary = chunk.summary ?? summary
    }
    try Task.checkCancellation()
    return (samples, summary)
  }

  private func run(
    _ text: String, _ options: SpeechOptions, accepted: ContinuousClock.Instant,
    cancelled: CancellationFlag,
    into continuation: AsyncThrowingStream<AudioChunk, any Error>.Continuation
  ) {
    do {
      let summary = try speak(text, options, accepted: accepted, cancelled: cancelled) {
        continuation.yield($0)
      }
      continuation.yield(AudioChunk(textShare: 1, summary: summary))
      continuation.finish()
    } catch {
      let known = error as? SynthesisError
      continuation.finish(
        throwing: known ?? SynthesisError(.internalFailure, "\(error)", underlying: error))
    }
  }

  private func speak(
    _ text: String, _ options: SpeechOptions, accepted: ContinuousClock.Instant,
    cancelled: CancellationFlag, deliver: (AudioChunk) -> Void
  ) throws -> SpeechMetrics {
    let request = try requests.request(options, tokenizer: tokenizer)
    var parts = try requests.parts(of: text, options, tokenizer: tokenizer)
    var budgets = requests.budget(options, layout: request.layout)
    var summary = SpeechMetrics()
    summary.seed = options.seed ?? UInt64.random(in: .min ... .max)
    summary.notices = request.notices + (opened.notice.map { [$0] } ?? [])
    summary.device = device
    while let part = parts.next() {
      let index = summary.parts
      let ids = tokenizer.targetIDs(part.text)
      let prompt = request.prompt(ids, isContinued: part.isContinued)
      guard prompt.rows.count + 16 < engine.capacity, prompt.trailing.count < engine.capacity
      else {
        throw SynthesisError(
          .invalidInput,
          "text: expected a prompt under \(engine.capacity) positions, found "
            + "\(prompt.rows.count); shorten the instruction or the text")
      }
      let budget =
        options.maximumFrames.map { $0 - summary.frames }
        ?? budgets.frames(for: part, tokenCount: ids.count)
      guard budget > 0 else {
        summary.finishReason = max(summary.finishReason, .length)
        break
      }
      summary.parts += 1
      summary.textTokens += ids.count
      if requests.isNormalized(options) {
        summary.spokenText = (summary.spokenText.map { $0 + " " } ?? "") + part.text
      }
      if index == 1, let notice = requests.noticeOnParts { summary.notices.append(notice) }
      let framesBefore = summary.frames
      let report = try engine.speak(
        prompt, settings: request.settings(seed: summary.seed, utterance: UInt32(index)),
        budget: budget,
        chunks: (index == 0 ? options.firstChunkFrames : options.chunkFrames, options.chunkFrames),
        isCancelled: { cancelled.isSet },
        deliver: { samples, codes in
          if summary.frames == 0 { summary.timeToFirstAudio = .now - accepted }
          summary.frames += codes.count
          deliver(AudioChunk(samples: samples, codes: codes, textShare: part.end))
        })
      if options.maximumFrames == nil {
        budgets.note(part, frames: summary.frames - framesBefore, report.finishReason)
      }
      summary.finishReason = max(summary.finishReason, report.finishReason)
      if report.finishReason == .cancelled { break }
    }
    summary.notices +=
      budgets.notices(on: summary.parts) + [parts.leftOut.notice].compactMap(\.self)
    summary.audioDuration = .milliseconds(80 * summary.frames)
    summary.wallDuration = .now - accepted
    return summary
  }
}

extension Duration {
  /// The same in seconds.
  package var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

/// Set once, from any thread.
final class CancellationFlag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}
