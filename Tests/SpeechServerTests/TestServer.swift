// SPDX-License-Identifier: MIT
#if Server
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Qwen3TTS
import SpeechServer

/// A server around engines that answers on no fixed port and logs nothing.
struct TestServer {
  let server: SpeechServer

  var service: SpeechService { server.service }

  init(
    _ engines: [FakeEngine] = [FakeEngine()], isReady: Bool = true,
    _ change: (inout SpeechServer.Configuration) -> Void = { _ in }
  ) {
    var configuration = SpeechServer.Configuration()
    configuration.port = 0
    configuration.logsAccess = false
    configuration.voiceFolder = FileManager.default.temporaryDirectory
      .appending(path: "server-tests-\(UUID().uuidString)")
    change(&configuration)
    server = SpeechServer(configuration)
    if isReady { serve(engines) }
  }

  func serve(_ engines: [FakeEngine]) {
    service.serve(
      engines.map { engine in
        ServedModel(
          name: engine.kind == .customVoice ? "tiny" : "tiny-\(engine.kind.rawValue)",
          engine: engine, created: 1)
      })
  }

  /// Runs a test against it: in memory, or by connections of an HTTP client.
  func test(
    _ setup: TestingSetup = .router, _ body: @Sendable (any TestClientProtocol) async throws -> Void
  ) async throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    try await server.application(logger: logger).test(setup) { client in try await body(client) }
  }

  /// Waits until no speech waits or runs, for at most two seconds.
  func settle() async throws {
    for _ in 0..<200 where service.queue.load != (0, 0) {
      try await Task.sleep(for: .milliseconds(10))
    }
  }
}

extension TestClientProtocol {
  func speak(_ body: String, headers: HTTPFields = [:]) async throws -> TestResponse {
    try await post("/v1/audio/speech", body, headers: headers)
  }

  func post(_ uri: String, _ body: String, headers: HTTPFields = [:]) async throws -> TestResponse {
    var headers = headers
    if headers[.contentType] == nil { headers[.contentType] = "application/json" }
    return try await execute(
      uri: uri, method: .post, headers: headers, body: ByteBuffer(string: body))
  }

  func get(_ uri: String, headers: HTTPFields = [:]) async throws -> TestResponse {
    try await execute(uri: uri, method: .get, headers: headers)
  }
}

extension TestResponse {
  var text: String { String(buffer: body) }
  var statusCode: Int { Int(status.code) }

  /// The members of a JSON body.
  var members: [String: JSONValue] {
    get throws {
      guard case .object(let members) = try JSONParser.parse(Array(body.readableBytesView)) else {
        return [:]
      }
      return members
    }
  }

  /// The members of its error, in OpenAI's shape.
  var error: [String: JSONValue] {
    get throws {
      guard case .object(let error)? = try members["error"] else { return [:] }
      return error
    }
  }

  func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
  func trailer(_ name: String) -> String? { HTTPField.Name(name).flatMap { trailerHeaders?[$0] } }
}
#endif
