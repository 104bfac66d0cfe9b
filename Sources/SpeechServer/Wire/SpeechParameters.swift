// SPDX-License-Identifier: MIT

package import Audio
package import Qwen3TTS

/// A request for speech, as `POST /v1/audio/speech` states it: OpenAI's members and the extensions
/// that other servers of this model have.
package struct SpeechParameters: Sendable {
  /// How the bytes of a streamed answer are wrapped.
  package enum StreamFormat: String, Sendable, CaseIterable {
    /// The bytes of the format.
    case audio
    /// Server-sent events with the bytes in base64.
    case sse
  }

  /// Who speaks, as the request names it.
  package enum VoiceChoice: Sendable {
    case unnamed
    case named(String)
    case embedding([Float])
    /// A recording in the request, with its words where they are known.
    case reference(ReferenceSource, transcript: String?, embeddingOnly: Bool)
  }

  /// Where a recording comes from.
  package enum ReferenceSource: Sendable {
    case bytes([UInt8])
    case address(String)
    case file(String)
  }

  package var input = ""
  package var model: String?
  package var voice = VoiceChoice.unnamed
  package var format = AudioFormat.mp3
  package var sampleRate: Int?
  /// Bits per second; `nil`: the format's standard.
  package var bitRate: Int?
  package var speed = 1.0
  /// `nil`: what the request's `Accept` says.
  package var streamFormat: StreamFormat?
  package var options = SpeechOptions()
  /// The kind of model that the request needs; `nil`: any.
  package var kind: ModelKind?
  /// Members that this server knows nothing about, which the answer names.
  package var ignored: [String] = []

  /// Has the text spoken token by token, unless the request wants something else: for texts that are still
  /// being written.
  mutating func speakAsWritten() {
    options.textLayout = options.textLayout ?? .incremental
  }

  /// Limits of a request.
  package struct Limits: Sendable {
    /// Characters of a text.
    package var inputCharacters = 32_768
    /// Seconds of audio of one request.
    package var audioSeconds = 600.0
    /// The same in frames.
    var frames: Int { Int(audioSeconds / 0.08) }

    package init() {}
  }

  /// The defaults of a request that says nothing.
  package init() {}

  /// Reads the members of a request.
  ///
  /// - Throws: `APIError` 400 that names the member.
  package init(_ object: [String: JSONValue], limits: Limits) throws(APIError) {
    var members = Members(object)
    input = try members.string("input") ?? ""
    guard input.contains(where: { !$0.isWhitespace }) else {
      throw .invalid("input", "input: expected a text to speak, found none.")
    }
    guard input.count <= limits.inputCharacters else { throw .tooLong(limits.inputCharacters) }
    try readSettings(&members, limits)
    ignored += members.unknown
  }

  /// Reads how to speak, for texts that come later.
  ///
  /// - Parameters:
  ///   - members: What is read of them is taken.
  ///   - format: The format where none is named.
  /// - Throws: `APIError` 400 that names the member.
  init(
    settings members: inout Members, format: AudioFormat, limits: Limits
  ) throws(APIError) {
    self.format = format
    try readSettings(&members, limits)
    ignored += members.unknown
  }

  private mutating func readSettings(
    _ members: inout Members, _ limits: Limits
  ) throws(APIError) {
    model = try members.string("model")
    if let word = try members.string("response_format") {
      guard let format = Self.format(named: word) else {
        let known = AudioFormat.allCases.map(\.rawValue).joined(separator: ", ")
        throw .invalid(
          "response_format",
          "response_format: expected one of \(known), found \"\(word.prefix(40))\".",
          code: "unsupported_format")
      }
      self.format = format
    }
    sampleRate = try members.integer("sample_rate", in: 1...1_000_000).map(Int.init)
    if let sampleRate, !format.sampleRates.contains(sampleRate) {
      let rates = format.sampleRates.map(String.init).joined(separator: ", ")
      throw .invalid(
        "sample_rate", "sample_rate: expected \(rates) for \(format.rawValue), found \(sampleRate)."
      )
    }
    speed = try members.number("speed", in: TimeStretch.speeds) ?? 1
    streamFormat = try members.word("stream_format", as: StreamFormat.self)
    // Raw audio and SSE are both streamed as they are made, so this changes nothing.
    _ = try members.bool("stream")
    options.timestamps = try members.bool("word_timestamps") ?? false
    try readVoice(&members)
    try readOptions(&members, limits)
  }

  /// A format by the names that clients use for it.
  static func format(named word: String) -> AudioFormat? {
    switch word.lowercased() {
    case "pcm16", "pcm_s16le": .pcm
    case "mulaw", "g711_ulaw": .ulaw
    case "g711_alaw": .alaw
    case let word: AudioFormat(rawValue: word)
    }
  }

  private mutating func readVoice(_ members: inout Members) throws(APIError) {
    switch members.any("voice", "speaker") {
    case nil: break
    case .string(let name): voice = .named(name)
    case .object(let object):
      guard case .string(let id)? = object["id"] else {
        throw .invalid(
          "voice", "voice: expected a name or {\"id\": …}, found an object without id.")
      }
      voice = .named(id)
    case .some(let other):
      throw .invalid("voice", "voice: expected a name or {\"id\": …}, found \(other.kind).")
    }
    var transcript = try members.string("ref_text")
    let embeddingOnly = try members.bool("x_vector_only_mode") ?? false
    var reference = try members.string("ref_audio")
    if let references = try members.array("references") {
      guard references.count == 1, case .object(let object) = references[0] else {
        throw .invalid("references", "references: expected one object, found \(references.count).")
      }
      guard reference == nil else {
        throw .invalid("references", "references: expected this or ref_audio, found both.")
      }
      var inner = Members(object)
      reference = try inner.string("audio_path", "ref_audio", "audio", "data")
      transcript = try inner.string("text") ?? transcript
    }
    kind = try members.word("task_type", as: ModelKind.self)
    let embedding = try members.numbers("speaker_embedding")
    if let embedding {
      guard reference == nil else {
        throw .invalid(
          "speaker_embedding", "speaker_embedding: expected this or ref_audio, found both.")
      }
      voice = .embedding(embedding)
      kind = kind ?? .base
    }
    if let reference {
      voice = .reference(
        try ReferenceSource(reference), transcript: transcript, embeddingOnly: embeddingOnly)
      kind = kind ?? .base
    }
  }

  private mutating func readOptions(
    _ members: inout Members, _ limits: Limits
  ) throws(APIError) {
    options.instruction = try members.string("instructions", "instruction", "instruct")
    if let language = try members.string("language", "language_code"), !language.isEmpty {
      options.language = LanguageCodes.name(of: language)
    }
    let extra = try members.object("extra_params")
    try readSampling(&members)
    if let extra {
      var inner = Members(extra)
      try readSampling(&inner)
      ignored = inner.unknown.map { "extra_params.\($0)" }
    }
    options.frameCeiling = limits.frames
    options.maximumFrames = try members.integer("max_new_tokens", in: 1 ... .max)
      .map { Int(min($0, Int64(limits.frames))) }
    if let isWhole = try members.bool("non_streaming_mode") {
      options.textLayout = isWhole ? .whole : .incremental
    }
    let chunks = Int64(SpeechSynthesizer.longestChunk)
    let first = try members.integer(
      "first_chunk_frames", "initial_codec_chunk_frames", "stream_first_chunk_frames",
      in: 0...128)
    if let first, first > 0 { options.firstChunkFrames = Int(min(first, chunks)) }
    let later = try members.integer(
      "chunk_frames", "stream_chunk_frames", "stream_steady_chunk_frames", in: 1...128)
    if let later { options.chunkFrames = Int(min(later, chunks)) }
    if let normalize = try members.string("normalize") {
      guard let choice = TextNormalizationMode(rawValue: normalize.lowercased()) else {
        throw .invalid("normalize", "normalize: expected auto, on or off, found \"\(normalize)\".")
      }
      options.normalization = choice
    }
  }

  private mutating func readSampling(_ members: inout Members) throws(APIError) {
    if let seed = try members.integer("seed") { options.seed = UInt64(bitPattern: seed) }
    let floats: ClosedRange<Double> = 0...100
    if let value = try members.number("temperature", in: floats) {
      // A temperature of zero is the likeliest code, as in other servers.
      options.isGreedy = value == 0
      options.temperature = value == 0 ? nil : Float(value)
    }
    if let value = try members.number("top_p", in: 0...1) { options.topP = Float(value) }
    if let value = try members.integer("top_k", in: -1...1_000_000) {
      options.topK = Int(max(value, 0))
    }
    if let value = try members.number("repetition_penalty", in: floats) {
      options.repetitionPenalty = Float(value)
    }
    if let samples = try members.bool("do_sample"), !samples { options.isGreedy = true }
  }
}

extension SpeechParameters.ReferenceSource {
  /// A data URI, an address, a file or bare base64.
  ///
  /// - Throws: `APIError` 400 when it is none of them.
  init(_ text: String) throws(APIError) {
    let lower = text.prefix(8).lowercased()
    if lower.hasPrefix("http://") || lower.hasPrefix("https://") {
      self = .address(text)
    } else if lower.hasPrefix("file://") {
      self = .file(String(text.dropFirst(7)))
    } else {
      var encoded = text[...]
      if lower.hasPrefix("data:") {
        guard let comma = text.firstIndex(of: ","), text[..<comma].hasSuffix(";base64") else {
          throw .invalid(
            "ref_audio", "ref_audio: expected data:…;base64,…, found another data URI.")
        }
        encoded = text[text.index(after: comma)...]
      }
      guard let bytes = Base64.decode(encoded), !bytes.isEmpty else {
        throw .invalid(
          "ref_audio", "ref_audio: expected base64, a data URI or an address, found none of them.")
      }
      self = .bytes(bytes)
    }
  }
}

/// ISO 639-1 codes of the languages the released models speak.
enum LanguageCodes {
  /// The name of a language that may be given as a code, with or without a region.
  static func name(of text: String) -> String {
    let lower = text.lowercased()
    let code = lower.prefix { $0 != "-" && $0 != "_" }
    return names[String(code)] ?? lower
  }

  /// The code of a language; `nil` for one that is none of these.
  static func code(of name: String) -> String? { names.first { $0.value == name }?.key }

  static let names = [
    "zh": "chinese", "en": "english", "ja": "japanese", "ko": "korean", "de": "german",
    "fr": "french", "ru": "russian", "pt": "portuguese", "es": "spanish", "it": "italian",
  ]
}
