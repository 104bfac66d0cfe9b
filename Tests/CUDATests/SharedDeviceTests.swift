// SPDX-License-Identifier: MIT

import CUDA
import CUDABackend
import FakeCUDA
import ModelFiles
import Qwen3TTS
import SpeechModel
import SyntheticCheckpoint
import Testing

/// Several speak on one device, one goes, and the others go on speaking. The fake driver computes
/// nothing, but it replays recordings and publishes the codes that are in memory, so each is found to
/// use its own.
@Suite struct SharedDeviceTests {
  /// The codes that a step was given, as often as it publishes them.
  static func speak(
    _ steps: [FrameStep<CUDABackend>], from first: Int, frames: Int
  ) throws -> [[Int32]] {
    var heard = [[Int32]](repeating: [], count: steps.count)
    for frame in first..<first + frames {
      for (index, step) in steps.enumerated() {
        if frame == 0 { try step.firstFrame() } else { try step.nextFrame() }
        heard[index] += try step.collect(frame)
      }
    }
    return heard
  }

  static func begin(
    _ step: FrameStep<CUDABackend>, _ checkpoint: Checkpoint, code: Int32
  ) throws {
    try step.begin(FakeDevice.prompt(checkpoint), settings: FakeDevice.settings)
    try step.backend.write([Int32](repeating: code, count: 16), to: step.codes)
  }

  @Test(arguments: [true, false])
  func `two steps on one backend replay their own recordings`(_ recordsSteps: Bool) async {
    await #expect(processExitsWith: .success) { [recordsSteps] in
      FakeDevice.install()
      let checkpoint = FakeDevice.checkpoint
      let backend = try CUDABackend(CUDAContext(), recordsSteps: recordsSteps)
      let model = try LanguageModel(
        reading: checkpoint.weights, checkpoint.configuration, on: backend)
      let steps = try (0..<2).map { _ in try FrameStep(model, capacity: 256, on: backend) }
      for (index, step) in steps.enumerated() {
        try SharedDeviceTests.begin(step, checkpoint, code: Int32(index + 1))
      }
      let heard = try SharedDeviceTests.speak(steps, from: 0, frames: 6)
      #expect(heard == [1, 2].map { [Int32](repeating: $0, count: 6 * 16) })
      // Another utterance of one of them counts from its own first frame.
      try SharedDeviceTests.begin(steps[1], checkpoint, code: 9)
      try #expect(
        SharedDeviceTests.speak([steps[1]], from: 0, frames: 2)[0]
          == [Int32](repeating: 9, count: 2 * 16))
    }
  }

  @Test func `a step that goes releases its memory and recordings while another speaks`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      let checkpoint = FakeDevice.checkpoint
      let context = try CUDAContext()
      let backend = try CUDABackend(context)
      let model = try LanguageModel(
        reading: checkpoint.weights, checkpoint.configuration, on: backend)
      let first = try FrameStep(model, capacity: 256, on: backend)
      try SharedDeviceTests.begin(first, checkpoint, code: 1)
      _ = try SharedDeviceTests.speak([first], from: 0, frames: 2)
      let (allocations, objects) = (context.liveAllocationCount, fakeCUDALiveObjects())
      for _ in 0..<3 {
        let second = try FrameStep(model, capacity: 256, on: backend)
        try SharedDeviceTests.begin(second, checkpoint, code: 2)
        let heard = try SharedDeviceTests.speak([second], from: 0, frames: 3)
        #expect(heard[0] == [Int32](repeating: 2, count: 3 * 16))
        #expect(context.liveAllocationCount > allocations && fakeCUDALiveObjects() > objects)
      }
      #expect(context.liveAllocationCount == allocations)
      #expect(fakeCUDALiveObjects() == objects)
      let heard = try SharedDeviceTests.speak([first], from: 2, frames: 4)
      #expect(heard[0] == [Int32](repeating: 1, count: 4 * 16))
    }
  }

  @Test func `two synthesizers on one device speak by turns, and one goes alone`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      func open() throws -> OpenedEngine {
        try OpenedEngine.open(FakeDevice.checkpoint, on: .cuda, capacity: 256)
      }
      func speak(_ opened: OpenedEngine) throws {
        try #expect(FakeDevice.speak(opened.engine) == .length)
      }
      let first = try open()
      try speak(first)
      let objects = fakeCUDALiveObjects()
      do {
        let second = try open()
        for _ in 0..<2 {
          try speak(second)
          try speak(first)
        }
        #expect(fakeCUDALiveObjects() > objects + 100)
      }
      // The first may have some more memory for reads than before; the second is gone.
      #expect(fakeCUDALiveObjects() < objects + 50)
      try speak(first)
    }
  }

  @Test func `two engines on one backend speak by turns, and one goes alone`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      let context = try CUDAContext()
      let backend = try CUDABackend(context)
      func open() throws -> SpeechEngine<CUDABackend> {
        try SpeechEngine(FakeDevice.checkpoint, capacity: 256, on: backend)
      }
      let first = try open()
      try #expect(FakeDevice.speak(first) == .length)
      // Not of the host: page-locked memory for reads stays with the backend, for the next ones.
      let bytes = context.liveByteCount
      do {
        let second = try open()
        #expect(context.liveByteCount > bytes)
        for engine in [second, first, second, first] {
          try #expect(FakeDevice.speak(engine) == .length)
        }
      }
      #expect(context.liveByteCount == bytes)
      try #expect(FakeDevice.speak(first) == .length)
    }
  }
}
