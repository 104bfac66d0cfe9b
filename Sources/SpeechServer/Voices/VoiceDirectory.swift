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
    /// The words that design the voice.
    package var prompt: String?
    package var mimeType: String?
    package var fileSize: Int?

    package init(type: String, name: String, createdAt: Int) {
      self.type = type
      self.name = name
      self.createdAt = createdAt
    }
  }

  private let folder: URL
  private let library: VoiceLibrary
  private let aliases: [String: String]
  private let fetch: ReferenceFetcher
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
  ///   - fetch: How recordings that a request names are read.
  package init(folder: URL, aliases: [String: String] = [:], fetch: ReferenceFetcher) {
    self.folder = folder
    library = VoiceLibrary(folder: folder)
    self.aliases = Self.standardAliases.merging(aliases) { _, own in own }
    self.fetch = fetch
  }

  // MARK: Resolving

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
      let made = try await fetch.withFile(source) { path in
        try await model.engine.makeVoice(
          from: path, options: VoiceOptions(transcript: embeddingOnly ? nil : transcript))
      }
      return .cloned(embeddingOnly ? try made.voice.embeddingOnly : made.voice)
    case .named(let name): return try named(name, model)
    }
  }

  private func named(_ name: String, _ model: ServedModel) throws -> Voice {
    let lower = name.lowercased()
    if lower == "default" || lower.isEmpty { return try standard(model) }
    if let uploaded = uploadedName(lower) {
      let voice = try library.voice(named: uploaded)
      if let problem = model.engine.problem(with: voice) {
        throw APIError.invalid("voice", "voice \(name.prefix(64)): \(problem)")
      }
      return .cloned(voice)
    }
    let known = model.engine.voices
    if known.contains(lower) { return .named(lower) }
    if let target = aliases[lower] {
      // A model without the alias's voice speaks with its own.
      return known.contains(target) ? .named(target) : try standard(model)
    }
    let names = Array((known + uploadedNames + aliases.keys.sorted()).prefix(20))
    throw APIError.invalid(
      "voice",
      "voice: expected one of \(names.joined(separator: ", ")), found \"\(name.prefix(64))\".",
      code: "voice_not_found")
  }

  private func standard(_ model: ServedModel) throws -> Voice {
    if model.engine.voices.isEmpty, let uploaded = uploadedNames.first {
      return .cloned(try library.voice(named: uploaded))
    }
    return .standard
  }

  // MARK: Uploaded voices

  private func uploadedName(_ lower: String) -> String? {
    uploadedNames.first { $0.lowercased() == lower }
  }

  /// Names of uploaded voices, in alphabetical order.
  package var uploadedNames: [String] { library.names }

  /// What is known about an uploaded voice; the name alone where its card is missing.
  package func card(_ name: String) -> Card {
    let file = folder.appending(path: "\(name).json")
    guard let data = try? Data(contentsOf: file),
      let card = try? JSONDecoder().decode(Card.self, from: data)
    else { return Card(type: "audio_sample", name: name, createdAt: 0) }
    return card
  }

  /// Stores a voice.
  ///
  /// - Throws: `APIError` 409 when there is one of this name and it may not be replaced.
  package func store(_ voice: ClonedVoice, _ card: Card, overwrite: Bool) throws {
    try lock.withLock { _ in
      if let existing = uploadedName(card.name.lowercased()), !overwrite || existing != card.name {
        throw APIError.conflict(
          "name: a voice named \(existing) exists; delete it first, or send overwrite=true.")
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
      try library.save(voice, as: card.name)
      try encoder.encode(card).write(
        to: folder.appending(path: "\(card.name).json"), options: .atomic)
    }
  }

  /// Deletes an uploaded voice; false when there is none of this name.
  package func delete(_ name: String) throws -> Bool {
    try lock.withLock { _ in
      guard let stored = uploadedName(name.lowercased()) else { return false }
      // The voice first: a card without a voice is not listed.
      try FileManager.default.removeItem(at: library.file(for: stored))
      try? FileManager.default.removeItem(at: folder.appending(path: "\(stored).json"))
      return true
    }
  }

  /// Whether a voice may have this name: 1 to 64 letters, digits, `_`, `-` and `.`, no leading dot,
  /// and no voice of a model.
  package func check(name: String, models: [ServedModel]) throws(APIError) {
    guard VoiceLibrary.isName(name), name.count <= 64 else {
      throw .invalid(
        "name",
        "name: expected 1 to 64 letters, digits, _, - and ., not first a dot, found "
          + "\"\(name.prefix(64))\".")
    }
    guard !models.contains(where: { $0.engine.voices.contains(name.lowercased()) }) else {
      throw .invalid("name", "name: \(name) is a voice of the model.")
    }
  }
}
#endif
