// SPDX-License-Identifier: MIT

import BackendVerification
import CCPUKernels
import CPUBackend
import Foundation
import ModelFiles
import SpeechModel
import SyntheticCheckpoint
import Testing

/// The verification of backends, on the CPU: its kernels agree with the plain ones, and a fault is
/// found and reported.
@Suite struct VerificationTests {
  @Test func `this processor's kernels agree with the plain ones`() async {
    await #expect(processExitsWith: .success) {
      for isa in [QT_AVX2, QT_AVX512] where qt_select_isa(isa) == isa {
        let verification = Verification(
          seed: 11, candidate: { _ in CPUBackend() }, reference: CPUBackend(),
          usingReference: { try CPUBackend.withPlainKernels($0) },
          report: { #expect($0.passes, "\(CPUBackend.instructionSet): \($0.line)") })
        #expect(verification.verify())
        #expect(verification.verify(.tiny, [.prompts, .greedy, .topP]))
        #expect(verification.verify(.tiny06, [.topK, .codec, .interleaved, .fewPositions]))
      }
    }
  }

  @Test func `a wide model whose frames are many kernels is reported where one is expected`() {
    var lines: [String] = []
    let verification = Verification(
      seed: 3, candidate: { _ in CPUBackend() }, reference: CPUBackend(),
      wideFramesFillDevice: true, report: { lines.append($0.line) })
    #expect(!verification.verify(.wide06, [.greedy]))
    #expect(lines == ["FAILED  wide06, greedy: expected a frame to run as one kernel, found many"])
  }

  @Test
  func `the CPU says what the official package does, and several models what each does alone`() {
    var lines: [String] = []
    let verification = Verification(
      seed: 3, candidate: { _ in CPUBackend() }, reference: CPUBackend(),
      report: { lines.append($0.line) })
    #expect(verification.verifyGolden() && verification.verifyNeighbours(), "\(lines)")
    #expect(lines.count == 11 + 2 && lines.allSatisfy { $0.hasPrefix("ok ") }, "\(lines)")
  }

  @Test func `golden utterances and encoders that are not right are found`() {
    var lines: [String] = []
    func verification(_ fault: Fault) -> Verification<ObservedBackend, CPUBackend> {
      Verification(
        seed: 3, candidate: { _ in ObservedBackend(fault) }, reference: CPUBackend(),
        report: { if !$0.passes { lines.append($0.line) } })
    }
    #expect(!verification(.norm).verifyGolden())
    #expect(lines.contains { $0.contains(", codes: [") }, "\(lines)")
    lines = []
    #expect(!verification(.mel).verifyEncoders(.tiny))
    #expect(lines.count == 1 && lines[0].contains("embedding of "), "\(lines)")
  }

  /// The pack is made by `Tests/Oracle/pack_golden.py`.
  @Test func `the golden utterances inside the program are those of the fixtures`() throws {
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Fixtures/golden").standardizedFileURL
    let golden = try GoldenFiles()
    let folders = try FileManager.default.contentsOfDirectory(atPath: fixtures.path)
      .filter { !$0.contains(".") }.sorted()
    #expect(golden.checkpoints.map(\.folder) == folders)
    for checkpoint in golden.checkpoints {
      let folder = fixtures.appending(path: checkpoint.folder).path
      let description = try String(contentsOfFile: "\(folder)/cases.json", encoding: .utf8)
      #expect(
        checkpoint.utterances.count == description.matches(of: /"text":/).count, "\(folder)")
      for utterance in checkpoint.utterances {
        let name = utterance.options.name
        let file = try Safetensors(path: "\(folder)/\(name).safetensors")
        #expect(utterance.tensors["codes"] != nil, "\(name)")
        for (key, tensor) in utterance.tensors {
          let recorded = try #require(file.tensors[key], "\(name), \(key)")
          #expect(tensor.shape == recorded.shape && tensor.elementType == recorded.elementType)
          #expect(tensor.bytes == recorded.bytes, "\(folder), \(name), \(key)")
        }
      }
    }
  }

  @Test func `verification runs every requirement of a backend`() {
    let backend = ObservedBackend()
    let verification = Verification(
      seed: 5, candidate: { _ in backend }, reference: CPUBackend(),
      report: { #expect($0.passes, "\($0.line)") })
    #expect(verification.verify())
    #expect(verification.verify(.tiny06, [.greedy]))
    // There is no frame program on the CPU to make a frame with.
    #expect(Set(Requirement.allCases).subtracting(backend.ran) == [.makeFrame])
  }

  @Test func `rows and utterances of the CPU do not depend on those beside them`() {
    var lines: [String] = []
    let verification = Verification(
      seed: 5, candidate: { _ in CPUBackend() }, reference: CPUBackend(),
      report: { lines.append($0.line) })
    #expect(verification.verifyRows(), "\(lines)")
    #expect(verification.verifySlots(.tiny06, utterances: 12), "\(lines)")
    #expect(verification.verifyLoad(.tiny, requests: 60), "\(lines)")
    #expect(lines.count == 10 + 3 + 2 && lines.allSatisfy { $0.hasPrefix("ok ") }, "\(lines)")
  }

  @Test func `rows that depend on their neighbours are found, and utterances, too`() {
    var lines: [String] = []
    let verification = Verification(
      seed: 5, candidate: { _ in ObservedBackend(.neighbours) }, reference: CPUBackend(),
      report: { if !$0.passes { lines.append($0.line) } })
    #expect(!verification.verifyRows())
    #expect(lines.contains { $0.hasPrefix("FAILED  rows, linear: ") }, "\(lines)")
    lines = []
    #expect(!verification.verifySlots(.tiny06, utterances: 4))
    #expect(lines.contains { $0.hasPrefix("FAILED  slots, tiny06, ") }, "\(lines)")
    lines = []
    #expect(
      !verification.verifyLoad(.tiny06, requests: 20))
    #expect(lines.count == 1 && lines[0].hasPrefix("FAILED  load, tiny06: "), "\(lines)")
  }

  @Test(arguments: Fault.ofOperations) func `a fault is found and reported`(_ fault: Fault) {
    let plain = CPUBackend()
    var lines: [String] = []
    let verification = Verification(
      seed: 5, candidate: { _ in ObservedBackend(fault) }, reference: plain,
      report: { if !$0.passes { lines.append($0.line) } })
    #expect(!verification.verify([fault.operation]))
    #expect(lines.count == 1)
    #expect(lines[0].hasPrefix("FAILED  \(fault.operation.rawValue): "), "\(lines)")
    #expect(lines[0].contains(fault.words), "\(lines)")
  }
}

extension HostTensor {
  /// Its part of the file.
  fileprivate var bytes: [UInt8] {
    storage.withBytes { span in
      byteRange.map { span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
  }
}
