// SPDX-License-Identifier: MIT

import ArgumentParser
import Foundation
import Qwen3TTS

/// `qwen3-tts voices`
struct Voices: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the voices and languages of a model, and the saved voices.")

  @OptionGroup var model: ModelArguments
  @OptionGroup var saved: LibraryArguments

  @Flag(help: "Prints JSON.")
  var json = false

  private struct Listing: Encodable {
    let voices: [String]
    let languages: [String]
    let saved: [Saved]
  }

  private struct Saved: Encodable {
    let name: String
    let summary: VoiceSummary?
    /// Why this model cannot speak with it.
    let problem: String?
  }

  func run() async throws {
    let synthesizer = try await model.open()
    let library = saved.library
    let entries = library.entries.map { entry in
      switch entry.voice {
      case .success(let voice):
        let file = (try? library.file(for: entry.name))?.path ?? entry.name
        return Saved(
          name: entry.name, summary: VoiceSummary(voice, file: file),
          problem: synthesizer.problem(with: voice))
      case .failure(let error):
        return Saved(name: entry.name, summary: nil, problem: error.message)
      }
    }
    let listing = Listing(
      voices: synthesizer.voices, languages: synthesizer.languages, saved: entries)
    if json { return try printJSON(listing) }
    try printResult(
      "Voices: " + (listing.voices.isEmpty ? "none" : listing.voices.joined(separator: ", ")))
    try printResult("Languages: auto, " + listing.languages.joined(separator: ", "))
    try printResult("Saved voices" + (entries.isEmpty ? ": none" : ":"))
    for entry in entries {
      let words = entry.summary?.sentence ?? "not usable"
      try printResult("  \(entry.name): \(words)" + (entry.problem.map { ". \($0)" } ?? ""))
    }
  }
}
