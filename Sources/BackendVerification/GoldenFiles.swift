// SPDX-License-Identifier: MIT

import CGoldenUtterances
import Foundation
import ModelFiles
package import SpeechModel
package import SyntheticCheckpoint

/// Utterances that the official package spoke greedily on random weights, in F32, and the recording that
/// voices are cloned from. They are inside the program, so that a machine without the repository can be
/// verified. The one file of this target with unsafe code.
package struct GoldenFiles: Sendable {
  /// The utterances, by checkpoint.
  package let checkpoints: [GoldenCheckpoint]
  /// Samples of the recording, 24 kHz.
  let recording: [Float]

  /// - Throws: `CheckpointError` or `DecodingError` when the files are not what they should be.
  package init() throws {
    let file = try unsafe Self.file("golden.safetensors", cgoldenUtterances)
    let described = Data((file.metadata["checkpoints"] ?? "").utf8)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    checkpoints = try decoder.decode([Description].self, from: described).map { one in
      guard let size = SyntheticSize(rawValue: one.size),
        let variant = ModelVariant(rawValue: one.variant)
      else {
        throw CheckpointError(
          file: file.path, expected: "a known size and variant",
          found: "\(one.size) \(one.variant)")
      }
      return GoldenCheckpoint(
        folder: one.folder, size: size, variant: variant, seed: one.seed,
        utterances: one.cases.map { options in
          let prefix = "\(one.folder)/\(options.name)/"
          let tensors = file.tensors.filter { $0.key.hasPrefix(prefix) }
            .map { (String($0.key.dropFirst(prefix.count)), $0.value) }
          return GoldenUtterance(
            options: options, tensors: Dictionary(uniqueKeysWithValues: tensors))
        })
    }
    let samples = try unsafe Self.file("reference.safetensors", cgoldenRecording).tensors["samples"]
    guard let samples, samples.elementType == .int16 else {
      throw CheckpointError(
        file: "reference.safetensors", subject: "samples", expected: "a tensor of I16",
        found: samples?.elementType.rawValue ?? "none")
    }
    recording = samples.storage.withBytes { bytes in
      (0..<samples.count).map { index in
        // Safety: the tensor lies inside its storage.
        let sample = unsafe bytes.unsafeLoadUnaligned(
          fromByteOffset: samples.byteRange.lowerBound + 2 * index, as: Int16.self)
        return Float(Int16(littleEndian: sample)) / 32_768
      }
    }
  }

  /// What `Tests/Oracle/pack_golden.py` says of a checkpoint.
  private struct Description: Decodable {
    let folder, size, variant: String
    let seed: Int
    let cases: [GoldenOptions]
  }

  private static func file(
    _ name: String, _ bytes: (UnsafeMutablePointer<Int>?) -> UnsafePointer<UInt8>?
  ) throws -> Safetensors {
    var size = 0
    // Safety: the bytes are a constant of the C target, and `size` is how many they are.
    let start = unsafe bytes(&size)
    let contents = unsafe Array(UnsafeBufferPointer(start: start, count: size))
    return try Safetensors(path: name, bytes: contents)
  }
}

/// Random weights and what was spoken with them.
package struct GoldenCheckpoint: Sendable {
  /// Its folder in `Tests/Fixtures/golden`.
  package let folder: String
  package let size: SyntheticSize
  package let variant: ModelVariant
  package let seed: Int
  package let utterances: [GoldenUtterance]
}

/// What an utterance was asked for; `nil` is the official package's default.
package struct GoldenOptions: Decodable, Sendable {
  package let name: String
  let language, speaker, textLayout: String?
  let maxNewTokens: Int?
  let repetitionPenalty: Float?
  /// Samples of the recording that the voice is cloned from.
  let refSamples: Int?
}

/// One recorded utterance.
package struct GoldenUtterance: Sendable {
  package let options: GoldenOptions
  /// As `Tests/Oracle/README.md` names them.
  package let tensors: [String: HostTensor]

  /// A tensor of token ids or codes.
  func integers(_ name: String) throws -> [Int32] {
    guard let tensor = tensors[name] else { throw missing(name) }
    return try tensor.integers()
  }

  func missing(_ name: String) -> CheckpointError {
    CheckpointError(
      file: "golden.safetensors", subject: "\(options.name)/\(name)", expected: "a tensor",
      found: "none")
  }
}
