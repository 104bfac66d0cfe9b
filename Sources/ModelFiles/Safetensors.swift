// SPDX-License-Identifier: MIT

package import SpeechModel

import Foundation

/// A safetensors file, mapped, or several that hold the parts of one model: names, shapes and places of
/// the tensors.
///
/// Nothing in the header is trusted: lengths, offsets and shapes are checked against each other and
/// against the file before anything is read.
package struct Safetensors: WeightSource, Sendable {
  package let path: String
  package let tensors: [String: HostTensor]
  /// The `__metadata__` entry, empty when there is none.
  package let metadata: [String: String]
  /// Size of the file, or of all of them.
  package let byteCount: Int

  /// Headers longer than this are refused: the largest released one has 60 kB.
  private static let longestHeader = 100 << 20

  package init(path: String) throws(CheckpointError) {
    let file = try MappedFile(path: path)
    try self.init(path: path, storage: file, byteCount: file.count)
  }

  private init(
    path: String, tensors: [String: HostTensor], metadata: [String: String], byteCount: Int
  ) {
    (self.path, self.tensors, self.metadata) = (path, tensors, metadata)
    self.byteCount = byteCount
  }

  /// Looks at a byte of every page. Returns what has no meaning but that it was read.
  @inline(never) @discardableResult func readAhead() -> UInt8 {
    var sum: UInt8 = 0
    for tensor in tensors.values {
      tensor.storage.withBytes { bytes in
        for offset in stride(
          from: tensor.byteRange.lowerBound, to: tensor.byteRange.upperBound, by: 4096)
        {
          // Safety: the range lies within the bytes.
          sum &+= unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
        }
      }
    }
    return sum
  }

  /// Reads a file that lies in memory; `path` is its name in messages.
  package init(path: String, bytes: [UInt8]) throws(CheckpointError) {
    try self.init(path: path, storage: ArrayStorage(bytes), byteCount: bytes.count)
  }

  /// Reads the header from bytes that lie in `storage`.
  package init(
    path: String, storage: any TensorStorage, byteCount: Int
  ) throws(CheckpointError) {
    self.path = path
    self.byteCount = byteCount
    guard byteCount >= 8 else {
      throw CheckpointError(
        file: path, expected: "a safetensors file of at least 8 bytes",
        found: "\(byteCount) bytes", remedy: "Fetch the file again.")
    }
    let length = storage.withBytes { bytes in
      // Safety: eight bytes are there.
      UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(as: UInt64.self))
    }
    guard length <= UInt64(min(byteCount - 8, Self.longestHeader)) else {
      let head = storage.withBytes { bytes in
        unsafe bytes.extracting(0..<min(byteCount, 32)).withUnsafeBytes { unsafe Array($0) }
      }
      if let foreign = ForeignFormat.recognize(beginning: head) {
        throw CheckpointError(
          file: path, expected: "a safetensors file", found: foreign.what, remedy: foreign.remedy)
      }
      throw CheckpointError(
        file: path, subject: "header",
        expected: "at most \(min(byteCount - 8, Self.longestHeader)) bytes",
        found: "a length of \(length)",
        remedy: "The file is cut short or is no safetensors file; fetch it again.")
    }
    let start = 8 + Int(length)
    let header = storage.withBytes { bytes in
      unsafe bytes.extracting(8..<start).withUnsafeBytes { unsafe Data($0) }
    }
    let entries: [String: Entry]
    do {
      entries = try JSONDecoder().decode([String: Entry].self, from: header)
    } catch {
      throw CheckpointError(
        file: path, subject: "header", expected: "a JSON object of tensors",
        found: "\(error)", remedy: "Fetch the file again.")
    }
    var tensors: [String: HostTensor] = [:]
    var metadata: [String: String] = [:]
    for (name, entry) in entries {
      if case .metadata(let values) = entry {
        metadata = values
        continue
      }
      tensors[name] = try Self.tensor(
        name, entry, path: path, storage: storage, data: start..<byteCount)
    }
    try Self.checkLayout(tensors, path: path, data: start..<byteCount)
    self.tensors = tensors
    self.metadata = metadata
  }

  private enum Entry: Decodable {
    case metadata([String: String])
    case tensor(type: String, shape: [Int], offsets: [Int])

    enum CodingKeys: String, CodingKey {
      case type = "dtype"
      case shape
      case offsets = "data_offsets"
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      if decoder.codingPath.last?.stringValue == "__metadata__" {
        self = .metadata(try decoder.singleValueContainer().decode([String: String].self))
        return
      }
      self = .tensor(
        type: try container.decode(String.self, forKey: .type),
        shape: try container.decode([Int].self, forKey: .shape),
        offsets: try container.decode([Int].self, forKey: .offsets))
    }
  }

  private static func tensor(
    _ name: String, _ entry: Entry, path: String, storage: any TensorStorage, data: Range<Int>
  ) throws(CheckpointError) -> HostTensor {
    guard case .tensor(let type, let shape, let offsets) = entry else {
      preconditionFailure("metadata is no tensor")
    }
    func refuse(_ expected: String, _ found: String, _ remedy: String? = nil) -> CheckpointError {
      CheckpointError(file: path, subject: name, expected: expected, found: found, remedy: remedy)
    }
    guard let elementType = ElementType(rawValue: type) else {
      throw refuse(
        "one of " + ElementType.allCases.map(\.rawValue).joined(separator: ", "), "dtype \(type)",
        ForeignFormat.remedy(forType: type))
    }
    var size = elementType.byteCount
    for dimension in shape {
      let product = size.multipliedReportingOverflow(by: dimension)
      guard dimension >= 0, !product.overflow else {
        throw refuse("a shape that fits memory", "\(shape)")
      }
      size = product.partialValue
    }
    guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1],
      offsets[1] <= data.count
    else {
      throw refuse(
        "offsets inside \(data.count) bytes of data", "\(offsets)",
        "The file is cut short; fetch it again.")
    }
    guard offsets[1] - offsets[0] == size else {
      throw refuse(
        "\(size) bytes for \(type) \(shape)", "offsets \(offsets) of \(offsets[1] - offsets[0])")
    }
    return HostTensor(
      name: name, shape: shape, elementType: elementType, storage: storage,
      byteRange: data.lowerBound + offsets[0]..<data.lowerBound + offsets[1])
  }

  /// Tensors must cover the data without overlaps and gaps, as the format demands.
  private static func checkLayout(
    _ tensors: [String: HostTensor], path: String, data: Range<Int>
  ) throws(CheckpointError) {
    var end = data.lowerBound
    let ordered = tensors.values.sorted {
      ($0.byteRange.lowerBound, $0.byteRange.upperBound)
        < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
    }
    for tensor in ordered {
      guard tensor.byteRange.lowerBound == end else {
        throw CheckpointError(
          file: path, subject: tensor.name, expected: "data from byte \(end) on",
          found: "data from byte \(tensor.byteRange.lowerBound) on, "
            + (tensor.byteRange.lowerBound < end ? "over another tensor's" : "after a gap"))
      }
      end = tensor.byteRange.upperBound
    }
    guard end == data.upperBound else {
      throw CheckpointError(
        file: path, subject: "data", expected: "tensors up to byte \(data.upperBound)",
        found: "tensors up to byte \(end)", remedy: "Fetch the file again.")
    }
  }

  package func tensor(_ name: String, _ shape: [Int]) throws -> HostTensor {
    guard let tensor = tensors[name] else {
      throw CheckpointError(
        file: path, subject: name, expected: "a tensor \(shape)", found: "none of that name",
        remedy: "Is this a Qwen3-TTS 12 Hz checkpoint of the configuration next to it?")
    }
    let file = (tensor.storage as? MappedFile)?.path ?? path
    guard tensor.shape == shape else {
      throw CheckpointError(
        file: file, subject: name, expected: "\(shape)", found: "\(tensor.shape)")
    }
    switch tensor.elementType {
    case .bfloat16, .float16, .float32: break
    case .int32, .int64, .int16, .uint8:
      throw CheckpointError(
        file: file, subject: name, expected: "BF16, F16 or F32",
        found: tensor.elementType.rawValue,
        remedy: ForeignFormat.remedy(forType: tensor.elementType.rawValue))
    }
    if let index = tensor.nonFiniteIndex {
      let value = tensor.floats(index..<index + 1)[0]
      throw CheckpointError(
        file: file, subject: name, expected: "finite numbers",
        found: "\(value.isNaN ? "NaN" : "an infinite one") at place \(index)",
        remedy:
          "Training diverged, or the file is damaged: use an earlier checkpoint, or fetch the "
          + "model again.")
    }
    return tensor
  }
}

// MARK: - Several files

extension Safetensors {
  private struct Index: Decodable {
    /// The file of each tensor.
    var weightMap: [String: String]

    private enum CodingKeys: String, CodingKey { case weightMap = "weight_map" }
  }

  /// Opens a model's weights: one file, or where that is absent the ones that `PATH.index.json` lists.
  package init(weights path: String) throws(CheckpointError) {
    let index = path + ".index.json"
    guard !FileManager.default.fileExists(atPath: path),
      let data = FileManager.default.contents(atPath: index)
    else {
      try self.init(path: path)
      return
    }
    let map: [String: String]
    do { map = try JSONDecoder().decode(Index.self, from: data).weightMap } catch {
      throw CheckpointError(
        file: index, subject: "weight_map", expected: "an object of tensor and file names",
        found: "something else", remedy: "The file is damaged; fetch the model again.")
    }
    let folder = String(index[..<(index.lastIndex(of: "/") ?? index.startIndex)])
    var tensors: [String: HostTensor] = [:]
    var byteCount = 0
    for name in Set(map.values).sorted() {
      guard !name.contains("/"), !name.hasPrefix(".") else {
        throw CheckpointError(
          file: index, subject: "weight_map", expected: "files beside it", found: name)
      }
      let part = try Safetensors(path: "\(folder)/\(name)")
      byteCount += part.byteCount
      for (tensor, file) in map where file == name {
        guard let found = part.tensors[tensor] else {
          throw CheckpointError(
            file: part.path, subject: tensor, expected: "the tensor that \(index) says is there",
            found: "none", remedy: "The parts do not belong together; fetch the model again.")
        }
        tensors[tensor] = found
      }
    }
    self.init(path: index, tensors: tensors, metadata: [:], byteCount: byteCount)
  }
}

/// Writes safetensors files.
package enum SafetensorsWriter {
  /// A tensor to be written.
  package struct Tensor {
    package var name: String
    package var shape: [Int]
    let elementType: ElementType
    /// The elements' bits.
    let words: [UInt32]

    /// A tensor of 32-bit integers.
    package init(name: String, shape: [Int], values: [Int32]) {
      self.name = name
      self.shape = shape
      elementType = .int32
      words = values.map { UInt32(bitPattern: $0) }
    }

    /// A tensor of F32 numbers.
    package init(name: String, shape: [Int], values: [Float]) {
      self.name = name
      self.shape = shape
      elementType = .float32
      words = values.map(\.bitPattern)
    }
  }

  /// Writes the tensors in the order of their names; the file appears whole or not at all.
  package static func write(
    _ tensors: [Tensor], metadata: [String: String] = [:], to path: String
  ) throws {
    let file = try data(tensors, metadata: metadata)
    do {
      try file.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      let reason = (error as? CocoaError)?.underlying ?? error
      throw CheckpointError(
        file: path, expected: "a file that can be written", found: reason.localizedDescription)
    }
  }

  /// The bytes of a file.
  package static func bytes(
    _ tensors: [Tensor], metadata: [String: String] = [:]
  ) throws -> [UInt8] {
    Array(try data(tensors, metadata: metadata))
  }

  private static func data(_ tensors: [Tensor], metadata: [String: String]) throws -> Data {
    var header: [String: Any] = metadata.isEmpty ? [:] : ["__metadata__": metadata]
    var data = Data()
    for tensor in tensors.sorted(by: { $0.name < $1.name }) {
      precondition(tensor.words.count == tensor.shape.reduce(1, *), "values fill the shape")
      let start = data.count
      for bits in tensor.words {
        data.append(contentsOf: (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) })
      }
      header[tensor.name] = [
        "dtype": tensor.elementType.rawValue, "shape": tensor.shape,
        "data_offsets": [start, data.count],
      ]
    }
    var text = try JSONSerialization.data(withJSONObject: header, options: [.sortedKeys])
    while text.count % 8 != 0 { text.append(0x20) }
    let length = UInt64(text.count)
    return Data((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }) + text + data
  }
}

extension HostTensor {
  /// The elements of an integer tensor.
  package func integers() throws -> [Int32] {
    guard elementType == .int32 else {
      throw CheckpointError(
        file: name, expected: "I32", found: elementType.rawValue)
    }
    return storage.withBytes { bytes in
      (0..<count).map { index in
        // Safety: the tensor lies inside its storage.
        Int32(
          littleEndian: unsafe bytes.unsafeLoadUnaligned(
            fromByteOffset: byteRange.lowerBound + 4 * index, as: Int32.self))
      }
    }
  }
}
