// SPDX-License-Identifier: MIT

import ArgumentParser
import Audio
import Foundation
import Qwen3TTS

/// `qwen3-tts clone`
struct Clone: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Clones a voice from a recording, or designs one, and saves it.",
    discussion: """
      qwen3-tts clone --model 1.7B-Base --ref-audio alice.wav --ref-text "What she says." -o alice
      qwen3-tts clone --model 1.7B-Base --design "An old, friendly man." --design-model \
      1.7B-VoiceDesign --ref-text "What he is to say." -o grandpa.voice

      Three to ten seconds of clear speech are best. The result is a small file that every machine \
      with a model of the same width can speak with: qwen3-tts speak --voice alice "Hello."
      """)

  @OptionGroup var model: ModelArguments
  @OptionGroup var recording: RecordingArguments
  @OptionGroup var saved: LibraryArguments

  @Option(help: "Describe the voice in words instead of taking it from a recording.")
  var design: String?

  @Option(help: "Name or folder of a VoiceDesign model, for --design.")
  var designModel: String?

  @Option(help: "The language the designed voice speaks, or auto.")
  var language = "auto"

  @Option(help: "The same seed gives the same voice again.")
  var seed: UInt64?

  @Option(help: "Also write what the designed voice said to this WAV file.")
  var saveAudio: String?

  @Option(
    name: [.short, .long],
    help: "A file ending in .voice, or a name to keep the voice among the saved ones.")
  var output: String

  @Flag(help: "Prints a summary as JSON.")
  var json = false

  func validate() throws {
    guard (recording.refAudio == nil) != (design == nil) else {
      throw ValidationError("Give a recording with --ref-audio, or words with --design.")
    }
    guard (design == nil) == (designModel == nil) else {
      throw ValidationError("--design and --design-model go together.")
    }
    guard design == nil || recording.refText != nil else {
      throw ValidationError("--design needs --ref-text: what the designed voice is to say.")
    }
    guard design != nil || (saveAudio == nil && seed == nil && language == "auto") else {
      throw ValidationError("--save-audio, --seed and --language go with --design.")
    }
    guard design == nil || recording.trailingSilence == 0 else {
      throw ValidationError("--trailing-silence goes with --ref-audio.")
    }
  }

  func run() async throws {
    if let saveAudio { try AudioFileWriter.check(saveAudio) }
    let synthesizer = try await model.open()
    let voice = try await makeVoice(synthesizer)
    let file = try saved.save(voice, to: output)
    let summary = VoiceSummary(voice, file: file.path)
    if json { return try printJSON(summary) }
    printMessage("Saved \(summary.sentence): \(file.path)")
  }

  private func makeVoice(_ synthesizer: SpeechSynthesizer) async throws -> ClonedVoice {
    if let path = recording.refAudio {
      return try await recording.makeVoice(path, with: synthesizer)
    }
    guard let design, let designModel, let text = recording.refText else {
      throw ValidationError("Give a recording with --ref-audio, or words with --design.")
    }
    let designer = try await SpeechSynthesizer(
      model: ModelLibrary.standard.model(named: designModel), device: model.device)
    var speech = SpeechOptions()
    speech.language = language
    speech.seed = seed
    let (made, samples) = try await synthesizer.designVoice(
      design, saying: text, with: designer, speech: speech)
    for notice in made.notices { printMessage("Note: \(notice)") }
    if let saveAudio {
      var writer = try AudioFileWriter(to: saveAudio)
      try writer.write(samples)
      try writer.finish()
    }
    return made.voice
  }
}

/// `qwen3-tts mix`
struct Mix: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Mixes saved voices into a new one.",
    discussion: "qwen3-tts mix alice=0.7 bob=0.3 -o both")

  @Argument(help: "Two or more voices, names or files, each followed by =WEIGHT, or with weight 1.")
  var parts: [String]

  @OptionGroup var saved: LibraryArguments

  @Option(
    name: [.short, .long],
    help: "A file ending in .voice, or a name to keep the voice among the saved ones.")
  var output: String

  func validate() throws {
    guard parts.count >= 2 else { throw ValidationError("Give two voices or more.") }
  }

  func run() async throws {
    let voices = try parts.map { part -> (voice: ClonedVoice, weight: Double) in
      let (name, weight) = try Self.parse(part)
      guard let voice = try saved.savedVoice(name) else {
        throw SynthesisError(
          .invalidInput,
          "mix: expected one of the saved voices "
            + "(\(saved.library.names.joined(separator: ", "))), found \(name)")
      }
      return (voice, weight)
    }
    let file = try saved.save(.mix(voices), to: output)
    printMessage("Saved a mix of \(voices.count) voices: \(file.path)")
  }

  /// `NAME` or `NAME=WEIGHT`.
  private static func parse(_ part: String) throws -> (String, Double) {
    guard let sign = part.lastIndex(of: "=") else { return (part, 1) }
    guard let weight = Double(part[part.index(after: sign)...]) else {
      throw ValidationError("Expected NAME=WEIGHT with a number, found \(part).")
    }
    return (String(part[..<sign]), weight)
  }
}

/// A saved voice in words and as JSON.
struct VoiceSummary: Encodable {
  let file: String
  let width: Int
  let mode: String
  let seconds: Double
  let transcript: String?
  let origin: String

  init(_ voice: ClonedVoice, file: String) {
    self.file = file
    width = voice.width
    mode = voice.isInContext ? "in-context" : "embedding"
    seconds = voice.duration.seconds
    transcript = voice.transcript
    origin = voice.origin
  }

  /// `a voice of width 1024 with 9.0 s of reference`
  var sentence: String {
    "a voice of width \(width) "
      + (mode == "embedding"
        ? "with its embedding alone" : String(format: "with %.1f s of reference", seconds))
  }
}
