// SPDX-License-Identifier: MIT

public import Foundation
import ModelFiles
import SpeechModel
import SystemIO

// A voice file is a safetensors file: `embedding`, F32 [width], and with a transcript `codes`, I32
// [frames, 16]. Its metadata says what it is, who wrote it, the width, the transcript and the origin.

extension ClonedVoice {
  /// The ending of a voice file's name.
  public static let fileExtension = "voice"

  private static let format = "qwen3-tts-voice"
  private static let version = "1"
  private static let creator = "swift-qwen3-tts 0.1.0"
  /// Ten times the largest voice there can be.
  private static let largestFile = 4 << 20
  private static let largestWidth = 1 << 16
  private static let codebooks = 16

  /// Writes the voice; the file appears whole or not at all.
  ///
  /// - Throws: `SynthesisError` `invalidInput` when the file cannot be written.
  public func write(to file: URL) throws {
    do {
      try Data(fileBytes()).write(to: file, options: .atomic)
    } catch {
      throw SynthesisError(
        .invalidInput,
        "\(file.path): expected a place where a file can be written: \(error.localizedDescription)",
        underlying: error)
    }
  }

  /// The bytes of the voice's file.
  package func fileBytes() throws -> [UInt8] {
    var metadata = [
      "format": Self.format, "version": Self.version, "creator": Self.creator,
      "width": "\(width)", "origin": origin,
    ]
    var tensors = [
      SafetensorsWriter.Tensor(name: "embedding", shape: [width], values: embedding)
    ]
    if let transcript {
      metadata["transcript"] = transcript
      tensors.append(
        SafetensorsWriter.Tensor(
          name: "codes", shape: [codes.count, Self.codebooks], values: Array(codes.joined())))
    }
    return try SafetensorsWriter.bytes(tensors, metadata: metadata)
  }

  /// Reads a voice file. Nothing in it is trusted.
  ///
  /// - Throws: `SynthesisError` `invalidInput` that names the file and what is wrong with it.
  public init(contentsOf file: URL) throws {
    let bytes: [UInt8]
    do {
      bytes = try FileDescriptor(opening: file.path, for: .read).readAll(
        limit: Self.largestFile + 1)
    } catch {
      throw SynthesisError(
        .invalidInput, "\(file.path): expected a voice file, found \(error.reason)",
        underlying: error)
    }
    try self.init(fileBytes: bytes, path: file.path)
  }

  /// Reads the bytes of a voice file; `path` is its name in messages.
  package init(fileBytes bytes: [UInt8], path: String) throws {
    func refuse(_ expected: String, _ found: String) -> SynthesisError {
      SynthesisError(.invalidInput, "\(path): expected \(expected), found \(found)")
    }
    guard bytes.count <= Self.largestFile else {
      throw refuse("a voice file of at most \(Self.largestFile >> 20) MiB", "a larger file")
    }
    let file: Safetensors
    do { file = try Safetensors(path: path, bytes: bytes) } catch {
      throw SynthesisError(
        .invalidInput,
        "\(path): expected a voice file made by `qwen3-tts clone`, found no "
          + "safetensors file that can be read. In detail: \(error)", underlying: error)
    }
    guard file.metadata["format"] == Self.format else {
      throw refuse(
        "a voice file made by `qwen3-tts clone`",
        file.metadata["format"].map { "the format \"\($0.prefix(40))\"" }
          ?? "another safetensors file")
    }
    guard file.metadata["version"] == Self.version else {
      throw refuse(
        "version \(Self.version) of the voice format",
        "version \(file.metadata["version"]?.prefix(20) ?? "none"); use a newer qwen3-tts")
    }
    guard let embedding = file.tensors["embedding"], embedding.elementType == .float32,
      embedding.shape.count == 1, (1...Self.largestWidth).contains(embedding.count),
      file.metadata["width"] == "\(embedding.count)"
    else {
      throw refuse(
        "a tensor embedding, F32 [\(file.metadata["width"]?.prefix(20) ?? "width")]",
        file.tensors["embedding"].map { "\($0.elementType.rawValue) \($0.shape)" } ?? "none")
    }
    let numbers = embedding.floats()
    guard numbers.allSatisfy({ $0.isFinite }) else {
      throw refuse("an embedding of finite numbers", "infinite ones")
    }
    var frames: [[Int32]] = []
    if let codes = file.tensors["codes"] {
      guard codes.elementType == .int32, codes.shape.count == 2, codes.shape[0] > 0,
        codes.shape[1] == Self.codebooks
      else {
        throw refuse(
          "codes, I32 [frames, \(Self.codebooks)]", "\(codes.elementType.rawValue) \(codes.shape)")
      }
      let values = try codes.integers()
      guard values.allSatisfy({ $0 >= 0 && $0 < Int32(Self.largestWidth) }) else {
        throw refuse("codes of 0 or more", "others")
      }
      frames = stride(from: 0, to: values.count, by: Self.codebooks).map {
        Array(values[$0..<$0 + Self.codebooks])
      }
    }
    do {
      try self.init(
        embedding: numbers, codes: frames, transcript: file.metadata["transcript"],
        origin: file.metadata["origin"] ?? "unknown")
    } catch let error as SynthesisError {
      throw SynthesisError(.invalidInput, "\(path): \(error.message.trimmingPrefix("voice: "))")
    }
  }
}
