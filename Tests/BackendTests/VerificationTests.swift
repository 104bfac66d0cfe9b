// SPDX-License-Identifier: MIT

import BackendVerification
import CCPUKernels
import CPUBackend
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
        #expect(verification.verify(.tiny06, [.topK, .codec, .inTurn, .fewPositions]))
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

  @Test(arguments: Fault.allCases) func `a fault is found and reported`(_ fault: Fault) {
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
