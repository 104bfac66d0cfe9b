// SPDX-License-Identifier: MIT

import BackendVerification
import CPUBackend
import CUDA
import CUDABackend
import SpeechModel
import SyntheticCheckpoint
import Testing

/// The GPU against the CPU and against the official package: what `qwen3-tts doctor --verify` runs.
@Suite(.tags(.gpu), .needsGPU, .serialized) struct GPUTests {
  private func verification(
    as architecture: Architecture? = nil
  ) throws -> Verification<CUDABackend, CPUBackend> {
    let context = try CUDAContext(runningAs: architecture)
    return Verification(
      seed: 7, candidate: { try CUDABackend(context, recordsSteps: $0) }, reference: CPUBackend(),
      wideFramesFillDevice: FrameKernel.automatic.macros(architecture: context.architecture) != nil,
      report: { #expect($0.passes, "\(context.deviceDescription): \($0.line)") })
  }

  @Test(arguments: VerifiedOperation.allCases)
  func `an operation computes what the CPU does`(_ operation: VerifiedOperation) throws {
    #expect(try verification().verify([operation]))
  }

  @Test(arguments: [SyntheticSize.tiny, .tiny06, .wide, .wide06])
  func `a model says what it does on the CPU`(_ size: SyntheticSize) throws {
    #expect(try verification().verify(size))
  }

  @Test func `every golden utterance has the official codes, keys and values in F32`() throws {
    #expect(try verification().verifyGolden())
  }

  @Test(arguments: [SyntheticSize.tiny, .small])
  func `encoders of cloned voices say what they do on the CPU`(_ size: SyntheticSize) throws {
    #expect(try verification().verifyEncoders(size))
  }

  @Test func `models in turn on one device say what each says alone`() throws {
    #expect(try verification().verifyNeighbours())
  }

  @Test func `an engine and a model that are released free their memory while another speaks`()
    throws
  {
    let memory = EngineMemory(try CUDAContext()) { #expect($0.passes, "\($0.line)") }
    #expect(memory.verify())
  }

  @Test(arguments: GPU.olderArchitectures)
  func `as an older architecture it computes the same`(_ architecture: Architecture) throws {
    let verification = try verification(as: architecture)
    #expect(verification.verify())
    #expect(verification.verify(.tiny06))
    #expect(verification.verify(.wide, [.greedy, .interleaved]))
    #expect(verification.verifyGolden())
  }
}
