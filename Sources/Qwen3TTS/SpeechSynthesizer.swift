// SPDX-License-Identifier: MIT

public import Foundation
import CPUBackend
package import ModelFiles
import ModelStore
import SpeechModel
import SpeechScheduler
import Synchronization
package import TextTokenizer

/// Speaks with one model, many speeches at once.
///
///     let synthesizer = try await SpeechSynthesizer()
///     for try await chunk in synthesizer.speech(for: "Good morning.") {
///       play(chunk.samples)  // Float, mono, 24 kHz
///     }
///
/// Opening one loads the model, which takes seconds, so open one, keep it, and use it from anywhere. Work is
/// done on a thread of its own for each device. Speeches at the same time share the model's weights and the
/// device's time: whose listener would run dry first goes first. Several models speak on one device when
/// the later ones are opened `on` the first.
///
/// The same request with the same seed has the same samples whatever is spoken beside it.
public final class SpeechSynthesizer: Sendable {
  /// The most frames of 80 ms that a chunk can have.
  public static let longestChunk = SpeechEngine<CPUBackend>.longestChunk
  /// Samples per second.
  public static let sampleRate = 24_000

  /// The device's thread, which the models there share.
  private let thread: DeviceThread
  /// Index of the model there.
  private let model: Int
  private let opened: OpenedEngine.Description
  private let tokenizer: TextTokenizer
  /// The device in words, such as `NVIDIA H100 80GB HBM3, sm_90` or `CPU, 8 threads, AVX2`.
  public let device: String
  let requests: RequestBuilder
  /// Configurations and weights, for the encoders of cloned voices.
  let checkpoint: Checkpoint
  let encoders: VoiceEncoders

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
  ///   - limits: How many speak at once, and how many may wait.
  /// - Throws: `SynthesisError`: `invalidModel` with file, expected and found, or
  ///   `deviceUnavailable`.
  public convenience init(
    model: URL? = nil, device: SpeechDevice = .automatic, capacity: Int = 4096,
    recordsSteps: Bool = true, kvPrecision: KVPrecision = .automatic,
    limits: SpeechLimits = SpeechLimits()
  ) async throws {
    let (checkpoint, tokenizer) = try Self.read(model)
    try await self.init(
      checkpoint, tokenizer: tokenizer, device: device, capacity: capacity,
      recordsSteps: recordsSteps, kvPrecision: kvPrecision, limits: limits)
  }

  /// Opens a model on the device of another, beside which it then speaks: on one thread, with one memory for
  /// keys and values, and with the codec once when both have the same.
  ///
  /// While it loads, the others wait.
  ///
  /// - Parameters:
  ///   - model: A folder in the released layout; `nil` for the bundled voice.
  ///   - other: A synthesizer that was opened for several voices.
  /// - Throws: `SynthesisError`.
  public init(model: URL? = nil, on other: SpeechSynthesizer) async throws {
    let (checkpoint, tokenizer) = try Self.read(model)
    do {
      self.model = try await other.thread.perform { try $0.add(checkpoint) }
    } catch {
      throw error as? SynthesisError ?? SynthesisError(.invalidModel, "\(error)", underlying: error)
    }
    thread = other.thread
    opened = other.opened
    device = other.device
    self.checkpoint = checkpoint
    self.tokenizer = tokenizer
    requests = RequestBuilder(
      configuration: checkpoint.configuration, generation: checkpoint.generation)
    encoders = VoiceEncoders(checkpoint, isOnGPU: other.opened.isOnGPU)
  }

  private static func read(_ model: URL?) throws -> (Checkpoint, TextTokenizer) {
    let folder = try model.map(Self.folder) ?? Self.bundledModel
    do {
      return (try Checkpoint(folder: folder.path), try TextTokenizer(folder: folder))
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
    capacity: Int = 4096, recordsSteps: Bool = true, kvPrecision: KVPrecision = .automatic,
    limits: SpeechLimits = SpeechLimits()
  ) async throws {
    guard capacity >= 64 else {
      throw SynthesisError(.invalidInput, "capacity: expected at least 64, found \(capacity)")
    }
    try limits.check()
    let found = Mutex<OpenedEngine.Description?>(nil)
    do {
      thread = try await DeviceThread(name: "qwen3-tts") {
        let opened = try OpenedEngine.open(
          checkpoint, on: device, capacity: capacity, recordsSteps: recordsSteps,
          kvPrecision: kvPrecision, limits: limits)
        found.withLock { $0 = opened.description }
        return opened.engine
      }
    } catch let error as SynthesisError {
      throw error
    } catch {
      throw SynthesisError(.invalidModel, "\(error)", underlying: error)
    }
    guard let opened = found.withLock({ $0 }) else {
      throw SynthesisError(.internalFailure, "open: expected an engine, found none")
    }
    self.opened = opened
    self.checkpoint = checkpoint
    self.tokenizer = tokenizer
    model = 0
    self.device = opened.device
    requests = RequestBuilder(
      configuration: checkpoint.configuration, generation: checkpoint.generation)
    encoders = VoiceEncoders(checkpoint, isOnGPU: opened.isOnGPU)
  }

  /// Names of the model's voices, in alphabetical order; none in Base and VoiceDesign models.
  public var voices: [String] { requests.voices }

  /// Languages that can be asked for, in addition to "auto".
  public var languages: [String] { requests.languages }

  /// The text as the model reads it: normalised where the options and the model ask for it.
  ///
  /// - Throws: `SynthesisError` `invalidInput` when nothing in it can be said.
  public func spokenText(
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
  /// The speech starts at once, or when a voice is free, whether or not the sequence is read.
  ///
  /// - Returns: Chunks of samples as they are made, the last with a summary and no samples. Errors
  ///   are thrown where they occur: `invalidInput`, `overloaded`, `stopped`, `timedOut`, `internalFailure`.
  public func speech(for text: String, options: SpeechOptions = SpeechOptions()) -> Speech {
    SpeechJob.begin(speaking, options) { job throws(SynthesisError) in try await job.speak(text) }
  }

  /// Speaks a text while it is being written: a language model's answer, say.
  ///
  ///     let answer: AsyncStream<String> = …  // pieces of any size
  ///     for try await chunk in synthesizer.speech(for: answer) { play(chunk.samples) }
  ///
  /// In the incremental layout it is spoken token by token, beginning with the first words; where nothing is
  /// written, the voice waits, and then resumes as if it had not. In the whole layout, which CustomVoice and
  /// VoiceDesign models have by default, a sentence is spoken when it has been written. What was said is the same
  /// however the text is cut into pieces, which must not be cut inside a Unicode scalar.
  ///
  /// - Parameters:
  ///   - text: Its pieces. When it throws, so does the speech, as `invalidInput`.
  ///   - options: As for a text that is all there.
  /// - Returns: As for a text that is all there.
  public func speech<Text: AsyncSequence & Sendable>(
    for text: Text, options: SpeechOptions = SpeechOptions()
  ) -> Speech where Text.Element == String {
    SpeechJob.begin(speaking, options) { job throws(SynthesisError) in
      try await job.speak(writtenBy: text)
    }
  }

  /// Speaks a text and returns all samples at once.
  ///
  /// Not for long texts, nor where somebody waits for the sound: `speech(for:options:)` delivers it as
  /// it is made. A part of the text that gets stuck is spoken once more, which a speech that has been heard
  /// cannot be.
  ///
  /// - Returns: Samples, mono, 24 kHz, −1…1, and what was spoken and how fast.
  /// - Throws: `SynthesisError`, or `CancellationError` when the task was cancelled.
  public func waveform(
    for text: String, options: SpeechOptions = SpeechOptions()
  ) async throws -> (samples: [Float], summary: SpeechMetrics) {
    let speech = SpeechJob.begin(speaking, options, isHeld: true) { job throws(SynthesisError) in
      try await job.speak(text)
    }
    var samples: [Float] = []
    var summary = SpeechMetrics()
    for try await chunk in speech {
      samples += chunk.samples
      summary = chunk.summary ?? summary
    }
    try Task.checkCancellation()
    return (samples, summary)
  }

  // MARK: - Operation

  /// What the synthesizer does with new requests.
  public enum State: String, Sendable, Codable {
    /// It speaks.
    case ready
    /// It ends what it has begun.
    case draining
    /// It was shut down.
    case stopped
    /// Its device failed: every speech ended with an error, and no other will begin.
    case failed
  }

  /// What becomes of a request made now. Models that were opened on one another share it.
  public var state: State {
    switch thread.status?.lifecycle {
    case .running, nil: .ready
    case .draining: .draining
    case .stopped: .stopped
    case .failed: .failed
    }
  }

  /// Speeches that have a voice, and those that wait for one, of all models on the device.
  public var load: (speaking: Int, waiting: Int) {
    guard let status = thread.status else { return (0, 0) }
    return (status.voices.values.reduce(0, +), status.waiting)
  }

  /// Ends the synthesizer, and those it shares a device with: new requests are refused as `stopped`, and what
  /// waits or is spoken comes to its end, for at most so long.
  ///
  /// - Parameter limit: Afterwards what is still spoken ends with an error; zero ends everything at once.
  public func shutdown(within limit: Duration = .seconds(30)) async {
    _ = try? await thread.perform { $0.drain() }
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline, load != (0, 0) {
      try? await Task.sleep(for: .milliseconds(10))
    }
    _ = try? await thread.perform { $0.stop() }
  }

  /// What a job needs of the synthesizer.
  private var speaking: SpeakingModel {
    SpeakingModel(
      thread: thread, index: model, capacity: opened.capacity, requests: requests,
      tokenizer: tokenizer, device: device, notice: opened.notice)
  }
}

extension Duration {
  /// The same in seconds.
  package var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
