// SPDX-License-Identifier: MIT

import BackendVerification
import CPUBackend
import CUDA
import CUDABackend
import FakeCUDA
import ModelFiles
import Qwen3TTS
import SpeechModel
import SpeechScheduler
import SyntheticCheckpoint
import Testing

/// Engines with several voices on a device that computes nothing.
@Suite struct EngineTests {
  /// The host's part of it: codes are all zero, and so are samples.
  @Test(arguments: [true, false]) func `requests beside each other are what each is alone`(
    _ recordsSteps: Bool
  ) async {
    await #expect(processExitsWith: .success) { [recordsSteps] in
      FakeDevice.install()
      let context = try CUDAContext()
      var lines: [String] = []
      let verification = Verification(
        seed: 4,
        candidate: { _ in
          try CUDABackend(context, recordsSteps: recordsSteps, independentRows: true)
        }, reference: CPUBackend(), report: { lines.append($0.line) })
      #expect(verification.verifyLoad(.tiny06, requests: 40), "\(lines)")
      #expect(lines.count == 2 && context.liveAllocationCount == 0)
    }
  }

  @Test
  func `eight voices of a device that fails end with eight errors, and it says that it failed`()
    async
  {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      var limits = SpeechLimits()
      limits.voices = 8
      let synthesizer = try await SpeechSynthesizer(device: .cuda, limits: limits)
      var options = SpeechOptions()
      options.textLayout = .incremental
      let begin =
        "The sentence begins here and then has so many plain words in one breath that some of them "
      // They speak what is written, and wait for the rest.
      var readers: [Speech.Iterator] = []
      var writers: [AsyncStream<String>.Continuation] = []
      for seed in 0..<8 {
        options.seed = UInt64(seed)
        let (pieces, writer) = AsyncStream<String>.makeStream()
        readers.append(synthesizer.speech(for: pieces, options: options).makeAsyncIterator())
        writer.yield(begin)
        writers.append(writer)
      }
      let chunk = try #require(await readers[0].next())
      #expect(chunk.samples.count == 1920 && synthesizer.state == .ready)
      // On a machine that is too busy for eight in real time, some of them wait.
      for _ in 0..<300 where synthesizer.load.speaking < 8 {
        try await Task.sleep(for: .milliseconds(10))
      }
      fakeCUDAFail("cuGraphLaunch", 1, 719, 1)
      for writer in writers { writer.yield("are yet to be spoken when the device fails, ") }
      for index in readers.indices {
        let error = await #expect(throws: SynthesisError.self) {
          while try await readers[index].next() != nil {}
        }
        #expect(error?.code == .internalFailure)
        #expect(error?.message.contains("CUDA_ERROR_LAUNCH_FAILED (719)") == true, "\(index)")
      }
      for _ in 0..<1000 where synthesizer.state == .ready {
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(synthesizer.state == .failed && synthesizer.load.isIdle)
      let later = await #expect(throws: SynthesisError.self) {
        for try await _ in synthesizer.speech(for: "Hi.") {}
      }
      #expect(later?.code == .internalFailure && later?.message.contains("Open another") == true)
    }
  }

  /// Its codes are all the same, which is a loop.
  @Test func `parts that get stuck are spoken again and counted`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      var limits = SpeechLimits()
      limits.voices = 2
      let synthesizer = try await SpeechSynthesizer(device: .cuda, limits: limits)
      var options = SpeechOptions()
      options.maximumFrames = 400
      let (samples, summary) = try await synthesizer.waveform(for: "Hello.", options: options)
      #expect(summary.finishReason == .runaway && summary.respokenParts == 1)
      #expect(samples.count == 1920 * summary.frames && synthesizer.load.runaways == 2)
    }
  }

  @Test func `a device that cannot be used fails what was asked for while it was opened`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      fakeCUDAFail("cuInit", 1, 100, 0)
      let synthesizer = try SpeechSynthesizer(loading: nil, device: .cuda)
      let error = await #expect(throws: SynthesisError.self) {
        for try await _ in synthesizer.speech(for: "Hi.") {}
      }
      #expect(error?.code == .deviceUnavailable && synthesizer.state == .failed)
    }
  }

  @Test func `a device is chosen by its number`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      fakeCUDADevices(2)
      func open(_ device: SpeechDevice) throws -> String {
        try OpenedEngine.open(FakeDevice.checkpoint, on: device, capacity: 256).device
      }
      try #expect(open(.cuda) == "Fake, sm_90")
      try #expect(open(.cuda(1)) == "Fake 1, sm_90")
      let error = #expect(throws: SynthesisError.self) { try open(.cuda(2)) }
      #expect(error?.code == .deviceUnavailable)
      #expect(
        error?.message.contains("device cuda:2: cuDeviceGet(2) failed") == true
          && error?.message.contains("expected a number below 2") == true)
      let synthesizer = try await SpeechSynthesizer(device: .cuda(1))
      #expect(synthesizer.device == "Fake 1, sm_90")
    }
  }

  /// The fake allocates what it is asked for, so the bytes are those of a GPU.
  @Test func `an engine takes the memory that its plan says`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      let checkpoint = FakeDevice.checkpoint
      func open(voices: Int, pages: Int) throws -> (plan: MemoryPlan, bytes: Int, pages: Int) {
        var limits = SpeechLimits()
        limits.voices = voices
        // The talker of `tiny06` in bf16: three layers of keys and values of two heads of 128.
        limits.keyValueBytes = pages * 64 * 2 * 3 * 256 * 2 + 100
        let opened = try OpenedEngine.open(checkpoint, on: .cuda, capacity: 256, limits: limits)
        return (
          opened.engine.plan, try #require(opened.context).liveByteCount,
          opened.engine.status.pages
        )
      }
      let (small, large) = (try open(voices: 4, pages: 6), try open(voices: 4, pages: 9))
      #expect(small.plan.pages == 5 && small.pages == 5 && small.plan.capacity == 256)
      #expect(large.plan.pages == 8 && large.pages == 8)
      #expect(
        large.bytes - small.bytes == large.plan.keyValueBytes - small.plan.keyValueBytes)
      // No more than four voices can need.
      #expect(try open(voices: 4, pages: 100).plan.pages == 16)
      // Shorter speeches, where there is memory for no others.
      let short = try open(voices: 4, pages: 3)
      #expect(short.plan.capacity == 128 && short.plan.pages == 2)
      #expect(try open(voices: 1, pages: 2).plan.capacity == 128)
      let error = #expect(throws: SynthesisError.self) { try open(voices: 4, pages: 1) }
      #expect(error?.code == .invalidInput)
      #expect(error?.message.contains("memory: expected at least 393216 bytes") == true)

      let backend = try CUDABackend(CUDAContext())
      func codec(slots: Int) throws -> (planned: Int, taken: Int) {
        let shape = checkpoint.codecConfiguration.decoder
        let decoder = try CodecDecoder(
          reading: checkpoint.codecWeights.scoped("decoder."), shape, on: backend)
        let before = backend.context.liveByteCount
        let codec = try CodecStreams(
          decoder, slotCount: slots, batchCapacity: 16, references: 3, on: backend)
        defer { withExtendedLifetime(codec) {} }
        return (
          CodecStateSize(shape, slotCount: slots, batchCapacity: 16, references: 3).byteCount,
          backend.context.liveByteCount - before
        )
      }
      let (few, many) = (try codec(slots: 2), try codec(slots: 7))
      #expect(many.taken - few.taken == many.planned - few.planned && few.planned > 0)
    }
  }
}
