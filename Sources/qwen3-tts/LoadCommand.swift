// SPDX-License-Identifier: MIT

import ArgumentParser
import Foundation
import LoadTest
import Qwen3TTS
import SyntheticCheckpoint

/// `qwen3-tts load`
struct Load: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Loads a server or an engine with listeners, and says what they would have heard.",
    discussion: """
      qwen3-tts load --rps 2 --duration 60
      qwen3-tts load --concurrency 12 --requests 120
      qwen3-tts load --engine --synthetic 1.7B --max-batch 64 --rps 20

      Each listener plays from the first chunk on, without a buffer: a chunk that comes too late is a \
      gap. Requests of an open loop (--rps) start at times that --seed decides, whatever became of \
      the others.
      """)

  @Option(help: "The server.")
  var url = "http://127.0.0.1:8000"

  @Flag(help: "Loads an engine in this process instead of a server.")
  var engine = false

  @Option(help: "With --engine: random weights in the shape of 0.6B or 1.7B.")
  var synthetic: String?

  @Option(help: "With --engine: auto, cpu or cuda.")
  var device = SpeechDevice.automatic

  @Option(help: "With --engine: voices at once.")
  var maxBatch: Int?

  @Option(help: "With --engine: share of the speeches that are cancelled midway, 0 to 1.")
  var cancelShare = 0.0

  @Option(help: "With --engine and a Base model: so many distinct cloned voices, in turn.")
  var clones: Int?

  @Option(help: "Requests a second, in an open loop.")
  var rps: Double?

  @Option(help: "Listeners at once, each with one request after the other, in a closed loop.")
  var concurrency: Int?

  @Option(help: "Seconds in which requests start.")
  var duration = 30.0

  @Option(help: "Seconds of the same load before, which do not count.")
  var warmup = 5.0

  @Option(help: "Requests of a closed loop.")
  var requests = 100

  @Option(help: "poisson or constant.")
  var arrival = LoadSchedule.Arrival.poisson

  @Option(help: "Decides times and order of the texts.")
  var seed = 0

  @Option(
    help: "A file of texts, one JSON object {\"id\", \"text\"} a line; without it, the project's.")
  var pool: String?

  @Option(help: "A voice of the server.")
  var voice: String?

  @Option(help: "A model of the server.")
  var model: String?

  @Option(help: "http, or sse for events.")
  var transport = "http"

  @Option(help: "The server's key.")
  var apiKey: String?

  @Option(
    help: "Frames of 80 ms for each word, for models with random weights, which never end: 4.1.")
  var framesPerWord: Double?

  @Option(help: "Writes the figures as JSON, - for standard output.")
  var json: String?

  func validate() throws {
    guard (rps == nil) != (concurrency == nil) else {
      throw ValidationError("Say how to load: --rps N or --concurrency N.")
    }
    guard rps ?? 1 > 0, rps ?? 1 <= 10_000, duration > 0, duration <= 7_200, warmup >= 0 else {
      throw ValidationError("Expected --rps up to 10000 and --duration up to 7200, above 0.")
    }
    guard (1...10_000).contains(concurrency ?? 1), (1...1_000_000).contains(requests) else {
      throw ValidationError("Expected --concurrency up to 10000 and --requests up to 1000000.")
    }
    guard engine || synthetic == nil && maxBatch == nil && cancelShare == 0 && clones == nil else {
      throw ValidationError("--synthetic, --max-batch, --cancel-share and --clones need --engine.")
    }
    if let synthetic, SyntheticSize(rawValue: synthetic) == nil {
      throw ValidationError("--synthetic: expected 0.6B or 1.7B, found \(synthetic).")
    }
    guard (0...1).contains(cancelShare), (1...1024).contains(maxBatch ?? 1),
      (1...256).contains(clones ?? 1)
    else {
      throw ValidationError(
        "Expected --cancel-share 0 to 1, --max-batch up to 1024 and --clones up to 256.")
    }
    guard ["http", "sse"].contains(transport) else {
      throw ValidationError("--transport: expected http or sse, found \(transport).")
    }
  }

  func run() async throws {
    if engine {
      let client = try await EngineClient(self)
      printMessage(client.notice)
      try await run { await client.speak($0) }
      return await client.shutdown()
    }
    #if Server
    var request = SpeechClient.Request()
    request.voice = voice
    request.model = model
    request.apiKey = apiKey
    request.usesEvents = transport == "sse"
    request.framesPerWord = framesPerWord
    let client = SpeechClient(base: url, request, connections: 4_096)
    try await run { await client.speak($0) }
    try await client.shutdown()
    #else
    throw ValidationError(
      "This program was built without the server: give --engine, or build with --traits Server.")
    #endif
  }

  /// Loads what speaks so.
  private func run(
    _ speak: @escaping @Sendable (SentencePool.Sentence) async -> LoadResult
  ) async throws {
    let runner = LoadRunner(pool: try texts(), seed: seed, speak: speak)
    let report: LoadReport
    if let rps {
      if warmup > 0 {
        _ = await runner.run(
          .open(arrival, requestsPerSecond: rps, duration: .seconds(warmup)), phase: .warmup)
      }
      report = await runner.run(
        .open(arrival, requestsPerSecond: rps, duration: .seconds(duration)))
    } else {
      let listeners = concurrency ?? 1
      if warmup > 0 {
        _ = await runner.run(.closed(listeners: listeners, requests: listeners), phase: .warmup)
      }
      report = await runner.run(.closed(listeners: listeners, requests: requests))
    }
    guard let json else {
      try printResult(report.text)
      return
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    let data = try encoder.encode(report)
    if json == "-" {
      try printResult(String(decoding: data, as: UTF8.self))
    } else {
      try data.write(to: URL(filePath: json))
    }
  }

  private func texts() throws -> SentencePool {
    guard let pool else { return .standard }
    struct Line: Decodable {
      let id: String
      let text: String
    }
    let sentences: [SentencePool.Sentence]
    do {
      let lines = try String(contentsOf: URL(filePath: pool), encoding: .utf8)
      sentences = try lines.split(whereSeparator: \.isNewline).map {
        let line = try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        return SentencePool.Sentence(id: line.id, text: line.text)
      }
    } catch {
      throw SynthesisError(
        .invalidInput, "\(pool): expected a JSON object with id and text a line: \(error)",
        underlying: error)
    }
    guard !sentences.isEmpty, Set(sentences.map(\.id)).count == sentences.count else {
      throw SynthesisError(.invalidInput, "\(pool): expected texts with an id each, all different.")
    }
    return SentencePool(sentences)
  }
}

extension LoadSchedule.Arrival: ExpressibleByArgument {}
