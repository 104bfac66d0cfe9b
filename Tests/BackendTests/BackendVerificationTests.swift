// SPDX-License-Identifier: MIT

import BackendVerification
import CCPUKernels
import CPUBackend
import Foundation
import SpeechModel
import SyntheticCheckpoint
import Testing

/// The verification of backends, on the CPU: its kernels agree with the plain ones, and a fault is
/// found and told.
@Suite struct BackendVerificationTests {
  @Test func `this processor's kernels agree with the plain ones`() async {
    await #expect(processExitsWith: .success) {
      for isa in [QT_AVX2, QT_AVX512] where qt_select_isa(isa) == isa {
        let verification = Verification(
          seed: 11, candidate: { _ in CPUBackend() }, reference: CPUBackend(),
          usingReference: { try CPUBackend.withPlainKernels($0) },
          report: { #expect($0.passes, "\(CPUBackend.instructionSet): \($0.line)") })
        #expect(verification.verify())
        #expect(verification.verify(.tiny, [.prompts, .greedy, .topP]))
        #expect(verification.verify(.tiny06, [.topK, .codec]))
      }
    }
  }

  @Test func `every requirement of Backend is verified`() throws {
    let source = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Sources/SpeechModel/Backend.swift")
    let text = try String(contentsOf: source, encoding: .utf8)
    let body = text.prefix(upTo: try #require(text.range(of: "\n}\n")).lowerBound)
    let required = Set(
      body.matches(of: /\n  (?:func|var) (\w+)/).map { String($0.output.1) })
    let verified = VerifiedOperation.allCases.flatMap(\.requirements)
    #expect(required == Set(verified + VerifiedUtterance.requirements))
  }

  @Test(arguments: Fault.allCases) func `a fault is found and told`(_ fault: Fault) {
    let plain = CPUBackend()
    var lines: [String] = []
    let verification = Verification(
      seed: 5, candidate: { _ in FaultyBackend(fault) }, reference: plain,
      report: { if !$0.passes { lines.append($0.line) } })
    #expect(!verification.verify([fault.operation]))
    #expect(lines.count == 1)
    #expect(lines[0].hasPrefix("FAILED  \(fault.operation.rawValue): "), "\(lines)")
    #expect(lines[0].contains(fault.words), "\(lines)")
  }
}
