// SPDX-License-Identifier: MIT

import Foundation
import FuzzSupport
import ModelFiles
import SpeechModel
import Testing

/// Files that lie.
@Suite struct SafetensorsTests {
  /// A file with that header text and so many bytes of data.
  static func file(_ header: String, data: Int, claimed: UInt64? = nil) throws -> String {
    let length = claimed ?? UInt64(header.utf8.count)
    let bytes =
      Data((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }) + Data(header.utf8)
      + Data(count: data)
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors").path
    try bytes.write(to: URL(filePath: path))
    return path
  }

  static func tensor(_ type: String, _ shape: String, _ from: Int, _ to: Int) -> String {
    #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(from),\#(to)]}"#
  }

  @Test(arguments: [
    ("", 0, UInt64?.some(100)), ("{}", 0, .some(.max)), ("{}", 0, .some(1 << 62)),
    ("not json", 0, nil), ("[]", 0, nil), ("{\"a\":1}", 0, nil), ("{\"a\":{}}", 0, nil),
    ("{\"a\":\(tensor("F32", "[2]", 0, 4))}", 8, nil),
    ("{\"a\":\(tensor("F32", "[2]", 0, 16))}", 8, nil),
    ("{\"a\":\(tensor("F32", "[2]", -8, 0))}", 8, nil),
    ("{\"a\":\(tensor("F32", "[2]", 8, 0))}", 8, nil),
    ("{\"a\":\(tensor("F32", "[-2]", 0, 8))}", 8, nil),
    ("{\"a\":\(tensor("F32", "[4611686018427387904,4]", 0, 8))}", 8, nil),
    ("{\"a\":\(tensor("F64", "[1]", 0, 8))}", 8, nil),
    ("{\"a\":\(tensor("F32", "[2]", 0, 8)),\"b\":\(tensor("F32", "[2]", 4, 12))}", 12, nil),
    ("{\"a\":\(tensor("F32", "[1]", 0, 4)),\"b\":\(tensor("F32", "[1]", 8, 12))}", 12, nil),
    ("{\"a\":\(tensor("F32", "[1]", 0, 4))}", 12, nil),
    ("{\"a\":\(tensor("F32", "[1]", 0, 4))}", 2, nil),
  ]) func `refuses a header that does not fit`(
    _ header: String, _ data: Int, _ claimed: UInt64?
  ) throws {
    let path = try Self.file(header, data: data, claimed: claimed)
    #expect(throws: CheckpointError.self) { try Safetensors(path: path) }
    try FileManager.default.removeItem(atPath: path)
  }

  @Test func `refuses missing tensors and other shapes`() throws {
    let path = try Self.file("{\"a\":\(Self.tensor("F32", "[2]", 0, 8))}", data: 8)
    let file = try Safetensors(path: path)
    #expect(try file.tensor("a", [2]).floats() == [0, 0])
    #expect(throws: CheckpointError.self) { try file.tensor("a", [1, 2]) }
    #expect(throws: CheckpointError.self) { try file.tensor("b", [2]) }
    try FileManager.default.removeItem(atPath: path)
  }

  /// In a process of its own, whose memory no other test touches.
  @Test func `damaged files never crash, hang or take memory`() async {
    await #expect(processExitsWith: .success) {
      let seeds = try [SafetensorsTests.fuzzSeed(1), SafetensorsTests.fuzzSeed(20)]
      let before = Fuzzing.peakMemory
      let slowest = try Fuzzing(name: "safetensors").run(seeds: seeds) { bytes in
        do {
          let file = try Safetensors(path: "fuzzed", bytes: bytes)
          for tensor in file.tensors.values {
            try #require(tensor.byteRange.upperBound <= bytes.count)
            switch tensor.elementType {
            case .float32, .bfloat16, .float16: _ = tensor.floats()
            case .int32: _ = try tensor.integers()
            case .int64, .int16, .uint8: break
            }
          }
        } catch let error as CheckpointError {
          try #require(!error.description.isEmpty)
        }
      }
      #expect(slowest.time < .seconds(1), "iteration \(slowest.iteration)")
      #expect(Fuzzing.peakMemory - before < 64 << 20)
    }
  }

  /// A sound file with so many tensors of each kind.
  static func fuzzSeed(_ count: Int) throws -> [UInt8] {
    let floats = (0..<count).map {
      SafetensorsWriter.Tensor(name: "f\($0)", shape: [2, 2], values: [1, -2, 0.5, 3] as [Float])
    }
    let integers = (0..<count).map {
      SafetensorsWriter.Tensor(name: "i\($0)", shape: [3], values: [1, -2, 3] as [Int32])
    }
    return try SafetensorsWriter.bytes(floats + integers, metadata: ["format": "pt", "k": "v"])
  }

  @Test func `reads back F32 numbers`() throws {
    let values: [Float] = [0, -0.0, 1.5, .greatestFiniteMagnitude, .leastNonzeroMagnitude]
    let bytes = try SafetensorsWriter.bytes([.init(name: "x", shape: [5], values: values)])
    let file = try Safetensors(path: "in memory", bytes: bytes)
    #expect(try file.tensor("x", [5]).floats().map(\.bitPattern) == values.map(\.bitPattern))
  }

  @Test func `reads back what it writes`() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors").path
    let values: [Int32] = [0, 1, -1, .max, .min, 7]
    try SafetensorsWriter.write(
      [.init(name: "codes", shape: [2, 3], values: values)], metadata: ["k": "v"], to: path)
    let file = try Safetensors(path: path)
    #expect(try file.tensors["codes"]?.integers() == values)
    #expect(file.tensors["codes"]?.shape == [2, 3])
    #expect(file.metadata == ["k": "v"])
    try FileManager.default.removeItem(atPath: path)
  }
}
