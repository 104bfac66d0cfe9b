// SPDX-License-Identifier: MIT

import ArgumentParser
import Audio
import Foundation
import ModelFiles
import Qwen3TTS

/// `qwen3-tts speak`
struct Speak: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Speaks text.",
    discussion: """
      qwen3-tts speak "Hello world, this is a test." -o hello.wav
      qwen3-tts speak --text-file chapter.txt -o chapter.wav
      echo "Good morning." | qwen3-tts speak - -o - | aplay
      qwen3-tts speak --text-file talk.txt -o talk.mp3 --subtitles talk.srt
      """)

  @OptionGroup var source: TextArguments

  @OptionGroup var model: ModelArguments

  @Option(help: "A voice of the model, a saved voice or a voice file; see `qwen3-tts voices`.")
  var voice: String?

  @OptionGroup var speaker: SpeakerArguments

  @Option(help: "A language of the model, or auto.")
  var language = "auto"

  @Option(help: "How to speak, in words (1.7B CustomVoice and VoiceDesign).")
  var instruct: String?

  @Option(
    name: [.short, .long],
    help:
      "A file whose ending names its format: .wav, .mp3, .opus, .flac, .aac, .pcm; or - for WAV on standard output."
  )
  var output: String?

  @Flag(help: "Play through aplay or ffplay.")
  var play = false

  @Option(help: "The same seed gives the same speech again.")
  var seed: UInt64?

  @Flag(help: "Always take the likeliest code.")
  var greedy = false

  @Option(help: "Sampling temperature: lower is steadier, higher more varied.")
  var temperature: Float?

  @Option(help: "Choose from so many of the likeliest codes; 0 means all.")
  var topK: Int?

  @Option(help: "Choose from the likeliest codes up to this probability, above 0 to 1.")
  var topP: Float?

  @Option(help: "Penalty for repeating a code; 1 is off.")
  var repetitionPenalty: Float?

  @Option(help: "Stop after so many frames of 80 ms.")
  var maxFrames: Int?

  @Option(
    help: """
      Write digits, abbreviations and signs out in English words first: auto, where the model asks \
      for it as the bundled voice does, on or off. See `qwen3-tts normalize`.
      """)
  var normalize = TextNormalizationMode.automatic

  @Option(help: "Whether the model sees the whole text first or a token a frame.")
  var textLayout: TextLayout?

  @Option(help: "Frames in the first chunk.")
  var firstChunk = 1

  @Option(help: "Frames in later chunks.")
  var chunk = 8

  @Option(help: "Writes the codes, I32 [frames, 16], as safetensors.")
  var saveCodes: String?

  @Option(
    help: """
      Writes subtitles of the text as it was given; the file's ending names their format: .srt, .vtt, or \
      .json for the times of all words and characters.
      """)
  var subtitles: String?

  @Flag(help: "Prints a summary as JSON.")
  var json = false

  func validate() throws {
    guard output != nil || play || saveCodes != nil else {
      throw ValidationError("Say where the speech goes: --output FILE, --output - or --play.")
    }
    if json && output == "-" {
      throw ValidationError("--json and --output - would both write to standard output.")
    }
    let files: [(option: String, path: String?)] = [
      ("--output", output), ("--save-codes", saveCodes), ("--subtitles", subtitles),
    ]
    for (index, first) in files.enumerated() {
      for second in files[(index + 1)...] {
        guard let path = first.path, path == second.path else { continue }
        throw ValidationError("\(first.option) and \(second.option) would both write to \(path).")
      }
    }
    if let subtitles, Subtitles.Format(path: subtitles) == nil {
      throw ValidationError(
        "--subtitles: expected a file whose name ends in .srt, .vtt or .json, found \(subtitles).")
    }
  }

  func run() async throws {
    if let output { try AudioFileWriter.check(output) }
    if let subtitles { try checkFolder(of: subtitles) }
    let text = try source.read()
    let synthesizer = try await model.open()
    var options = SpeechOptions()
    options.voice = try await speaker.voice(named: voice, with: synthesizer)
    options.language = language
    options.instruction = instruct
    options.normalization = normalize
    options.textLayout = textLayout
    options.isGreedy = greedy
    options.temperature = temperature
    options.topK = topK
    options.topP = topP
    options.repetitionPenalty = repetitionPenalty
    options.seed = seed
    options.maximumFrames = maxFrames
    options.firstChunkFrames = firstChunk
    options.chunkFrames = chunk
    options.timestamps = subtitles != nil

    let player = try play ? Player() : nil
    let task = Task { [options] in
      try await deliver(synthesizer.speech(for: text, options: options), of: text, to: player)
    }
    // Ctrl-C ends the speech within a frame; the file is finished below all the same.
    let interrupt = Interrupt { task.cancel() }
    let summary = try await task.value
    let playing = player?.finish()
    try report(summary, interrupted: interrupt.happened)
    if let playing { throw playing }
  }

  /// Writes chunks as they come. Whatever ends the speech, the files are finished.
  private func deliver(
    _ speech: Speech, of text: String, to player: Player?
  ) async throws -> SpeechMetrics? {
    // The file appears with the first samples: what fails before leaves none.
    var writer: AudioFileWriter?
    var codes: [Int32] = []
    var spoken = Subtitles(of: text)
    var summary: SpeechMetrics?
    var progress = ProgressLine()
    for try await chunk in speech {
      if writer == nil, let output { writer = try AudioFileWriter(to: output) }
      try writer?.write(chunk.samples)
      // Without a player there is still a file to make, if one was asked for.
      if let player, !player.write(chunk.samples), output == nil, saveCodes == nil { break }
      if saveCodes != nil { codes += chunk.codes.joined() }
      spoken.append(chunk)
      progress.show(chunk)
      summary = chunk.summary ?? summary
    }
    progress.end()
    try writer?.finish()
    if let saveCodes {
      try SafetensorsWriter.write(
        [.init(name: "codes", shape: [codes.count / 16, 16], values: codes)], to: saveCodes)
    }
    if let subtitles, let format = Subtitles.Format(path: subtitles) {
      try writeFile(spoken.written(as: format), to: subtitles)
    }
    return summary
  }

  private func report(_ summary: SpeechMetrics?, interrupted: Bool) throws {
    if let summary {
      for notice in summary.notices { printMessage("Note: \(notice)") }
      if json {
        try printJSON(Report(summary))
      } else {
        printMessage(
          String(
            format:
              "%.2f s of speech in %.2f s (RTF %.1f), first audio after %.0f ms, %@, seed %llu, on %@",
            summary.audioDuration.seconds, summary.wallDuration.seconds, summary.realTimeFactor,
            summary.timeToFirstAudio.seconds * 1000, summary.finishReason.rawValue, summary.seed,
            summary.device))
      }
    }
    if interrupted { throw ExitCode(130) }
  }

  /// The summary under the names of the field: RTF is audio over wall time.
  private struct Report: Encodable {
    let frames: Int
    let parts: Int
    let finish_reason: String
    let seed: UInt64
    let audio_seconds: Double
    let wall_seconds: Double
    let rtf: Double
    let ttfa_ms: Double
    let device: String
    let spoken_text: String?
    let notices: [String]

    init(_ summary: SpeechMetrics) {
      frames = summary.frames
      parts = summary.parts
      finish_reason = summary.finishReason.rawValue
      seed = summary.seed
      audio_seconds = summary.audioDuration.seconds
      wall_seconds = summary.wallDuration.seconds
      rtf = summary.realTimeFactor
      ttfa_ms = summary.timeToFirstAudio.seconds * 1000
      device = summary.device
      spoken_text = summary.spokenText
      notices = summary.notices
    }
  }
}
