// SPDX-License-Identifier: MIT

import Audio
import Foundation
import LoadTest
import Qwen3TTS
import SpeechModel
import Synchronization
import SyntheticCheckpoint

/// What `qwen3-tts load --engine` loads: an engine in this process, without HTTP.
final class EngineClient: Sendable {
  private let synthesizer: SpeechSynthesizer
  private let options: SpeechOptions
  private let framesPerWord: Double?
  private let cancelShare: Double
  /// What each request speaks with, in turn.
  private let voices: [Voice]
  private let count = Atomic<Int>(0)

  /// Opens the engine that the arguments name.
  init(_ arguments: Load) async throws {
    var limits = SpeechLimits()
    limits.voices = arguments.maxBatch
    if let size = arguments.synthetic.flatMap({ SyntheticSize(rawValue: $0) }) {
      synthesizer = try await .synthetic(
        size, variant: arguments.clones == nil ? .customVoice : .base, on: arguments.device, limits)
      // Random weights never end.
      framesPerWord = arguments.framesPerWord ?? 4.1
    } else {
      let folder = try arguments.model.map { try ModelLibrary.standard.model(named: $0) }
      synthesizer = try await SpeechSynthesizer(
        model: folder, device: arguments.device, limits: limits)
      framesPerWord = arguments.framesPerWord
    }
    var options = SpeechOptions()
    options.textLayout = .incremental
    if let name = arguments.voice { options.voice = .named(name) }
    self.options = options
    cancelShare = arguments.cancelShare
    voices = try await Self.clones(arguments.clones ?? 0, synthesizer)
  }

  /// Voices cloned from hums of different pitch.
  private static func clones(
    _ count: Int, _ synthesizer: SpeechSynthesizer
  ) async throws -> [Voice] {
    var voices: [Voice] = []
    for index in 0..<count {
      let pitch = 90.0 + 10 * Double(index)
      let samples = (0..<3 * SpeechSynthesizer.sampleRate).map {
        Float(0.3 * sin(2 * .pi * pitch * Double($0) / Double(SpeechSynthesizer.sampleRate)))
      }
      var made = VoiceOptions()
      made.transcript = "Hum."
      let creation = try await synthesizer.voice(
        from: samples, sampleRate: SpeechSynthesizer.sampleRate, options: made)
      voices.append(.cloned(creation.voice))
    }
    return voices
  }

  /// What is spoken to, in words.
  var notice: String { "Engine on \(synthesizer.device)." }

  func shutdown() async { await synthesizer.shutdown() }

  /// Speaks a sentence and says what came when.
  func speak(_ sentence: SentencePool.Sentence) async -> LoadResult {
    let number = count.wrappingAdd(1, ordering: .relaxed).oldValue
    var options = options
    if !voices.isEmpty { options.voice = voices[number % voices.count] }
    if let framesPerWord {
      options.maximumFrames = max(1, Int(Double(sentence.wordCount) * framesPerWord))
    }
    // Evenly among the others, whatever the share.
    let isCancelled =
      Int(Double(number + 1) * cancelShare) > Int(Double(number) * cancelShare)
    var result = LoadResult()
    let clock = ContinuousClock()
    let start = clock.now
    let speech = synthesizer.speech(for: sentence.text, options: options)
    do {
      var frames = 0
      for try await chunk in speech {
        let time = start.duration(to: clock.now) / .seconds(1)
        guard !chunk.samples.isEmpty else { continue }
        if result.firstByte == nil { result.firstByte = time }
        result.playback.hear(chunk.samples.map(WAVSampleFormat.int16), at: time)
        frames += chunk.codes.count
        if isCancelled, frames >= (options.maximumFrames ?? 40) / 2 { break }
      }
      if isCancelled { speech.cancel() }
      if result.playback.sampleCount == 0 { result.failure = "no audio" }
    } catch {
      result.failure = "\(error.code)"
    }
    result.total = start.duration(to: clock.now) / .seconds(1)
    return result
  }
}
