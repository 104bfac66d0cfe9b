// SPDX-License-Identifier: MIT

import BackendVerification
import CPUBackend
import CUDA
import CUDABackend
import FakeCUDA
import ModelFiles
import SpeechModel
import SyntheticCheckpoint
import Testing

/// Many utterances on a device that computes nothing: what the host does for them.
@Suite struct SlotTests {
  /// Every launch is checked against its kernel's parameters, and codes are those of the rows they are
  /// collected for: all zero.
  @Test(arguments: [true, false])
  func `utterances in slots are spoken and leave nothing`(_ recordsSteps: Bool) async {
    await #expect(processExitsWith: .success) { [recordsSteps] in
      FakeDevice.install()
      let context = try CUDAContext()
      var lines: [String] = []
      let verification = Verification(
        seed: 9,
        candidate: { _ in
          try CUDABackend(context, recordsSteps: recordsSteps, independentRows: true)
        }, reference: CPUBackend(), report: { lines.append($0.line) })
      #expect(verification.verifySlots(.tiny06, utterances: 8), "\(lines)")
      #expect(lines.count == 3 && context.liveAllocationCount == 0)
    }
  }

  @Test func `a step of an engine with slots is recorded once for its number of rows`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      let checkpoint = FakeDevice.checkpoint
      let backend = try CUDABackend(CUDAContext(), independentRows: true)
      let model = try LanguageModel(
        reading: checkpoint.weights, checkpoint.configuration, on: backend)
      let pool = try KVPool(
        .init(checkpoint.configuration.talker.transformer, .bfloat16), slotCount: 8, capacity: 128,
        pageCount: 16, on: backend)
      let step = try FrameStep(model, pool: pool, on: backend)
      for slot in 0..<8 {
        try pool.assign(slot: slot, index: 0, page: 15 - slot)
        let isThere = try step.open(
          FakeDevice.prompt(checkpoint), settings: FakeDevice.settings, slot: slot)
        #expect(isThere)
        try step.read([
          PromptRows(slot: slot, rows: 0..<FakeDevice.prompt(checkpoint).rows.count)
        ])
      }
      fakeCUDAFail("", 0, 0, 0)
      // Five rows are run as eight; a step advances some and draws for all.
      for _ in 0..<3 {
        for count in [5, 6, 7, 8] {
          let entry = try step.queue((0..<count).map { .init(slot: $0, isFirst: false) })
          try #expect(step.collect(entry: entry, rows: count).count == 16 * count)
        }
      }
      #expect(fakeCUDACalls("cuGraphInstantiateWithFlags") == 2)
      #expect(fakeCUDACalls("cuGraphLaunch") == 2 * 12)
    }
  }
}
