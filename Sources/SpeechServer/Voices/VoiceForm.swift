// SPDX-License-Identifier: MIT
#if Server
import Hummingbird

/// The members of an upload, as a form or as JSON: those of OpenAI, vLLM-Omni, qwentts.cpp
/// and ElevenLabs.
struct VoiceForm {
  /// What the voice is made of.
  enum Content {
    case recording([UInt8], contentType: String?)
    /// An embedding, with the codes of its recording where there are any.
    case embedding([Float], codes: [[Int32]])
    /// The voice in words, and what it says while it is taken.
    case prompt(String, script: String)

    /// The name of the kind in answers.
    var type: String {
      switch self {
      case .recording: "audio_sample"
      case .embedding: "embedding"
      case .prompt: "prompt"
      }
    }
  }

  var name: String
  var content: Content
  var model: String?
  var transcript: String?
  var description: String?
  var consent: String?
  var language: String?
  var overwrites: Bool

  /// What a designed voice says when the request has no `script_hint`.
  private static let standardScript =
    "Good morning. This is how I sound when I read a text aloud, calmly and without hurry."

  /// Reads a request's body.
  ///
  /// - Throws: `APIError`: 415, 413 or 400, which names the member.
  init(_ request: Request, _ limits: ServerLimits) async throws {
    let type = request.headers[.contentType]?.lowercased() ?? ""
    var members: Members
    var recording: (bytes: [UInt8], contentType: String?)?
    if type.hasPrefix("application/json") {
      members = Members(
        try await limits.object(of: request.body, upTo: limits.recordingBodyBytes))
      if let text = try members.string("audio_base64", "wav_b64", "audio_sample") {
        guard let bytes = Base64.decode(text), !bytes.isEmpty else {
          throw APIError.invalid(
            "audio_base64", "audio_base64: expected base64, found something else.")
        }
        recording = (bytes, nil)
      }
    } else {
      let form = try await MultipartForm(request, limits)
      members = Members(try Self.members(form))
      if let part = form["audio_sample"] ?? form["audio"] ?? form["files"] ?? form["files[]"],
        !part.bytes.isEmpty
      {
        recording = (part.bytes, part.contentType)
      }
    }
    if let recording, recording.bytes.count > limits.recordingBytes {
      throw APIError.tooLarge(limit: limits.recordingBytes)
    }
    try self.init(&members, recording: recording)
  }

  /// The parts of a form as a JSON object would have them.
  private static func members(_ form: MultipartForm) throws(APIError) -> [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    let recordings: Set = ["audio_sample", "files", "files[]"]
    for part in form.parts where part.fileName == nil && !recordings.contains(part.name) {
      switch part.name {
      case "speaker_embedding":
        guard let value = try? JSONParser.parse(part.bytes) else {
          throw .invalid("speaker_embedding", "speaker_embedding: expected an array of numbers.")
        }
        members[part.name] = value
      case "overwrite": members[part.name] = .bool(part.text.lowercased() == "true")
      default: members[part.name] = part.text.isEmpty ? .null : .string(part.text)
      }
    }
    return members
  }

  private init(
    _ members: inout Members, recording: (bytes: [UInt8], contentType: String?)?
  ) throws(APIError) {
    guard let name = try members.string("name") else {
      throw .invalid("name", "name: expected the name of the voice, found none.")
    }
    self.name = name
    transcript = try members.string("ref_text")
    description = try members.string("speaker_description", "description")
    consent = try members.string("consent")
    language = try members.string("language").map(LanguageCodes.name)
    model = try members.string("model").flatMap { $0 == "auto" ? nil : $0 }
    overwrites = try members.bool("overwrite") ?? false
    var embedding = try members.numbers("speaker_embedding")
    var codes: [[Int32]] = []
    if embedding == nil, let extracted = try Self.extracted(&members) {
      embedding = extracted.embedding
      codes = extracted.codes
      guard codes.isEmpty || transcript != nil else {
        throw .invalid(
          "ref_text", "ref_text: expected the words of the recording of rvq_b64, found none.")
      }
    }
    let prompt = try members.string("prompt")
    let script = try members.string("script_hint") ?? Self.standardScript
    switch (recording, embedding, prompt) {
    case (let recording?, nil, nil):
      content = .recording(recording.bytes, contentType: recording.contentType)
    case (nil, let embedding?, nil): content = .embedding(embedding, codes: codes)
    case (nil, nil, let prompt?): content = .prompt(prompt, script: script)
    case (nil, nil, nil):
      throw .invalid(
        "audio_sample",
        "audio_sample: expected a recording, a speaker_embedding or a prompt, found none of them.")
    default:
      throw .invalid(
        "audio_sample",
        "audio_sample: expected one of audio_sample, speaker_embedding and prompt, found several.")
    }
  }

  /// What qwentts.cpp extracts from recordings.
  private static func extracted(
    _ members: inout Members
  ) throws(APIError) -> (embedding: [Float], codes: [[Int32]])? {
    let packed = try members.string("rvq_b64")
    guard let text = try members.string("spk_b64") else {
      guard packed == nil else {
        throw .invalid("spk_b64", "spk_b64: expected the embedding that belongs to rvq_b64.")
      }
      return nil
    }
    guard let embedding = Base64.decode(text).flatMap(ExtractedVoice.embedding) else {
      throw .invalid("spk_b64", "spk_b64: expected base64 of 32-bit numbers, found something else.")
    }
    guard let packed else { return (embedding, []) }
    guard let codes = Base64.decode(packed).flatMap(ExtractedVoice.frames) else {
      throw .invalid(
        "rvq_b64", "rvq_b64: expected base64 of frames of 22 bytes, found something else.")
    }
    return (embedding, codes)
  }
}
#endif
