// SPDX-License-Identifier: MIT
#if Server
import Audio
import Hummingbird
import Qwen3TTS

extension SpeechRoutes {
  /// The most items of a batch.
  private static let mostItems = 32

  /// Several speeches in one answer: `items` over the shared members. One that fails does not fail
  /// the others.
  func batch(_ request: Request, _ context: ServerContext) async throws -> Response {
    try service.checkIsAvailable()
    var shared = try await object(of: request)
    guard case .array(let elements)? = shared.removeValue(forKey: "items"),
      (1...Self.mostItems).contains(elements.count)
    else {
      throw APIError.invalid("items", "items: expected 1 to \(Self.mostItems) objects.")
    }
    let items = try elements.map { element throws(APIError) in
      guard case .object(let members) = element else {
        throw .invalid("items", "items: expected objects, found \(element.kind).")
      }
      return shared.merging(members) { _, own in own }
    }
    let id = "speech-batch-" + context.requestID
    let connection = await context.connection
    let speaking = Task {
      await withTaskGroup(of: (Int, Result<Speech, APIError>).self) { group in
        for (index, members) in items.enumerated() {
          group.addTask { (index, await item(members, id: "\(id)-\(index)", context)) }
        }
        var results = [Result<Speech, APIError>?](repeating: nil, count: items.count)
        for await (index, result) in group { results[index] = result }
        return results.compactMap(\.self)
      }
    }
    connection?.onGone { speaking.cancel() }
    let results = await speaking.value
    connection?.forget()
    let succeeded = results.filter { (try? $0.get()) != nil }.count
    return .json([
      "id": .string(id), "total": .integer(Int64(results.count)),
      "succeeded": .integer(Int64(succeeded)), "failed": .integer(Int64(results.count - succeeded)),
      "results": .array(
        results.enumerated().map { index, result in Self.members(result, index: index) }),
    ])
  }

  /// A speech of a batch.
  private struct Speech: Sendable {
    var whole: SpeechBytes.Whole
    var parameters: SpeechParameters
  }

  private func item(
    _ members: [String: JSONValue], id: String, _ context: ServerContext
  ) async -> Result<Speech, APIError> {
    do {
      let parameters = try SpeechParameters(members, limits: limits.request)
      let (job, _) = try await speeches.start(
        parameters, .whole(parameters.input),
        for: .init(id: id, route: "/v1/audio/speech/batch", key: context.key), context.logger)
      let whole = try await SpeechBytes.whole(job, parameters, figures: service.metrics)
      return .success(Speech(whole: whole, parameters: parameters))
    } catch let error as APIError {
      return .failure(error)
    } catch let error as SynthesisError {
      return .failure(APIError(error, requestID: context.requestID))
    } catch {
      return .failure(.internalFailure(requestID: context.requestID))
    }
  }

  private static func members(_ result: Result<Speech, APIError>, index: Int) -> JSONValue {
    switch result {
    case .success(let speech):
      [
        "index": .integer(Int64(index)), "status": "success", "error": nil,
        "audio_data": .string(Base64.encode(speech.whole.bytes)),
        "media_type": .string(speech.parameters.format.contentType),
        "usage": speech.whole.metrics.map(usage) ?? .null,
        "finish_reason": JSONValue(speech.whole.metrics?.finishReason.rawValue),
        "timestamps": speech.parameters.options.timestamps
          ? speech.whole.heard.timestamps : .null,
      ]
    case .failure(let error):
      [
        "index": .integer(Int64(index)), "status": "error", "error": error.members,
        "audio_data": nil, "media_type": nil, "usage": nil, "finish_reason": nil,
        "timestamps": nil,
      ]
    }
  }
}
#endif
