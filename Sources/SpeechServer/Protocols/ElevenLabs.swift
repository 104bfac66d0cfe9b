// SPDX-License-Identifier: MIT
#if Server
import Audio
import Hummingbird
import Qwen3TTS

/// What ElevenLabs' interface calls things, in terms of this server's.
enum ElevenLabs {
  /// Whether a path's errors have ElevenLabs' shape.
  static func owns(_ path: String) -> Bool {
    ["/v1/text-to-speech", "/v1/voices", "/v2/voices", "/v1/user"].contains { path.hasPrefix($0) }
  }

  // MARK: Requests

  /// The settings of a request for speech.
  ///
  /// - Parameters:
  ///   - query: The address's parameters.
  ///   - members: Of the body or the first message; what is known of them is taken.
  ///   - languages: Those that the model can be asked for; others are left out, as ElevenLabs does.
  ///   - models: Names of models; any other means the first.
  /// - Throws: `APIError`: 422 for an `output_format` there is not, 400 for another member.
  static func parameters(
    voice: String, query: Parameters, members: inout Members, languages: [String],
    models: [String], limits: SpeechParameters.Limits
  ) throws(APIError) -> SpeechParameters {
    var parameters = SpeechParameters()
    parameters.voice = .named(voice)
    parameters.options.frameCeiling = limits.frames
    try setFormat(query["output_format"].map { String($0) } ?? "mp3_44100_128", &parameters)
    let model = try members.string("model_id") ?? query["model_id"].map { String($0) }
    parameters.model = model.flatMap { models.contains($0) ? $0 : nil }
    let code = try members.string("language_code") ?? query["language_code"].map { String($0) }
    if let name = code.map(LanguageCodes.name), languages.contains(name) {
      parameters.options.language = name
    }
    let seed = try members.integer("seed", in: 0...4_294_967_295)
    if let seed = seed ?? query["seed"].flatMap({ Int64($0) }) {
      parameters.options.seed = UInt64(bitPattern: seed)
    }
    let normalization =
      try members.string("apply_text_normalization")
      ?? query["apply_text_normalization"].map { String($0) }
    if let normalization {
      guard let mode = TextNormalizationMode(rawValue: normalization) else {
        throw .invalid(
          "apply_text_normalization",
          "apply_text_normalization: expected auto, on or off, found \"\(normalization.prefix(40))\"."
        )
      }
      parameters.options.normalization = mode
    }
    if let settings = try members.object("voice_settings") {
      var inner = Members(settings)
      parameters.speed = try inner.number("speed", in: TimeStretch.speeds) ?? 1
    }
    return parameters
  }

  /// `mp3_44100_128`: a codec, samples per second, and for some kilobits per second.
  private static func setFormat(
    _ name: String, _ parameters: inout SpeechParameters
  ) throws(APIError) {
    let parts = name.split(separator: "_", omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), let rate = Int(parts[1]),
      let format = AudioFormat(rawValue: String(parts[0])), codecs.contains(format),
      format.sampleRates.contains(rate),
      (format.standardBitRate != nil) == (parts.count == 3)
    else { throw unknownFormat(name) }
    parameters.format = format
    parameters.sampleRate = rate
    guard parts.count == 3 else { return }
    guard let kilobits = Int(parts[2]), [32, 48, 64, 96, 128, 192].contains(kilobits) else {
      throw unknownFormat(name)
    }
    parameters.bitRate = kilobits * 1_000
  }

  private static let codecs: Set<AudioFormat> = [.mp3, .opus, .pcm, .wav, .ulaw, .alaw]

  private static func unknownFormat(_ name: String) -> APIError {
    .refused(
      422,
      "output_format: expected one such as mp3_44100_128, pcm_24000 or ulaw_8000, found "
        + "\"\(name.prefix(40))\".",
      code: "value_error", parameter: "output_format")
  }
}

extension APIError {
  /// The answer of one of ElevenLabs' routes.
  var elevenLabsResponse: Response {
    let detail: JSONValue =
      if status == 422 {
        [
          [
            "loc": ["body", .string(parameter ?? "")], "msg": .string(message),
            "type": .string(code ?? "value_error"),
          ]
        ]
      } else {
        ["status": .string(code ?? type), "message": .string(message)]
      }
    // The voice is a part of the path.
    let status = code == "voice_not_found" ? 404 : status
    var response = Response.json(["detail": detail], status: .init(code: status))
    if let retryAfter { response.headers[.retryAfter] = "\(retryAfter)" }
    if code == "draining" { response.headers[.connection] = "close" }
    return response
  }
}
#endif
