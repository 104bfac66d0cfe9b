// SPDX-License-Identifier: MIT
#if Server
package import Foundation
package import Qwen3TTS
import Synchronization

/// The voices of a server: those of its models, and those that were uploaded.
///
/// An uploaded voice is two files in one folder: `NAME.voice`, which `qwen3-tts speak --voice` takes
/// too, and `NAME.json` with what was said of it. Both appear whole or not at all, and nothing is kept
/// in memory alone, so that a folder survives a restart and several servers can share it.
package final class VoiceDirectory: Sendable {
  /// What is known about an uploaded voice.
  package struct Card: Codable, Sendable, Equatable {
    /// `audio_sample`, `embedding` or `prompt`.
    package var type: String
    package var name: String
    /// Seconds since 1970.
    package var createdAt: Int
    package var consent: String?
    package var description: String?
    package var language: String?
    package var transcript: String?
    /// The words that designed the voice.
    package var prompt: String?
    package var mimeType: String?
    package var fileSize: Int?
    /// Numbers of the embedding, the width of the models that can speak with it.
    package var width: Int?

    package init(type: String, name: String, createdAt: Int) {
      self.type = type
      self.name = name
      self.createdAt = createdAt
    }
  }

  /// What somebody said about whose voice may be used.
  struct Consent: Codable, Sendable {
    var id: String
    var name: String
    var language: String?
    /// Seconds since 1970.
    var createdAt: Int
  }

  private let folder: URL
  private let library: VoiceLibrary
  private let aliases: [String: String]
  private let fetcher: ReferenceFetcher
  private let cache: VoiceCache
  /// Serialises changes of the folder.
  private let lock = Mutex(())

  /// Voices of OpenAI's clients, and the released models' voices they mean.
  package static let standardAliases = [
    "alloy": "ryan", "ash": "aiden", "ballad": "dylan", "coral": "vivian", "echo": "eric",
    "fable": "uncle_fu", "nova": "serena", "onyx": "ryan", "sage": "sohee",
    "shimmer": "ono_anna", "verse": "aiden", "marin": "vivian", "cedar": "eric",
  ]

  /// - Parameters:
  ///   - folder: Where uploaded voices are; need not exist.
  ///   - aliases: Further names, and the voices they mean.
  ///   - fetcher: How recordings that a request names are read.
  ///   - metrics: Where voices that were made before are counted.
  package init(
    folder: URL, aliases: [String: String] = [:], fetcher: ReferenceFetcher, metrics: ServerMetrics
  ) {
    self.folder = folder
    library = VoiceLibrary(folder: folder)
    self.aliases = Self.standardAliases.merging(aliases) { _, own in own }
    self.fetcher = fetcher
    cache = VoiceCache(metrics: metrics)
  }

  // MARK: Resolving

  /// Whether a request's voice is one that was uploaded, so that a Base model has to speak.
  func isUploaded(_ choice: SpeechParameters.VoiceChoice) -> Bool {
    guard case .named(let name) = choice else { return false }
    return uploadedName(name) != nil
  }

  /// The voice that a request names: an uploaded one, one of the model, an alias, in this order.
  ///
  /// - Throws: `APIError` 400 that lists voices there are.
  func voice(
    _ choice: SpeechParameters.VoiceChoice, for model: ServedModel
  ) async throws -> Voice {
    switch choice {
    case .unnamed: return try standard(model)
    case .embedding(let values): return .embedding(values)
    case .reference(let source, let transcript, let embeddingOnly):
      let voice = try await make(
        from: fetcher.bytes(of: source), transcript: embeddingOnly ? nil : transcript, with: model
      ).voice
      return .cloned(embeddingOnly ? try voice.embeddingOnly : voice)
    case .named(let name): return try named(name, model)
    }
  }

  /// Takes a voice from a recording, or remembers it.
  func make(
    from recording: [UInt8], transcript: String?, with model: ServedModel
  ) async throws -> VoiceCreation {
    let key = VoiceCache.Key(model: model.name, recording: recording, transcript: transcript)
    return try await cache.voice(key) {
      try await ReferenceFetcher.withTemporaryFile(recording) { path in
        try await model.engine.makeVoice(from: path, options: VoiceOptions(transcript: transcript))
      }
    }
  }

  private func named(_ name: String, _ model: ServedModel) throws -> Voice {
    let lower = name.lowercased()
    if lower == "default" || lower.isEmpty { return try standard(model) }
    if let uploaded = uploadedName(lower) {
      let voice = try library.voice(named: uploaded)
      if let problem = model.engine.problem(with: voice) {
        throw APIError.invalid("voice", problem)
      }
      return .cloned(voice)
    }
    let known = model.engine.voices
    if known.contains(lower) { return .named(lower) }
    if let target = aliases[lower] {
      // A model without the alias's voice speaks with its own.
      return known.contains(target) ? .named(target) : try standard(model)
    }
    // So does one that lacks a voice of the released models, which clients ask for by name.
    if Self.standardAliases.values.contains(lower) { return try standard(model) }
    let names = Array((known + uploadedNames + aliases.keys.sorted()).prefix(20))
    throw APIError.invalid(
      "voice",
      "voice: expected one of \(names.joined(separator: ", ")), found \"\(name.prefix(64))\".",
      code: "voice_not_found")
  }

  private func standard(_ model: ServedModel) throws -> Voice {
    guard model.engine.kind == .base, let uploaded = uploadedNames.first else { return .standard }
    return .cloned(try library.voice(named: uploaded))
  }

  // MARK: Uploaded voices

  /// The stored spelling of a name; `nil` when there is none.
  package func uploadedName(_ name: String) -> String? {
    let lower = name.lowercased()
    return uploadedNames.first { $0.lowercased() == lower }
  }

  /// Names of uploaded voices, in alphabetical order.
  package var uploadedNames: [String] { library.names }

  /// What is known about an uploaded voice; the name alone where its card is missing.
  package func card(_ name: String) -> Card {
    (try? read(Card.self, "\(name).json"))
      ?? Card(type: "audio_sample", name: name, createdAt: 0)
  }

  /// Makes sure that a voice of this name can be stored.
  ///
  /// - Throws: `APIError` 400 for what is no name or is a voice of a model, 409 when there is one that
  ///   may not be replaced.
  package func check(name: String, models: [ServedModel], overwrite: Bool) throws(APIError) {
    guard VoiceLibrary.isName(name), name.count <= 64 else {
      throw .invalid(
        "name",
        "name: expected 1 to 64 letters, digits, _, -, . and spaces within, not first a dot, found "
          + "\"\(name.prefix(64))\".")
    }
    guard !models.contains(where: { $0.engine.voices.contains(name.lowercased()) }) else {
      throw .invalid("name", "name: expected a new one, found that of a voice of the model.")
    }
    if let existing = uploadedName(name), !overwrite || existing != name {
      throw APIError.conflict(
        "name: a voice named \(existing) exists; delete it first, or send overwrite=true.")
    }
  }

  /// Stores a voice; one of the same name is replaced.
  package func store(_ voice: ClonedVoice, _ card: Card) throws {
    try lock.withLock { _ in
      // The card first: a voice is listed as soon as its file is there, with all that is known of it.
      try write(card, "\(card.name).json")
      try library.save(voice, as: card.name)
    }
  }

  /// Deletes an uploaded voice; `nil` when there is none of this name, else its spelling.
  package func delete(_ name: String) throws -> String? {
    try lock.withLock { _ in
      guard let stored = uploadedName(name) else { return nil }
      // The voice first: a card without a voice is not listed.
      try FileManager.default.removeItem(at: library.file(for: stored))
      try? FileManager.default.removeItem(at: folder.appending(path: "\(stored).json"))
      return stored
    }
  }

  // MARK: Consents

  /// The consents that were stored, in the order of their ids.
  var consents: [Consent] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".consent") }.sorted()
      .compactMap { try? read(Consent.self, $0) }
  }

  /// Stores what somebody said; it is not verified.
  func store(_ consent: Consent) throws { try write(consent, "\(consent.id).consent") }

  // MARK: Files

  private func read<Value: Decodable>(_ type: Value.Type, _ file: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: folder.appending(path: file)))
  }

  private func write(_ value: some Encodable, _ file: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try encoder.encode(value).write(to: folder.appending(path: file), options: .atomic)
  }
}
#endif
