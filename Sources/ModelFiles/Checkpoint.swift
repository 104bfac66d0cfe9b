// SPDX-License-Identifier: MIT

package import SpeechModel

import Foundation

/// A model folder in the released layout: configurations and mapped weights.
package struct Checkpoint: Sendable {
  /// Where it was read from; empty for one made in memory.
  package let folder: String
  package let configuration: ModelConfiguration
  package let codecConfiguration: CodecConfiguration
  package let generation: GenerationConfiguration
  /// Talker, code predictor and speaker encoder.
  package let weights: any WeightSource & Sendable
  /// Codec, both directions.
  package let codecWeights: any WeightSource & Sendable

  /// How the talker's weights are stored.
  package var talkerElementType: ElementType {
    get throws {
      let talker = configuration.talker
      return try weights.tensor(
        "talker.codec_head.weight", [talker.vocabularySize, talker.transformer.hiddenSize]
      ).elementType
    }
  }

  /// Has the system read the weights into memory, if they are in files: who uses them first need not wait then.
  package func readAhead() {
    for source in [weights, codecWeights] { (source as? Safetensors)?.readAhead() }
  }

  /// Whether both have the same codec, byte for byte; not known of those made in memory.
  package func hasSameCodec(as other: Checkpoint) -> Bool {
    guard !folder.isEmpty, !other.folder.isEmpty else { return false }
    return ["model.safetensors", "config.json"].allSatisfy { name in
      FileManager.default.contentsEqual(
        atPath: folder + "/speech_tokenizer/" + name,
        andPath: other.folder + "/speech_tokenizer/" + name)
    }
  }

  /// Parts made in memory.
  package init(
    configuration: ModelConfiguration, codecConfiguration: CodecConfiguration,
    generation: GenerationConfiguration, weights: any WeightSource & Sendable,
    codecWeights: any WeightSource & Sendable
  ) {
    folder = ""
    self.configuration = configuration
    self.codecConfiguration = codecConfiguration
    self.generation = generation
    self.weights = weights
    self.codecWeights = codecWeights
  }

  /// Opens a folder. Weights are mapped, not read.
  package init(folder: String) throws(CheckpointError) {
    var isDirectory: ObjCBool = false
    guard unsafe FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory),
      isDirectory.boolValue
    else {
      let head = ForeignFormat.beginning(of: folder)
      let foreign = ForeignFormat.recognize(beginning: head)
      throw CheckpointError(
        file: folder, expected: "a folder with config.json and model.safetensors",
        found: foreign?.what ?? (head.isEmpty ? "no such folder" : "a file"),
        remedy: foreign?.remedy
          ?? "Name the folder of a downloaded model, or leave the model out for the bundled voice.")
    }
    let file = folder + "/model.safetensors"
    if !FileManager.default.fileExists(atPath: file),
      !FileManager.default.fileExists(atPath: file + ".index.json"),
      let error = ForeignFormat.error(inFolder: folder, without: "model.safetensors")
    {
      throw error
    }
    let main = folder + "/config.json"
    let codec = folder + "/speech_tokenizer/config.json"
    self.folder = folder
    configuration = try Self.decode(ConfigurationFile.self, main).configuration(file: main)
    codecConfiguration = try Self.decode(CodecConfigurationFile.self, codec).configuration(
      file: codec, talker: configuration.talker, predictor: configuration.predictor)
    let generation = folder + "/generation_config.json"
    self.generation =
      try Self.decode(GenerationConfigurationFile.self, generation).configuration
    weights = try Safetensors(weights: file)
    codecWeights = try Safetensors(weights: folder + "/speech_tokenizer/model.safetensors")
  }

  /// Reads and checks the three JSON files of a model that lie in memory.
  package static func checkConfigurations(
    main: [UInt8], codec: [UInt8], generation: [UInt8]
  ) throws(CheckpointError) {
    let model = try parse(ConfigurationFile.self, Data(main), file: "main").configuration(
      file: "main")
    _ = try parse(CodecConfigurationFile.self, Data(codec), file: "codec").configuration(
      file: "codec", talker: model.talker, predictor: model.predictor)
    _ = try parse(GenerationConfigurationFile.self, Data(generation), file: "generation")
      .configuration
  }

  private static func decode<Value: Decodable>(
    _ type: Value.Type, _ path: String
  ) throws(CheckpointError) -> Value {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      throw CheckpointError(
        file: path, expected: "a readable file", found: "none",
        remedy: "The folder is incomplete; fetch the model again.")
    }
    return try parse(type, data, file: path)
  }

  private static func parse<Value: Decodable>(
    _ type: Value.Type, _ data: Data, file path: String
  ) throws(CheckpointError) -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      return try decoder.decode(type, from: data)
    } catch let error as DecodingError {
      let (key, expected, found) = Self.explain(error)
      throw CheckpointError(
        file: path, subject: key, expected: expected, found: found,
        remedy: "The file is damaged or another program's; fetch the model again.")
    } catch {
      throw CheckpointError(file: path, expected: "JSON", found: "\(error)")
    }
  }

  private static func explain(
    _ error: DecodingError
  ) -> (key: String?, expected: String, found: String) {
    func path(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String? {
      let keys = context.codingPath + (key.map { [$0] } ?? [])
      return keys.isEmpty ? nil : spelling(of: keys)
    }
    switch error {
    case .keyNotFound(let key, let context): return (path(context, key), "a value", "no such key")
    case .typeMismatch(let type, let context):
      return (path(context), words(for: type), "a value of another kind")
    case .valueNotFound(let type, let context): return (path(context), words(for: type), "null")
    case .dataCorrupted(let context):
      let key = path(context)
      return (key, key == nil ? "JSON" : "a value that can be used", "something else")
    @unknown default: return (nil, "JSON", "\(error)")
    }
  }

  private static func words(for type: any Any.Type) -> String {
    switch type {
    case is Bool.Type: "true or false"
    case is any FixedWidthInteger.Type: "a whole number"
    case is any BinaryFloatingPoint.Type: "a number"
    case is String.Type: "a text"
    case is [Int].Type, is [Any].Type: "a list"
    default: "an object"
    }
  }

  /// Keys as the file spells them: the decoder turned `hidden_size` into `hiddenSize`. Names in a table
  /// are the file's own.
  private static func spelling(of keys: [any CodingKey]) -> String {
    let tables: Set = ["codecLanguageId", "spkId", "spkIsDialect"]
    var parts: [String] = []
    for (index, key) in keys.enumerated() {
      let isName = index > 0 && tables.contains(keys[index - 1].stringValue)
      parts.append(isName ? key.stringValue : snakeCased(key.stringValue))
    }
    return parts.joined(separator: ".")
  }

  private static func snakeCased(_ key: String) -> String {
    key.reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1) }
  }
}
