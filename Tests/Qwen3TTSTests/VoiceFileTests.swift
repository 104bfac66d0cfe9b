// SPDX-License-Identifier: MIT

import Foundation
import FuzzSupport
import ModelFiles
import Qwen3TTS
import Testing

/// Voice files and the folder they are kept in.
@Suite struct VoiceFileTests {
  static func voice(_ width: Int = 8, frames: Int = 3) throws -> ClonedVoice {
    try ClonedVoice(
      embedding: (0..<width).map { Float($0) - 2.5 },
      codes: (0..<frames).map { frame in (0..<16).map { Int32(frame * 16 + $0) } },
      transcript: frames == 0 ? nil : "Grüße, 你好 \"quoted\"\n", origin: "a test")
  }

  @Test(arguments: [0, 1, 3]) func `reads back what it writes`(_ frames: Int) throws {
    let folder = try TemporaryFolder()
    let file = folder.url.appending(path: "a.voice")
    let voice = try Self.voice(frames: frames)
    try voice.write(to: file)
    #expect(try ClonedVoice(contentsOf: file) == voice)
    let metadata = try Safetensors(path: file.path).metadata
    #expect(metadata["creator"]?.hasPrefix("swift-qwen3-tts ") == true)
    #expect(metadata["width"] == "8")
    // The same voice is the same file.
    #expect(try voice.fileBytes() == Self.voice(frames: frames).fileBytes())
  }

  /// A voice file with some parts replaced.
  static func file(
    metadata changes: [String: String] = [:], without key: String? = nil,
    embedding: [Float]? = [1, 2],
    codes: (shape: [Int], values: [Int32])? = ([1, 16], Array(0..<16))
  ) throws -> [UInt8] {
    var metadata = [
      "format": "qwen3-tts-voice", "version": "1", "width": "2", "transcript": "words",
    ]
    metadata.merge(changes) { $1 }
    if let key { metadata[key] = nil }
    var tensors: [SafetensorsWriter.Tensor] = []
    if let embedding {
      tensors.append(.init(name: "embedding", shape: [embedding.count], values: embedding))
    }
    if let codes { tensors.append(.init(name: "codes", shape: codes.shape, values: codes.values)) }
    return try SafetensorsWriter.bytes(tensors, metadata: metadata)
  }

  @Test func `refuses files that do not fit, and says why`() throws {
    #expect(try ClonedVoice(fileBytes: Self.file(), path: "a").codes.count == 1)
    let wrong: [(bytes: [UInt8], says: String)] = [
      ([], "no safetensors file"), (Array("RIFF".utf8), "no safetensors file"),
      (try Self.file(without: "format"), "another safetensors file"),
      (try Self.file(metadata: ["format": "other"]), "the format \"other\""),
      (try Self.file(metadata: ["version": "2"]), "version 2; use a newer qwen3-tts"),
      (try Self.file(without: "version"), "version none"),
      (try Self.file(metadata: ["width": "3"]), "a tensor embedding, F32 [3]"),
      (try Self.file(without: "width"), "a tensor embedding"),
      (try Self.file(embedding: nil), "a tensor embedding, F32 [2], found none"),
      (try Self.file(embedding: [1, .nan]), "finite"),
      (try Self.file(embedding: [1, .infinity]), "finite"),
      (try Self.file(codes: nil), "codes and their transcript"),
      (try Self.file(without: "transcript"), "codes and their transcript"),
      (try Self.file(metadata: ["transcript": " "]), "codes and their transcript"),
      (try Self.file(codes: ([0, 16], [])), "I32 [0, 16]"),
      (try Self.file(codes: ([16], Array(0..<16))), "I32 [16]"),
      (try Self.file(codes: ([2, 8], Array(0..<16))), "I32 [2, 8]"),
      (try Self.file(codes: ([1, 16], Array(-1..<15))), "codes of 0 or more"),
      (try Self.file(codes: ([1, 16], Array(repeating: .max, count: 16))), "codes of 0 or more"),
      ([UInt8](repeating: 0, count: 5 << 20), "at most 4 MiB"),
    ]
    for (bytes, says) in wrong {
      let error = #expect(throws: SynthesisError.self) {
        try ClonedVoice(fileBytes: bytes, path: "a.voice")
      }
      #expect(error?.code == .invalidInput)
      #expect(error?.message.hasPrefix("a.voice: expected") == true, "\(error?.message ?? "")")
      #expect(error?.message.contains(says) == true, "\(error?.message ?? ""), expected \(says)")
    }
  }

  /// In a process of its own, whose memory no other test touches.
  @Test func `damaged files never crash, hang or take memory`() async {
    await #expect(processExitsWith: .success) {
      let seeds = try [
        VoiceFileTests.voice().fileBytes(), VoiceFileTests.voice(frames: 0).fileBytes(),
        VoiceFileTests.file(),
      ]
      let before = Fuzzing.peakMemory
      let slowest = try Fuzzing(name: "voice").run(seeds: seeds) { bytes in
        do {
          let voice = try ClonedVoice(fileBytes: bytes, path: "fuzzed")
          try #require(voice.width * 4 + voice.codes.count * 64 <= bytes.count)
          try #require(voice.embedding.allSatisfy { $0.isFinite })
        } catch let error as SynthesisError {
          try #require(!error.message.isEmpty)
        }
      }
      #expect(slowest.time < .seconds(1), "iteration \(slowest.iteration)")
      #expect(Fuzzing.peakMemory - before < 64 << 20)
    }
  }

  // MARK: Mixing

  @Test func `mixes by weight`() throws {
    let one = try ClonedVoice(embedding: [1, 0, 4], origin: "a")
    let two = try ClonedVoice(embedding: [3, 8, 4], origin: "b")
    let even = try ClonedVoice.mix([(one, 1), (two, 1)])
    #expect(even.embedding == [2, 4, 4] && !even.isInContext)
    #expect(try ClonedVoice.mix([(one, 3), (two, 1)]).embedding == [1.5, 2, 4])
    #expect(try ClonedVoice.mix([(one, 0), (two, 2)]).embedding == two.embedding)
    let wide = try ClonedVoice(embedding: [1], origin: "c")
    for parts in [
      [(one, -1.0), (two, 2)], [(one, 0), (two, 0)], [(one, .infinity)], [(one, .nan)],
      [(one, 1), (wide, 1)], [],
    ] {
      #expect(throws: SynthesisError.self) { try ClonedVoice.mix(parts) }
    }
  }

  // MARK: The folder

  @Test func `keeps voices under their names`() throws {
    let folder = try TemporaryFolder()
    let library = VoiceLibrary(folder: folder.url.appending(path: "deep/er"))
    #expect(library.names.isEmpty && library.entries.isEmpty)
    let voice = try Self.voice()
    let file = try library.save(voice, as: "Zoë-2.b")
    try library.save(Self.voice(frames: 0), as: "alice")
    try library.save(voice, as: "alice")
    try Data("junk".utf8).write(to: library.folder.appending(path: "broken.voice"))
    try Data("junk".utf8).write(to: library.folder.appending(path: "notes.txt"))
    try Data("junk".utf8).write(to: library.folder.appending(path: ".hidden.voice"))
    #expect(file.lastPathComponent == "Zoë-2.b.voice")
    #expect(library.names == ["Zoë-2.b", "alice", "broken"])
    #expect(try library.voice(named: "alice") == voice)
    let broken = library.entries.filter { (try? $0.voice.get()) == nil }
    #expect(broken.map(\.name) == ["broken"])
  }

  @Test(arguments: [
    "", ".", "..", "../a", "a/b", "/etc/passwd", ".a", " a", "a ", "a\tb", "a\u{0}b", "a\n",
  ])
  func `refuses names that leave the folder`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let library = VoiceLibrary(folder: folder.url)
    #expect(throws: SynthesisError.self) { try library.file(for: name) }
    #expect(throws: SynthesisError.self) { try library.voice(named: name) }
    #expect(throws: SynthesisError.self) { try library.save(Self.voice(), as: name) }
    #expect(library.names.isEmpty)
  }

  @Test func `is where the XDG specification has it`() {
    func path(_ environment: [String: String]) -> String {
      VoiceLibrary(environment: environment).folder.path
    }
    #expect(path(["HOME": "/home/a"]) == "/home/a/.local/share/qwen3-tts/voices")
    #expect(path(["HOME": "/home/a", "XDG_DATA_HOME": "/data"]) == "/data/qwen3-tts/voices")
    #expect(
      path(["HOME": "/home/a", "XDG_DATA_HOME": "data"]) == "/home/a/.local/share/qwen3-tts/voices")
  }
}
