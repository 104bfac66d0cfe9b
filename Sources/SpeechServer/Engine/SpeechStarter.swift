// SPDX-License-Identifier: MIT
#if Server
import Audio
import Logging
import Qwen3TTS

/// Begins speeches, whatever interface asked for them: resolves model and voice, takes the speech into the
/// queue, and logs what became of it.
struct SpeechStarter: Sendable {
  let service: SpeechService
  let voices: VoiceDirectory
  /// Whether the log has a line for each speech, without texts and voices.
  let logsAccess: Bool
  /// Whether texts and voices are logged.
  let logsTexts: Bool

  /// - Throws: `APIError`: 400 for a format, model or voice that cannot be had, or as `SpeechService.speak`.
  func start(
    _ parameters: SpeechParameters, _ text: SpokenText, for request: SpeechService.Request,
    _ logger: Logger
  ) async throws -> (SpeechJob, ServedModel) {
    do throws(AudioError) { try AudioEncoder.check(parameters.format) } catch {
      throw APIError.invalid("response_format", error.description, code: "unsupported_format")
    }
    let kind = parameters.kind ?? (voices.isUploaded(parameters.voice) ? .base : nil)
    let model = try service.model(named: parameters.model, kind: kind)
    var options = parameters.options
    options.voice = try await voices.voice(parameters.voice, for: model)
    if options.seed == nil { options.seed = UInt64.random(in: .min...UInt64(Int64.max)) }
    // A text that is still being written is logged by its session, when it is known.
    if logsTexts, case .whole(let text) = text {
      log(text: text, voice: "\(parameters.voice)", id: request.id, logger)
    }
    let job = try service.speak(
      text, options: options, model: model, for: request,
      onEnd: { result in log(result, request, model, logger) })
    return (job, model)
  }

  func log(text: String, voice: String, id: String, _ logger: Logger) {
    logger.info(
      "text",
      metadata: [
        "id": .string(id), "text": .string(text), "voice": .string(String(voice.prefix(200))),
      ])
  }

  private func log(
    _ result: SpeechRecord.State, _ request: SpeechService.Request, _ model: ServedModel,
    _ logger: Logger
  ) {
    if let failure = result.failure, result.finishReason == "error" {
      logger.error(
        "speech failed", metadata: ["id": .string(request.id), "error": .string("\(failure)")])
    }
    guard logsAccess else { return }
    func milliseconds(_ time: Duration?) -> Logger.MetadataValue {
      .stringConvertible(Int((time ?? .zero).seconds * 1_000))
    }
    logger.info(
      "speech",
      metadata: [
        "id": .string(request.id), "model": .string(model.name),
        "finish_reason": .string(result.finishReason ?? ""),
        "first_audio_ms": milliseconds(result.timeToFirstAudio),
        "ms": milliseconds(result.metrics?.wallDuration),
        "audio_ms": milliseconds(result.metrics?.audioDuration),
        "longest_gap_ms": .stringConvertible(Int(result.playback.longestGap * 1_000)),
      ])
  }

  /// The error that a client reads of a speech that ended with one.
  func answer(to error: any Error, id: String) -> APIError {
    switch error {
    case let error as APIError: error
    case is CancellationError where service.phase == .draining:
      .unavailable("draining", "The server is shutting down.", retryAfter: 5)
    case is CancellationError: .refused(499, "The speech was cancelled.", code: "cancelled")
    case let error as SynthesisError: APIError(error, requestID: id)
    default: .internalFailure(requestID: id)
    }
  }
}
#endif
