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
  /// Positions of prompt and frames of a part where nothing else is asked for.
  package static let standardCapacity = 4096
  /// Samples per second.
  public static let sampleRate = 24_000

  /// The device's thread, which the models there share.
  private let thread: DeviceThread
  /// Index of the model there.
  private let model: Int
  private let tokenizer: TextTokenizer
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
  ///   - limits: How many speak at once, how many may wait, and with how much memory.
  /// - Throws: `SynthesisError`: `invalidModel` with file, expected and found, or
  ///   `deviceUnavailable`.
  public convenience init(
    model: URL? = nil, device: SpeechDevice = .automatic, capacity: Int = 4096,
    recordsSteps: Bool = true, kvPrecision: KVPrecision = .automatic,
    limits: SpeechLimits = SpeechLimits()
  ) async throws {
    let (checkpoint, tokenizer) = try await Self.readApart(model)
    try await self.init(
      checkpoint, tokenizer: tokenizer, device: device, capacity: capacity,
      recordsSteps: recordsSteps, kvPrecision: kvPrecision, limits: limits)
  }

  /// Opens a model in the background: what is asked of it meanwhile waits until it is loaded.
  ///
  /// `state` is `loading` until then, and `failed` when the device cannot be used; speeches then end with the
  /// error that says why.
  ///
  /// - Parameters: As for `init(model:device:capacity:recordsSteps:kvPrecision:limits:)`.
  /// - Throws: `SynthesisError` `invalidModel` or `invalidInput`, for what shows without loading it.
  public convenience init(
    loading model: URL?, device: SpeechDevice = .automatic, capacity: Int = 4096,
    recordsSteps: Bool = true, kvPrecision: KVPrecision = .automatic,
    limits: SpeechLimits = SpeechLimits()
  ) throws {
    let (checkpoint, tokenizer) = try Self.read(model)
    try self.init(
      loading: checkpoint, tokenizer: tokenizer, device: device, capacity: capacity,
      recordsSteps: recordsSteps, kvPrecision: kvPrecision, limits: limits)
  }

  /// Opens a model on the device of another, beside which it then speaks: on one thread, with one memory for
  /// keys and values, and with the codec once when both have the same.
  ///
  /// While it loads, the others speak on.
  ///
  /// - Parameters:
  ///   - model: A folder in the released layout; `nil` for the bundled voice.
  ///   - other: A synthesizer that was opened for several voices.
  /// - Throws: `SynthesisError`.
  public convenience init(model: URL? = nil, on other: SpeechSynthesizer) async throws {
    let (checkpoint, tokenizer) = try await Self.readApart(model)
    try await self.init(checkpoint, tokenizer: tokenizer, on: other)
  }

  /// Opens models for one process. Where the device was opened for several voices, they share it, its voices and
  /// its memory for keys and values; a GPU has one engine for one voice of each otherwise.
  ///
  /// - Parameters: As for `init(model:device:capacity:recordsSteps:kvPrecision:limits:)`.
  /// - Returns: A synthesizer for each model, in their order.
  /// - Throws: `SynthesisError`.
  package static func open(
    _ models: [URL?], device: SpeechDevice, limits: SpeechLimits
  ) async throws -> [SpeechSynthesizer] {
    var files: [(checkpoint: Checkpoint, tokenizer: TextTokenizer)] = []
    for model in models { files.append(try await readApart(model)) }
    // The largest first, since it decides whether `auto` is worth a GPU.
    let bytes = try files.map { try OpenedEngine.frameBytes($0.checkpoint) }
    let order = files.indices.sorted { (bytes[$1], $0) < (bytes[$0], $1) }
    var opened: [Int: SpeechSynthesizer] = [:]
    for index in order {
      let (checkpoint, tokenizer) = files[index]
      if let first = opened[order[0]], try await first.thread.waitUntilOpen().plan.voices > 1 {
        opened[index] = try await SpeechSynthesizer(checkpoint, tokenizer: tokenizer, on: first)
      } else {
        opened[index] = try await SpeechSynthesizer(
          checkpoint, tokenizer: tokenizer, device: device, limits: limits)
      }
    }
    return files.indices.compactMap { opened[$0] }
  }

  /// Takes over a model that is open, on the device of another.
  package init(
    _ checkpoint: Checkpoint, tokenizer: TextTokenizer, on other: SpeechSynthesizer
  ) async throws {
    let thread = other.thread
    do {
      let codecs = try await thread.perform { $0.codecs }
      let codec = await Self.prepare(checkpoint, codecs)
      model = try await thread.perform { engine in
        try engine.add(checkpoint, codec: codec) { thread.pause(engine) }
      }
    } catch {
      throw Self.known(error)
    }
    self.thread = thread
    self.checkpoint = checkpoint
    self.tokenizer = tokenizer
    requests = RequestBuilder(
      configuration: checkpoint.configuration, generation: checkpoint.generation)
    encoders = VoiceEncoders(checkpoint, besides: thread)
  }

  /// Reads a checkpoint's bytes, so that the device's thread finds them in memory, and looks for its codec among
  /// those that are open.
  @concurrent private static func prepare(
    _ checkpoint: Checkpoint, _ codecs: [Checkpoint]
  ) async -> Int? {
    checkpoint.readAhead()
    return codecs.firstIndex { $0.hasSameCodec(as: checkpoint) }
  }

  private static func known(_ error: any Error) -> SynthesisError {
    error as? SynthesisError ?? SynthesisError(.invalidModel, "\(error)", underlying: error)
  }

  /// As `read`, away from the caller's thread.
  @concurrent private static func readApart(
    _ model: URL?
  ) async throws -> (Checkpoint, TextTokenizer) {
    try read(model)
  }

  private static func read(_ model: URL?) throws -> (Checkpoint, TextTokenizer) {
    let folder = try model.map(Self.folder) ?? Self.bundledModel
    do {
      return (try Checkpoint(folder: folder.path), try TextTokenizer(folder: folder))
    } catch {
      throw known(error)
    }
  }

  private static func folder(at model: URL) -> URL {
    URL(filePath: ModelStore.modelFolder(at: model.path), directoryHint: .isDirectory)
  }

  /// Takes over a model that is open.
  package convenience init(
    _ checkpoint: Checkpoint, tokenizer: TextTokenizer, device: SpeechDevice = .cpu,
    capacity: Int = 4096, recordsSteps: Bool = true, kvPrecision: KVPrecision = .automatic,
    limits: SpeechLimits = SpeechLimits()
  ) async throws {
    try self.init(
      loading: checkpoint, tokenizer: tokenizer, device: device, capacity: capacity,
      recordsSteps: recordsSteps, kvPrecision: kvPrecision, limits: limits)
    _ = try await thread.waitUntilOpen()
  }

  /// Takes over a model that is open, and loads it onto a device in the background.
  package init(
    loading checkpoint: Checkpoint, tokenizer: TextTokenizer, device: SpeechDevice = .cpu,
    capacity: Int = 4096, recordsSteps: Bool = true, kvPrecision: KVPrecision = .automatic,
    limits: SpeechLimits = SpeechLimits()
  ) throws {
    guard capacity >= MemoryPlan.leastCapacity else {
      throw SynthesisError(
        .invalidInput,
        "capacity: expected at least \(MemoryPlan.leastCapacity), found \(capacity)")
    }
    try limits.check()
    thread = DeviceThread(name: "qwen3-tts") {
      do {
        return try OpenedEngine.open(
          checkpoint, on: device, capacity: capacity, recordsSteps: recordsSteps,
          kvPrecision: kvPrecision, limits: limits)
      } catch {
        throw Self.known(error)
      }
    }
    self.checkpoint = checkpoint
    self.tokenizer = tokenizer
    model = 0
    requests = RequestBuilder(
      configuration: checkpoint.configuration, generation: checkpoint.generation)
    encoders = VoiceEncoders(checkpoint, besides: thread)
  }

  /// The device in words, such as `NVIDIA H100 80GB HBM3, sm_90` or `CPU, 8 threads, AVX2`; empty while the
  /// model is being loaded.
  public var device: String { (try? thread.opened?.get().device) ?? "" }

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
    /// Its model is being loaded; speeches begin afterwards.
    case loading
    /// It speaks.
    case ready
    /// It ends what it has begun.
    case draining
    /// It was shut down.
    case stopped
    /// Its device failed or could not be used: every speech ended with an error, and no other will begin.
    case failed
  }

  /// What becomes of a request made now. Models that were opened on one another share it.
  public var state: State {
    switch thread.opened {
    case nil: return .loading
    case .failure: return .failed
    case .success: break
    }
    return switch thread.status?.lifecycle {
    case .running, nil: .ready
    case .draining: .draining
    case .stopped: .stopped
    case .failed: .failed
    }
  }

  /// What the device does, for all models on it.
  public var load: SpeechLoad {
    var load = SpeechLoad()
    guard let status = thread.status else { return load }
    load.speaking = status.voices.values.reduce(0, +)
    load.waiting = status.waiting
    load.voices = status.slots
    load.pagesUsed = status.pagesUsed
    load.pages = status.pages
    load.runaways = status.runaways
    return load
  }

  /// Whether the device's thread has been at one thing for longer than this: it hangs, or is far too slow. It
  /// isn't when it waits for something to do.
  public func isStalled(for time: Duration) -> Bool { thread.isStalled(for: time) }

  /// Ends the synthesizer, and those it shares a device with: new requests are refused as `stopped`, and what
  /// waits or is spoken comes to its end, for at most so long.
  ///
  /// - Parameter limit: Afterwards what is still spoken ends with an error; zero ends everything at once.
  public func shutdown(within limit: Duration = .seconds(30)) async {
    _ = try? await thread.perform { $0.drain() }
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline, !load.isIdle {
      try? await Task.sleep(for: .milliseconds(10))
    }
    _ = try? await thread.perform { $0.stop() }
  }

  /// What a job needs of the synthesizer.
  private var speaking: SpeakingModel {
    SpeakingModel(thread: thread, index: model, requests: requests, tokenizer: tokenizer)
  }
}

extension Duration {
  /// The same in seconds.
  package var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
