// SPDX-License-Identifier: MIT
#if Server
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1

/// Asks a server for speech over HTTP, as PCM that is streamed as it is made.
package struct SpeechClient: Sendable {
  /// What is asked for.
  package struct Request: Sendable {
    package var voice: String?
    package var model: String?
    package var apiKey: String?
    /// Whether the answer comes as events instead of bytes.
    package var usesEvents = false
    /// For models that never end, which have random weights: frames of 80 ms by the words of the text.
    package var framesPerWord: Double?
    /// Seconds an answer may take.
    package var timeout = 120.0

    package init() {}
  }

  private let url: String
  private let request: Request
  private let client: HTTPClient

  /// - Parameters:
  ///   - base: The server, `http://127.0.0.1:8000` or with `/v1`.
  ///   - request: What is asked for.
  ///   - connections: The most connections at once.
  package init(base: String, _ request: Request, connections: Int) {
    var base = base
    while base.hasSuffix("/") { base.removeLast() }
    url = (base.hasSuffix("/v1") ? base : base + "/v1") + "/audio/speech"
    self.request = request
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
    configuration.httpVersion = .http1Only
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  /// Closes all connections.
  package func shutdown() async throws { try await client.shutdown() }

  /// Speaks a sentence and says what came when.
  package func speak(_ sentence: SentencePool.Sentence) async -> LoadResult {
    var result = LoadResult()
    var members: [String: JSONMember] = [
      "input": .string(sentence.text), "response_format": .string("pcm"), "stream": .bool(true),
      "non_streaming_mode": .bool(false),
    ]
    if let voice = request.voice { members["voice"] = .string(voice) }
    if let model = request.model { members["model"] = .string(model) }
    if request.usesEvents { members["stream_format"] = .string("sse") }
    if let frames = request.framesPerWord {
      members["max_new_tokens"] = .integer(max(1, Int(Double(sentence.wordCount) * frames)))
    }
    let clock = ContinuousClock()
    var start = clock.now
    do {
      var http = HTTPClientRequest(url: url)
      http.method = .POST
      http.headers.add(name: "content-type", value: "application/json")
      if let key = request.apiKey {
        http.headers.add(name: "authorization", value: "Bearer \(key)")
      }
      http.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(members)))
      start = clock.now
      let response = try await client.execute(
        http, timeout: .milliseconds(Int64(request.timeout * 1_000)))
      guard response.status == .ok else {
        let body = try? await response.body.collect(upTo: 1 << 16)
        let code = body.flatMap(Self.errorCode)
        result.failure = "status \(response.status.code)" + (code.map { " \($0)" } ?? "")
        result.total = start.duration(to: clock.now) / .seconds(1)
        return result
      }
      var events = EventReader()
      for try await buffer in response.body {
        let time = start.duration(to: clock.now) / .seconds(1)
        if result.firstByte == nil { result.firstByte = time }
        if request.usesEvents {
          for bytes in try events.read(buffer.readableBytesView) {
            result.playback.hear(bytes, at: time)
          }
        } else {
          result.playback.hear(buffer.readableBytesView, at: time)
        }
      }
      if request.usesEvents, !events.isDone { result.failure = "the events ended without done" }
      if result.playback.sampleCount == 0 { result.failure = "no audio" }
    } catch let error as EventReader.Failure {
      result.failure = error.message
    } catch {
      result.failure = "\(type(of: error)): \(error)"
    }
    result.total = start.duration(to: clock.now) / .seconds(1)
    return result
  }

  /// The `code` of an error in OpenAI's shape.
  private static func errorCode(_ body: ByteBuffer) -> String? {
    struct Body: Decodable {
      struct Inner: Decodable { let code: String? }
      let error: Inner
    }
    return try? JSONDecoder().decode(Body.self, from: Data(body.readableBytesView)).error.code
  }
}

/// A value of a request's member.
private enum JSONMember: Encodable {
  case string(String)
  case bool(Bool)
  case integer(Int)

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .string(let value): try container.encode(value)
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    }
  }
}

/// Takes the audio out of server-sent events that come in pieces.
private struct EventReader {
  struct Failure: Error { let message: String }
  private struct Event: Decodable {
    struct Problem: Decodable { let message: String }
    let type: String
    let audio: String?
    let error: Problem?
  }

  private var pending: [UInt8] = []
  private(set) var isDone = false

  mutating func read(_ bytes: some Collection<UInt8>) throws -> [[UInt8]] {
    pending += bytes
    var audio: [[UInt8]] = []
    while let end = pending.firstIndex(of: 10) {
      let line = pending[..<end]
      defer { pending.removeSubrange(...end) }
      guard line.starts(with: Array("data: ".utf8)) else { continue }
      let event = try JSONDecoder().decode(Event.self, from: Data(line.dropFirst(6)))
      if let text = event.audio, let data = Data(base64Encoded: text) {
        audio.append([UInt8](data))
      }
      if let error = event.error { throw Failure(message: error.message) }
      if event.type == "speech.audio.done" { isDone = true }
    }
    return audio
  }
}
#endif
