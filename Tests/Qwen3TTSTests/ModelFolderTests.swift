// SPDX-License-Identifier: MIT

import Foundation
import ModelFiles
import Qwen3TTS
import SpeechModel
import Testing
import TextTokenizer

/// Folders as other tools write them, and files that are something else. What the command says of them is
/// in `Tests/Command/bad-inputs`.
@Suite struct ModelFolderTests {
  let folder: TemporaryFolder
  let model: URL

  init() throws {
    folder = try TemporaryFolder()
    model = folder.url.appending(path: "model")
    try FileManager.default.copyItem(at: SpeechSynthesizer.bundledModel, to: model)
  }

  private func replace(_ name: String, with text: String) throws {
    let file = model.appending(path: name)
    try? FileManager.default.removeItem(at: file)
    try text.write(to: file, atomically: true, encoding: .utf8)
  }

  private func text(_ name: String) throws -> String {
    try String(contentsOf: model.appending(path: name), encoding: .utf8)
  }

  private func ids(_ folder: URL) throws -> [Int32] {
    try TextTokenizer(folder: folder).targetIDs("Good morning, <|im_end|> don't you think? 123")
  }

  @Test(arguments: [false, true]) func `tokenizer.json stands for the tokenizer's other files`(
    _ writesPairs: Bool
  ) throws {
    let expected = try ids(model)
    let configuration = try JSONDecoder().decode(
      [String: [String: Added]].self,
      from: Data(try addedTokensOnly().utf8))
    let merges = try text("merges.txt").split(separator: "\n").filter { !$0.hasPrefix("#version") }
    let whole = Whole(
      model: .init(
        vocab: try JSONDecoder().decode([String: Int32].self, from: Data(text("vocab.json").utf8)),
        merges: merges.map { line in
          writesPairs ? .pair(line.split(separator: " ").map(String.init)) : .line(String(line))
        }),
      added_tokens: (configuration["added"] ?? [:]).map {
        .init(id: $0.key, content: $0.value.content)
      })
    let data = try JSONEncoder().encode(whole)
    try replace("tokenizer.json", with: String(decoding: data, as: UTF8.self))
    try FileManager.default.removeItem(at: model.appending(path: "vocab.json"))
    try FileManager.default.removeItem(at: model.appending(path: "merges.txt"))
    #expect(try ids(model) == expected)
  }

  private struct Added: Decodable { var content: String }

  /// The added tokens of `tokenizer_config.json`, under one key.
  private func addedTokensOnly() throws -> String {
    let object = try JSONSerialization.jsonObject(
      with: Data(contentsOf: model.appending(path: "tokenizer_config.json")))
    let added =
      (object as? [String: Any])?["added_tokens_decoder"] as? [String: [String: Any]] ?? [:]
    let texts = added.compactMapValues { $0["content"] as? String }.mapValues { ["content": $0] }
    let data = try JSONSerialization.data(withJSONObject: ["added": texts])
    return String(decoding: data, as: UTF8.self)
  }

  private struct Whole: Encodable {
    struct Model: Encodable {
      var type = "BPE"
      var vocab: [String: Int32]
      var merges: [Merge]
    }
    enum Merge: Encodable {
      case pair([String])
      case line(String)

      func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .pair(let pair): try container.encode(pair)
        case .line(let line): try container.encode(line)
        }
      }
    }
    struct Token: Encodable {
      var id: Int32
      var content: String

      init(id: String, content: String) {
        (self.id, self.content) = (Int32(id) ?? -1, content)
      }
    }
    var model: Model
    var added_tokens: [Token]
  }

  @Test func `merges with any line ends are the same`() throws {
    let expected = try ids(model)
    try replace("merges.txt", with: text("merges.txt").replacing("\n", with: "\r\n"))
    #expect(try ids(model) == expected)
  }

  @Test func `the root of a cache entry is its snapshot`() async throws {
    let entry = folder.url.appending(path: "models--owner--name")
    let snapshot = entry.appending(path: "snapshots/0123abcd")
    try FileManager.default.createDirectory(
      at: entry.appending(path: "snapshots"), withIntermediateDirectories: true)
    try FileManager.default.moveItem(at: model, to: snapshot)
    let synthesizer = try await SpeechSynthesizer(model: entry, device: .cpu)
    #expect(synthesizer.voices == ["heart"])
    #expect(
      try ModelLibrary.standard.model(named: entry.path).path.hasSuffix("snapshots/0123abcd"))
  }

  @Test func `an infinite weight is found wherever it stands in a small tensor`() throws {
    let file = model.appending(path: "speech_tokenizer/model.safetensors")
    let tensor = try #require(
      Safetensors(path: file.path).tensors.values.filter { $0.elementType == .bfloat16 }
        .min { $0.byteRange.lowerBound < $1.byteRange.lowerBound })
    var data = try Data(contentsOf: file)
    let place = tensor.count / 2
    let byte = tensor.byteRange.lowerBound + 2 * place
    data.replaceSubrange(byte..<byte + 2, with: [0x80, 0xFF])
    try FileManager.default.removeItem(at: file)
    try data.write(to: file)
    let error = #expect(throws: CheckpointError.self) {
      try Safetensors(path: file.path).tensor(tensor.name, tensor.shape)
    }
    #expect(error?.found == "an infinite one at place \(place)")
    #expect(error?.subject == tensor.name)
    #expect(error?.file == file.path)
  }

  @Test func `the bundled voice is found beside the program and where it is named`() throws {
    let program = folder.url.appending(path: "bin")
    try FileManager.default.createDirectory(at: program, withIntermediateDirectories: true)
    func found(_ environment: [String: String] = [:]) throws -> String {
      try BundledModel(environment: environment, programFolder: program.path).folder.path
    }
    let error = #expect(throws: SynthesisError.self) { try found() }
    #expect(error?.code == .resourcesMissing)
    for place in ["share/qwen3-tts", "bin/swift-qwen3-tts_Qwen3TTS.resources", "bin", "elsewhere"] {
      let home = folder.url.appending(path: place)
      try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
      try FileManager.default.copyItem(at: model, to: home.appending(path: "DefaultVoice"))
      let environment = place == "elsewhere" ? ["QWEN3_TTS_RESOURCES": home.path] : [:]
      #expect(try found(environment) == home.appending(path: "DefaultVoice").path)
      try FileManager.default.removeItem(at: home.appending(path: "DefaultVoice"))
    }
    // What is named is used or refused; nothing else is taken in its place.
    #expect(throws: SynthesisError.self) { try found(["QWEN3_TTS_RESOURCES": program.path]) }
  }
}
