// SPDX-License-Identifier: MIT

import CQwen3TTS
import Foundation
import Qwen3TTS

extension qwen3tts_open_options {
  var limits: SpeechLimits {
    var limits = SpeechLimits()
    if voices != 0 { limits.voices = Int(voices) }
    if queue != 0 { limits.queue = Int(queue) }
    return limits
  }

  /// - Throws: `SynthesisError` `invalidInput`.
  var speechDevice: SpeechDevice {
    get throws {
      guard let name = try text("device", device) else { return .automatic }
      guard let device = SpeechDevice(rawValue: name) else {
        throw SynthesisError(
          .invalidInput, "device: expected auto, cpu, cuda or cuda:1 …, found \(name)")
      }
      return device
    }
  }
}

extension qwen3tts_options {
  /// - Throws: `SynthesisError` `invalidInput`, or what is wrong with a saved voice.
  func speechOptions(for synthesizer: SpeechSynthesizer) throws -> SpeechOptions {
    var options = SpeechOptions()
    if let voice = try text("voice", voice) {
      options.voice = try Self.voice(voice, for: synthesizer)
    }
    options.language = try text("language", language) ?? options.language
    options.instruction = try text("instruction", instruction)
    options.normalization =
      try choice("normalization", try text("normalization", normalization)) ?? .automatic
    options.textLayout = try choice("layout", try text("layout", layout))
    options.isGreedy = greedy != 0
    if temperature != 0 { options.temperature = Float(temperature) }
    if top_p != 0 { options.topP = Float(top_p) }
    if repetition_penalty != 0 { options.repetitionPenalty = Float(repetition_penalty) }
    // 0 is the default here, and all codes there.
    if top_k != 0 { options.topK = top_k == -1 ? 0 : Int(top_k) }
    if maximum_frames != 0 { options.maximumFrames = Int(maximum_frames) }
    if first_chunk_frames != 0 { options.firstChunkFrames = Int(first_chunk_frames) }
    if chunk_frames != 0 { options.chunkFrames = Int(chunk_frames) }
    if has_seed != 0 { options.seed = seed }
    return options
  }

  private static func voice(_ name: String, for synthesizer: SpeechSynthesizer) throws -> Voice {
    if name.contains("/") { return .cloned(try ClonedVoice(contentsOf: URL(filePath: name))) }
    if !synthesizer.voices.contains(name.lowercased()), VoiceLibrary.standard.names.contains(name) {
      return .cloned(try VoiceLibrary.standard.voice(named: name))
    }
    return .named(name)
  }
}

/// A string of the caller's.
///
/// - Throws: `SynthesisError` `invalidInput` when it is not UTF-8.
func text(_ name: String, _ pointer: UnsafePointer<CChar>?) throws -> String? {
  guard let pointer else { return nil }
  guard let text = String(validatingCString: pointer) else {
    throw SynthesisError(.invalidInput, "\(name): expected UTF-8, found other bytes")
  }
  return text
}

/// One of the values that a word can name.
private func choice<Choice: RawRepresentable & CaseIterable>(
  _ name: String, _ word: String?
) throws -> Choice? where Choice.RawValue == String {
  guard let word else { return nil }
  guard let choice = Choice(rawValue: word) else {
    let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    throw SynthesisError(.invalidInput, "\(name): expected one of \(known), found \(word)")
  }
  return choice
}

/// The members of a structure that the caller filled in.
///
/// - Throws: `SynthesisError` `invalidInput` when its `size` is not that of a known release.
func members<Structure>(
  _ name: String, _ pointer: UnsafePointer<Structure>?, size: KeyPath<Structure, UInt32>,
  default standard: Structure
) throws -> Structure {
  guard let pointer else { return standard }
  let expected = MemoryLayout<Structure>.size
  // A later release's is longer, and begins with these.
  guard pointer.pointee[keyPath: size] >= expected else {
    throw SynthesisError(
      .invalidInput,
      "\(name): expected its size \(expected) in the member size, found "
        + "\(pointer.pointee[keyPath: size])")
  }
  return pointer.pointee
}
