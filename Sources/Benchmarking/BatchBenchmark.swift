// SPDX-License-Identifier: MIT

import CPUBackend
import CUDA
import CUDABackend
package import ModelFiles
package import Qwen3TTS
import SpeechModel

/// Measures what a step of many voices costs: frames, the codec, prompts; below the engine, without a
/// scheduler.
package struct BatchBenchmark {
  private let name: String
  private let checkpoint: Checkpoint
  /// Where to run.
  package var device = SpeechDevice.automatic
  /// Numbers of voices to measure, ascending.
  package var voices = [1, 8, 32, 64]
  /// Position about which frames are measured.
  package var position = 300
  /// Steps of each kind that count.
  package var steps = 40

  /// - Parameter name: The model in words.
  package init(_ name: String, _ checkpoint: Checkpoint) {
    (self.name, self.checkpoint) = (name, checkpoint)
  }

  /// Measures everything.
  ///
  /// - Throws: `SynthesisError` `deviceUnavailable`, or what the device fails with.
  package func run() throws -> BatchBenchmarkResult {
    guard let context = try CUDAContext.chosen(by: device) else {
      return try run(on: CPUBackend(), CPUBackend.deviceDescription)
    }
    var result = try run(
      on: CUDABackend(context, independentRows: true), context.deviceDescription)
    result.device_peak_bytes = context.peakByteCount
    return result
  }

  private func run<B: Backend>(on backend: B, _ device: String) throws -> BatchBenchmarkResult {
    let runs = try BatchRuns(checkpoint, voices: voices.max() ?? 1, position, steps, on: backend)
    var result = BatchBenchmarkResult(
      model: name, device: device, position: position, steps: steps)
    for count in voices {
      result.voices.append(
        .init(
          voices: count, step_ms: try runs.frames(count), codes_ms: try runs.codes(count),
          codec_ms: try runs.codec(count), prompts_ms: try runs.prompts(count)))
    }
    return result
  }
}

/// What `qwen3-tts bench --voices` prints. The keys are those of docs/benchmark.md.
package struct BatchBenchmarkResult: Codable, Sendable {
  let model: String
  let device: String
  let position: Int
  let steps: Int
  var voices: [Voices] = []
  var device_peak_bytes: Int?

  /// Some voices at once.
  struct Voices: Codable, Sendable {
    let voices: Int
    /// A frame of each.
    let step_ms: Spread
    /// Of it, all that follows the talker: head, draws, code predictor.
    let codes_ms: Spread
    /// One frame of each to samples in memory of the host.
    let codec_ms: Spread
    /// A prompt of each.
    let prompts_ms: Spread
  }

  /// The result as a table.
  package var table: String {
    var lines = ["\(model), \(device), about position \(position); ms, p50"]
    lines.append("voices    frame    codes    codec    prompts   frames/s")
    for row in voices {
      let values = [row.step_ms, row.codes_ms, row.codec_ms, row.prompts_ms].map(\.p50)
      let rate = Double(row.voices) * 1000 / (row.step_ms.p50 + row.codec_ms.p50)
      lines.append(
        Self.cell("\(row.voices)", 6) + values.map { Self.cell(Self.decimal($0), 9) }.joined()
          + Self.cell("\(Int(rate))", 10))
    }
    return lines.joined(separator: "\n")
  }

  private static func cell(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.count)) + text
  }

  private static func decimal(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}

/// Slots of one model, each with an utterance that never ends.
private final class BatchRuns<B: Backend> {
  private let backend: B
  private let pool: KVPool<B>
  private let step: FrameStep<B>
  private let codec: CodecStreams<B>
  private let checkpoint: Checkpoint
  private let position: Int
  private let steps: Int
  private let clock = ContinuousClock()

  init(
    _ checkpoint: Checkpoint, voices: Int, _ position: Int, _ steps: Int, on backend: B
  ) throws {
    (self.checkpoint, self.position, self.steps) = (checkpoint, position, steps)
    self.backend = backend
    let model = try LanguageModel(
      reading: checkpoint.weights, checkpoint.configuration, on: backend)
    let pages = (position + 2 * steps + 63) / 64 + 1
    pool = try KVPool(
      KVPool<B>.Geometry(checkpoint.configuration.talker.transformer, model.talker.cachePrecision),
      slotCount: voices, capacity: pages * 64, pageCount: voices * pages, on: backend)
    step = try FrameStep(model, pool: pool, on: backend)
    codec = try CodecStreams(
      CodecDecoder(
        reading: checkpoint.codecWeights.scoped("decoder."), checkpoint.codecConfiguration.decoder,
        on: backend),
      slotCount: voices, batchCapacity: max(16, voices), references: 1, on: backend)
    for slot in 0..<voices {
      for page in 0..<pages {
        try pool.assign(slot: slot, index: page, page: slot * pages + page)
      }
    }
  }

  private func open(_ slot: Int, rows: Int) throws -> Prompt {
    let prompt = BenchmarkRuns.prompt(tokens: rows - 16, checkpoint.configuration)
    let isOpen = try step.open(
      prompt,
      settings: UtteranceSettings(
        talker: checkpoint.generation.talker, predictor: checkpoint.generation.predictor,
        seed: UInt64(slot)),
      slot: slot)
    precondition(isOpen, "there is room for the text of the benchmark")
    return prompt
  }

  /// Reads prompts of about so many rows into the first slots, as many in one pass as fit.
  private func read(_ voices: Int, rows: Int) throws {
    try step.read(
      (0..<voices).map { slot in
        PromptRows(slot: slot, rows: 0..<(try open(slot, rows: rows).rows.count))
      })
  }

  /// Milliseconds of each of some steps after one that may be recorded.
  private func time(_ step: () throws -> Void) throws -> Spread {
    try step()
    try step()
    return Spread(
      try (0..<steps).map { _ in
        let begin = clock.now
        try step()
        return (clock.now - begin).seconds * 1000
      })
  }

  private func step(_ voices: Int, isFirst: Bool) throws {
    let entry = try step.queue(
      (0..<voices).map { FrameStep<B>.Row(slot: $0, isFirst: isFirst) })
    _ = try step.collect(entry: entry, rows: voices)
  }

  func frames(_ voices: Int) throws -> Spread {
    try read(voices, rows: position - steps / 2)
    try step(voices, isFirst: true)
    return try time { try step(voices, isFirst: false) }
  }

  func codes(_ voices: Int) throws -> Spread { try time { try step(voices, isFirst: true) } }

  func codec(_ voices: Int) throws -> Spread {
    let width = checkpoint.configuration.talker.codebookCount
    let entries = Int32(checkpoint.configuration.predictor.codebookSize)
    for slot in 0..<voices { try codec.begin(after: [], slot: slot) }
    return try time {
      let chunks = (0..<voices).map { slot in
        CodecStreams<B>.Chunk(slot: slot, codes: (0..<Int32(width)).map { ($0 * 131) % entries })
      }
      _ = try backend.finishRead(try codec.beginDecoding(chunks))
    }
  }

  /// Prompts of 40 rows.
  func prompts(_ voices: Int) throws -> Spread {
    try time {
      try read(voices, rows: 40)
      _ = try backend.finishRead(try backend.beginRead(step.progress))
    }
  }
}
