// SPDX-License-Identifier: MIT

/// A voice taken from a recording, for Base models of one width.
///
/// With a transcript the model continues the recording's codes, which is closest to the original;
/// without, it has the speaker embedding alone.
public struct ClonedVoice: Sendable, Equatable {
  /// The speaker embedding, as wide as the model: 1024 numbers for 0.6B, 2048 for 1.7B.
  public let embedding: [Float]
  /// The recording's frames, 16 codes each; empty without a transcript.
  public let codes: [[Int32]]
  /// The words of the recording.
  public let transcript: String?
  /// Where the voice comes from, in words.
  public var origin: String

  /// A voice of known parts.
  ///
  /// - Throws: `SynthesisError` `invalidInput` when codes and transcript do not go together.
  public init(
    embedding: [Float], codes: [[Int32]] = [], transcript: String? = nil, origin: String
  ) throws {
    let text = transcript?.contains { $0.isLetter || $0.isNumber } ?? false
    guard codes.isEmpty ? transcript == nil : text else {
      throw SynthesisError(
        .invalidInput,
        "voice: expected codes and their transcript, or neither, found \(codes.count) frames and "
          + (transcript.map { "the transcript \"\($0.prefix(40))\"" } ?? "no transcript"))
    }
    self.embedding = embedding
    self.codes = codes
    self.transcript = transcript
    self.origin = origin
  }

  /// Numbers of the embedding, which is the width of the models that can speak with it.
  public var width: Int { embedding.count }

  /// Whether the model continues the recording.
  public var isInContext: Bool { !codes.isEmpty }

  /// Length of the recording that is kept as codes: 80 ms a frame.
  public var duration: Duration { .milliseconds(80 * codes.count) }

  /// The same voice without its recording: quicker to start, less like the original.
  public var embeddingOnly: ClonedVoice {
    get throws { try ClonedVoice(embedding: embedding, origin: origin) }
  }

  /// The weighted mean of several voices' embeddings.
  ///
  /// - Throws: `SynthesisError` `invalidInput` for voices of different widths, or weights that are
  ///   negative or all zero.
  public static func mix(_ parts: [(voice: ClonedVoice, weight: Double)]) throws -> ClonedVoice {
    let total = parts.reduce(0) { $0 + $1.weight }
    guard parts.allSatisfy({ $0.weight >= 0 }), total > 0, total.isFinite else {
      throw SynthesisError(
        .invalidInput,
        "mix: expected weights of 0 or more and one above, found "
          + "\(parts.map(\.weight))")
    }
    let width = parts[0].voice.width
    guard parts.allSatisfy({ $0.voice.width == width }) else {
      throw SynthesisError(
        .invalidInput,
        "mix: expected voices of one width, found \(parts.map(\.voice.width)). "
          + "Make them with models of one size.")
    }
    let mean = (0..<width).map { index in
      Float(parts.reduce(0) { $0 + $1.weight / total * Double($1.voice.embedding[index]) })
    }
    return try ClonedVoice(embedding: mean, origin: "a mix of \(parts.count) voices")
  }
}
