// SPDX-License-Identifier: MIT

import ArgumentParser
import Foundation
import Qwen3TTS

/// Where saved voices are.
struct LibraryArguments: ParsableArguments {
  @Option(
    name: .customLong("voices"),
    help: "Folder of saved voices; by default ~/.local/share/qwen3-tts/voices.")
  var folder: String?

  var library: VoiceLibrary {
    folder.map { VoiceLibrary(folder: URL(filePath: $0, directoryHint: .isDirectory)) } ?? .standard
  }

  /// A saved voice by its name or file; `nil` when there is none of that name.
  func savedVoice(_ name: String) throws -> ClonedVoice? {
    let ending = ".\(ClonedVoice.fileExtension)"
    let isFile = name.contains("/") || name.hasSuffix(ending)
    if isFile, FileManager.default.fileExists(atPath: name) || name.contains("/") {
      return try ClonedVoice(contentsOf: URL(filePath: name))
    }
    let plain = isFile ? String(name.dropLast(ending.count)) : name
    guard VoiceLibrary.isName(plain), library.names.contains(plain) else {
      if isFile { return try ClonedVoice(contentsOf: URL(filePath: name)) }
      return nil
    }
    return try library.voice(named: plain)
  }

  /// Saves a voice to a file, or under a name among the saved voices. Returns the file.
  func save(_ voice: ClonedVoice, to output: String) throws -> URL {
    guard output.hasSuffix(".\(ClonedVoice.fileExtension)") else {
      return try library.save(voice, as: output)
    }
    let file = URL(filePath: output)
    try voice.write(to: file)
    return file
  }
}

/// A recording to take a voice from.
struct RecordingArguments: ParsableArguments {
  @Option(help: "A recording to take the voice from (Base models): WAV, FLAC, Ogg, MP3, Opus.")
  var refAudio: String?

  @Option(help: "The words of the recording; with them the voice is closest.")
  var refText: String?

  @Flag(help: "Use the voice's embedding alone, without the recording's codes.")
  var embeddingOnly = false

  @Option(help: "Seconds of silence appended to the recording: keeps its last sound out.")
  var trailingSilence = 0.0

  func validate() throws {
    guard !(embeddingOnly && refText != nil) else {
      throw ValidationError("Give --ref-text or --embedding-only, not both.")
    }
    let longest = VoiceOptions.longestSilence.seconds
    guard (0...longest).contains(trailingSilence) else {
      throw ValidationError(
        "--trailing-silence: expected 0 to \(longest) seconds, found \(trailingSilence).")
    }
    guard trailingSilence == 0 || refText != nil else {
      throw ValidationError("--trailing-silence goes with --ref-text.")
    }
  }

  var options: VoiceOptions {
    VoiceOptions(transcript: refText, trailingSilence: .seconds(trailingSilence))
  }

  /// Takes the voice from the recording and prints what should be known about it.
  func makeVoice(_ path: String, with synthesizer: SpeechSynthesizer) async throws -> ClonedVoice {
    let made = try await synthesizer.voice(from: URL(filePath: path), options: options)
    for notice in made.notices { printMessage("Note: \(notice)") }
    if refText == nil, !embeddingOnly {
      printMessage("Note: with --ref-text, the words of the recording, the voice is closer to it.")
    }
    return made.voice
  }
}

/// Who speaks: a voice of the model, a saved one, or one taken from a recording.
struct SpeakerArguments: ParsableArguments {
  @OptionGroup var recording: RecordingArguments
  @OptionGroup var saved: LibraryArguments

  func validate() throws {
    guard recording.refText == nil || recording.refAudio != nil else {
      throw ValidationError("--ref-text goes with --ref-audio.")
    }
  }

  /// The voice that --voice names, or that a recording holds.
  func voice(named name: String?, with synthesizer: SpeechSynthesizer) async throws -> Voice {
    guard let path = recording.refAudio else {
      let isOwn = name.map { synthesizer.voices.contains($0.lowercased()) } ?? true
      guard !(isOwn && recording.embeddingOnly) else {
        throw ValidationError("--embedding-only goes with --ref-audio or a saved voice.")
      }
      guard let name else { return .standard }
      if isOwn { return .named(name) }
      guard let voice = try saved.savedVoice(name) else {
        let known = synthesizer.voices + saved.library.names
        throw SynthesisError(
          .invalidInput,
          "voice: expected "
            + (known.isEmpty ? "a voice file, or --ref-audio" : known.joined(separator: ", "))
            + ", found \(name)")
      }
      return .cloned(try recording.embeddingOnly ? voice.embeddingOnly : voice)
    }
    guard name == nil else { throw ValidationError("Give --voice or --ref-audio, not both.") }
    return .cloned(try await recording.makeVoice(path, with: synthesizer))
  }
}
