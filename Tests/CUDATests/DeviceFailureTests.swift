// SPDX-License-Identifier: MIT

import BackendVerification
import Benchmarking
import CUDA
import CUDABackend
import FakeCUDA
import Foundation
import ModelFiles
import Qwen3TTS
import SpeechModel
import Synchronization
import SyntheticCheckpoint
import Testing

/// What a driver can fail with, on a device that computes nothing. The driver is the process's, so
/// each test is a process of its own.
@Suite struct DeviceFailureTests {
  @Test func `every call that fails is reported, and everything is released`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      try #expect(FakeDevice.speak() == .length)
      let calls = try FakeDevice.callCounts()
      for (symbol, count) in calls {
        for isLasting in [false, true] {
          for nth in Set([1, 1 + count * 2 / 3]) {
            try FakeDevice.fail(symbol, nth: nth, of: count, code: 719, isLasting: isLasting)
          }
        }
      }
    }
  }

  @Test func `a device without memory says what to do`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      fakeCUDAFail("cuMemAlloc_v2", 20, 2, 0)
      let error = #expect(throws: SynthesisError.self) { try FakeDevice.speak() }
      #expect(error?.code == .deviceUnavailable)
      #expect(error?.message.contains("CUDA_ERROR_OUT_OF_MEMORY (2): use a smaller model") == true)
      #expect(fakeCUDALiveObjects() == 0)
      fakeCUDAFail("", 0, 0, 0)
      // A cache that no device has room for.
      #expect(throws: SynthesisError.self) { try FakeDevice.speak(capacity: 1 << 32) }
      #expect(fakeCUDALiveObjects() == 0)
      try #expect(FakeDevice.speak() == .length)
    }
  }

  @Test func `a kernel that fails while a frame is awaited ends the waiting`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      fakeCUDAPublishes(0)
      let lost = #expect(throws: CUDAError.self) { try FakeDevice.speak() }
      #expect(lost?.name == "frame 0 was never published")
      fakeCUDAFail("cuStreamQuery", 1, 719, 1)
      let failed = #expect(throws: CUDAError.self) { try FakeDevice.speak() }
      #expect(failed?.name == "CUDA_ERROR_LAUNCH_FAILED")
      #expect(failed?.remedy.contains("--eager") == true)
    }
  }

  @Test func `a driver that is too old is reported`() async {
    await #expect(processExitsWith: .success) {
      fakeCUDAHide("cuLaunchKernelEx")
      FakeDevice.install()
      let error = #expect(throws: SynthesisError.self) { try FakeDevice.speak() }
      #expect(error?.code == .deviceUnavailable)
      #expect(error?.message.contains("no cuLaunchKernelEx: driver too old") == true)
    }
  }

  /// An H100's processors and shared memory: what the wide shapes are for, and how a bench splits it.
  @Test func `frames of the wide shapes run as one kernel, whose parts are its own`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      fakeCUDAProcessors(132)
      let context = try CUDAContext()
      for (size, isWhole) in [(SyntheticSize.wide, true), (.wide06, true), (.tiny06, false)] {
        let checkpoint = Checkpoint.synthetic(size, variant: .customVoice, seed: 0)
        let backend = try CUDABackend(context)
        let model = try LanguageModel(
          reading: checkpoint.weights, checkpoint.configuration, on: backend)
        let step = try FrameStep(model, capacity: 256, on: backend)
        #expect(step.isExclusive == isWhole, "\(size)")
        let times = try SpeechEngine(checkpoint, capacity: 256, on: CUDABackend(context)).measure(
          after: FakeDevice.prompt(checkpoint), settings: FakeDevice.settings, count: 5)
        #expect(times.frame.count == 4)
        #expect(Set(times.parts.keys) == Set(isWhole ? [.talker, .predictor] : FramePart.allCases))
        #expect(times.parts.values.allSatisfy { $0.count == 4 })
        // The fake's events are a millisecond apart, so nothing is left for the talker.
        #expect(times.parts[.talker]?[0] == (isWhole ? .zero : .milliseconds(1)), "\(size)")
      }
    }
  }

  /// Each is one device's way: what is compiled, how it is launched, and how much memory it is granted.
  @Test(arguments: [
    (80, 163 << 10), (86, 99 << 10), (87, 163 << 10), (89, 99 << 10), (90, 227 << 10),
  ])
  func `a device runs as an older architecture in everything`(
    _ number: Int, _ sharedBytes: Int
  ) async {
    await #expect(processExitsWith: .success) { [number, sharedBytes] in
      FakeDevice.install()
      fakeCUDAProcessors(132)
      let isOwn = number == 90
      let context = try CUDAContext(runningAs: Architecture(number: number))
      #expect(context.deviceDescription == (isOwn ? "Fake, sm_90" : "Fake, sm_90, as sm_\(number)"))
      #expect(context.sharedBytesPerBlock == sharedBytes)
      let checkpoint = Checkpoint.synthetic(.wide06, variant: .customVoice, seed: 0)
      let engine = try SpeechEngine(
        checkpoint, capacity: 256, on: CUDABackend(context), codec: CUDABackend(context))
      // A frame is one kernel on sm_90 alone.
      let times = try engine.measure(
        after: FakeDevice.prompt(checkpoint), settings: FakeDevice.settings, count: 3)
      #expect(times.isOneKernel == isOwn)
      let target = String(cString: fakeCUDACompilerTarget())
      #expect(target == (isOwn ? "sm_90" : "compute_\(number)"))
      #expect((fakeCUDAPTXModules() == 0) == isOwn)
      #expect((fakeCUDAProgrammaticLaunches() == 0) == !isOwn)
      #expect((fakeCUDAClusterLaunches() == 0) == !isOwn)
      #expect(fakeCUDAMostSharedBytes() > 0 && fakeCUDAMostSharedBytes() <= sharedBytes)
    }
  }

  @Test(arguments: [nil, 86]) func `a benchmark says as which architecture it ran and how`(
    _ number: Int?
  ) async {
    await #expect(processExitsWith: .success) { [number] in
      FakeDevice.install()
      var benchmark = SpeechBenchmark("tiny") { FakeDevice.checkpoint }
      benchmark.device = .cuda
      benchmark.frames = 4
      benchmark.repeats = 1
      benchmark.architecture = number.map(Architecture.init(number:))
      let result = try benchmark.run { if case .notice(let text) = $0 { Issue.record("\(text)") } }
      let device = number.map { "sm_90, as sm_\($0)" } ?? "sm_90"
      let words = "tiny on Fake, \(device); keys and values in bf16, a frame is a graph of kernels;"
      #expect(result.table.hasPrefix(words), "\(result.table)")
      let json = String(decoding: try JSONEncoder().encode(result), as: UTF8.self)
      #expect(json.contains("\"frame_path\":\"graph\""))
      #expect(json.contains("\"architecture\":\"sm_\(number ?? 90)\""))
    }
  }

  @Test(arguments: [75, 86, 89, 100])
  func `an architecture that the device cannot run is refused with those it can`(
    _ number: Int
  ) async {
    await #expect(processExitsWith: .success) { [number] in
      FakeDevice.install()
      fakeCUDAArchitecture(80)
      let error = #expect(throws: SynthesisError.self) {
        try OpenedEngine.open(
          FakeDevice.checkpoint, on: .cuda, capacity: 256,
          architecture: Architecture(number: number))
      }
      #expect(error?.code == .invalidInput)
      #expect(error?.message.contains("sm_80 as sm_\(number)") == true)
      #expect(error?.message.hasSuffix("choose one of 80") == true)
      #expect(fakeCUDALiveObjects() == 0)
    }
  }

  @Test func `a kernel that wants more shared memory than the architecture has is refused`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      let context = try CUDAContext(runningAs: Architecture(number: 86))
      let program = KernelProgram(name: "any", source: "", options: context.compilerOptions)
      let module = try CUDAModule(image: NVRTC.compile(program), context)
      _ = try module.kernel("fits", parameters: [], sharedBytes: 99 << 10)
      let error = #expect(throws: CUDAError.self) {
        try module.kernel("large", parameters: [], sharedBytes: (99 << 10) + 1)
      }
      #expect(error?.remedy == "sm_86 has 101376 bytes a block")
    }
  }

  /// The fake allocates what it is asked for, so the bytes are those of a GPU.
  @Test func `keys and values are kept in the precision that is asked for`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      var bytes: [KVPrecision: Int] = [:]
      for precision in KVPrecision.allCases {
        let opened = try OpenedEngine.open(
          FakeDevice.checkpoint, on: .cuda, capacity: 4096, kvPrecision: precision)
        #expect(
          opened.engine.cachePrecision == (precision == .float32 ? .float32 : .bfloat16))
        bytes[precision] = opened.context?.liveByteCount
        let onCPU = try OpenedEngine.open(
          FakeDevice.checkpoint, on: .cpu, capacity: 256, kvPrecision: precision)
        #expect(
          onCPU.engine.cachePrecision == (precision == .bfloat16 ? .bfloat16 : .float32))
      }
      // The talker of `tiny06`: three layers of keys and values of two heads of 128.
      let difference = try #require(bytes[.float32]) - #require(bytes[.bfloat16])
      #expect(difference == 2 * 3 * 4096 * 256 * 2)
      #expect(bytes[.automatic] == bytes[.bfloat16])
    }
  }

  @Test func `an engine and a model that are released free their memory while another speaks`()
    async
  {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      var lines: [String] = []
      let context = try CUDAContext()
      #expect(EngineMemory(context) { lines.append($0.line) }.verify(), "\(lines)")
      #expect(lines.count == 2 && context.liveAllocationCount == 0)
    }
  }

  @Test func `an NVRTC that refuses a kernel is reported with its log`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      // All first: programs that compile are kept and not asked for again.
      for isLasting: Int32 in [1, 0] {
        fakeCUDAFail("nvrtcCompileProgram", 1, 6, isLasting)
        let error = #expect(throws: SynthesisError.self) { try FakeDevice.speak() }
        #expect(error?.message.contains("kernels.cu(7): error: a fake complaint") == true)
        // When all are refused, the first is reported.
        let call =
          "nvrtcCompileProgram(\(isLasting == 1 ? "gemm, --gpu-architecture=sm_90" : "")"
        #expect(error?.message.contains(call) == true)
        #expect(fakeCUDALiveObjects() == 0)
      }
    }
  }

  @Test func `a kernel that its program does not have ends the start`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      fakeCUDAFail("cuModuleGetFunction", 1, 500, 0)
      let error = #expect(throws: SynthesisError.self) { try FakeDevice.speak() }
      #expect(error?.message.contains("cuModuleGetFunction(gemm_64x8_bf16) failed") == true)
      #expect(fakeCUDACalls("cuModuleGetFunction") == 1)
      #expect(fakeCUDALiveObjects() == 0)
    }
  }

  @Test(.enabled(if: ProcessInfo.processInfo.activeProcessorCount > 1))
  func `programs compile at the same time`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      fakeCUDACompileTogether(2)
      try #expect(FakeDevice.speak() == .length)
    }
  }

  @Test func `each program is compiled once, and none when all are on disk`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      fakeCUDAProcessors(132)
      let checkpoint = Checkpoint.synthetic(.wide, variant: .customVoice, seed: 0)
      let folder = FakeDevice.cacheFolder
      func compilations(_ cache: KernelCache) throws -> Int {
        fakeCUDAFail("", 0, 0, 0)
        let context = try CUDAContext()
        _ = try SpeechEngine(
          checkpoint, capacity: 256,
          on: CUDABackend(context, cache: cache, model: checkpoint.configuration),
          codec: CUDABackend(context, cache: cache))
        return Int(fakeCUDACalls("nvrtcCompileProgram"))
      }
      try #expect(compilations(KernelCache(folder: nil)) == 5)
      try #expect(compilations(KernelCache(folder: folder)) == 5)
      let entries = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(
        entries.map { $0.prefix { $0 != "-" } } == [
          "decode", "frame", "gemm", "operations", "prompt",
        ])
      try #expect(compilations(KernelCache(folder: folder)) == 0)
      try Data("no image".utf8).write(to: URL(filePath: "\(folder)/\(entries[0])"))
      try #expect(compilations(KernelCache(folder: folder)) == 1)
      try #expect(compilations(KernelCache(folder: folder)) == 0)
    }
  }

  @Test func `a small model speaks on the CPU, where nothing has to be compiled for it`() async {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      let small = try OpenedEngine.open(FakeDevice.checkpoint, on: .automatic, capacity: 256)
      #expect(small.context == nil && small.notice == nil && small.device.hasPrefix("CPU"))
      #expect(fakeCUDACalls("nvrtcCompileProgram") == 0)
      let asked = try OpenedEngine.open(FakeDevice.checkpoint, on: .cuda, capacity: 256)
      #expect(asked.context != nil)
      let wide = Checkpoint.synthetic(.wide, variant: .customVoice, seed: 0)
      #expect(try OpenedEngine.open(wide, on: .automatic, capacity: 256).context != nil)
    }
  }

  @Test func `kernels that are prepared need no compiling later, and compiling is reported`() async
  {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      fakeCUDAProcessors(132)
      let steps = Mutex<[KernelCompilation]>([])
      KernelCache.standard.listen { step in steps.withLock { $0.append(step) } }
      let checkpoint = Checkpoint.synthetic(.wide, variant: .customVoice, seed: 0)
      try OpenedEngine.prepareKernels(for: [checkpoint.configuration])
      let names = ["decode", "frame", "gemm", "operations", "prompt"]
      let begun = steps.withLock {
        $0.compactMap { if case .began(let name) = $0 { name } else { nil } }
      }
      let ended = steps.withLock {
        $0.compactMap { if case .ended(let name) = $0 { name } else { nil } }
      }
      #expect(begun.sorted() == names && ended.sorted() == names)
      #expect(fakeCUDALiveObjects() == 0)
      fakeCUDAFail("", 0, 0, 0)
      _ = try OpenedEngine.open(checkpoint, on: .cuda, capacity: 256)
      #expect(fakeCUDACalls("nvrtcCompileProgram") == 0)
      // Without a device there is nothing to compile, which is said.
      fakeCUDAFail("cuInit", 1, 100, 0)
      let error = #expect(throws: SynthesisError.self) {
        try OpenedEngine.prepareKernels(for: [checkpoint.configuration])
      }
      #expect(error?.code == .deviceUnavailable)
    }
  }

  @Test func `without a device the CPU speaks, and with one that cannot be used it says so`() async
  {
    await #expect(processExitsWith: .success) {
      FakeDevice.install()
      // One that is large enough for a GPU.
      let checkpoint = Checkpoint.synthetic(.wide06, variant: .customVoice, seed: 0)
      for (code, isQuiet) in [(Int32(100), true), (803, false)] {
        fakeCUDAFail("cuInit", 1, code, 0)
        let opened = try OpenedEngine.open(checkpoint, on: .automatic, capacity: 256)
        #expect(opened.context == nil && opened.device.hasPrefix("CPU"))
        #expect((opened.notice == nil) == isQuiet)
        if !isQuiet {
          #expect(opened.notice?.contains("as new as the CUDA libraries") == true)
        }
      }
    }
  }
}

/// A device that computes nothing, in this process.
enum FakeDevice {
  /// Calls of the driver that speaking makes and that can fail.
  static var symbols: [String] {
    sequence(first: 0) { $0 + 1 }.lazy.map { fakeCUDASymbol(Int32($0)) }.prefix { $0 != nil }
      .compactMap { $0.map { String(cString: $0) } }.filter { !$0.hasPrefix("cuGetError") }
  }

  /// Where this process keeps what it has compiled.
  static var cacheFolder: String {
    FileManager.default.temporaryDirectory.appending(path: "fake-cuda-\(getpid())").path
  }

  static func install() {
    // Images of this compiler are not for the user's cache.
    setenv("XDG_CACHE_HOME", cacheFolder, 1)
    atexit {
      if let folder = getenv("XDG_CACHE_HOME") {
        try? FileManager.default.removeItem(atPath: String(cString: folder))
      }
    }
    fakeCUDAInstall()
  }

  /// Speaks eight frames and gives everything back.
  static func speak(capacity: Int = 256) throws -> FinishReason {
    try speak(
      OpenedEngine.open(checkpoint, on: .cuda, capacity: capacity).engine)
  }

  static var checkpoint: Checkpoint {
    .synthetic(.tiny06, variant: .customVoice, seed: 0)
  }

  static func speak(_ engine: any PromptSpeaking) throws -> FinishReason {
    let report = try engine.speak(
      prompt(checkpoint), settings: settings, budget: 8, chunks: (1, 4), isCancelled: { false },
      deliver: { _, _ in })
    return report.finishReason
  }

  static func prompt(_ checkpoint: Checkpoint) -> Prompt {
    Prompt(
      target: (0..<20).map { Int32(3 + $0) }, language: nil, speaker: .unspecified, layout: .whole,
      configuration: checkpoint.configuration)
  }

  static var settings: UtteranceSettings {
    UtteranceSettings(talker: SamplingSettings(), predictor: SamplingSettings(), seed: 1)
  }

  /// Speaks in a context; `atEnd` runs before things are released.
  private static func speak(in context: CUDAContext, atEnd: () -> Void = {}) throws {
    let engine = try SpeechEngine(
      checkpoint, capacity: 256, on: CUDABackend(context), codec: CUDABackend(context))
    _ = try speak(engine)
    atEnd()
  }

  /// How often each call of the driver is made in a speech, until things are released.
  static func callCounts() throws -> [(symbol: String, count: Int)] {
    let context = try CUDAContext()
    fakeCUDAFail("", 0, 0, 0)
    var counts: [(String, Int)] = []
    try speak(in: context) { counts = symbols.map { ($0, Int(fakeCUDACalls($0))) } }
    return counts
  }

  /// Speaks while the `nth` call of `symbol` fails, of `count` that one speech makes.
  static func fail(
    _ symbol: String, nth: Int, of count: Int, code: Int32, isLasting: Bool
  ) throws {
    let context = try CUDAContext()
    let objects = fakeCUDALiveObjects()
    fakeCUDAFail(symbol, Int32(nth), code, isLasting ? 1 : 0)
    let name = "\(symbol), call \(nth) of \(count), \(isLasting ? "lasting" : "once")"
    do {
      try speak(in: context)
      // What fails when everything is released has nobody to be reported to.
      #expect(nth >= count, "\(name): nothing was reported")
    } catch {
      #expect("\(error)".contains("CUDA_ERROR_LAUNCH_FAILED (719)"), "\(name): \(error)")
    }
    fakeCUDAFail(symbol, 0, 0, 0)
    #expect(context.liveAllocationCount == 0, "\(name): allocations are left")
    // A driver whose context cannot be made current takes nothing back.
    if !isLasting, symbol != "cuCtxSetCurrent" {
      #expect(fakeCUDALiveObjects() == objects, "\(name): objects are left")
    }
  }
}
