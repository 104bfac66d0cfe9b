// SPDX-License-Identifier: MIT

import ArgumentParser
import Audio
import BackendVerification
import CPUBackend
import CUDA
import Foundation
import ModelDownload
import ModelFiles
import ModelStore
import Qwen3TTS
import SpeechModel
import SyntheticCheckpoint

/// `qwen3-tts inspect`
struct Inspect: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Describes a checkpoint and the memory it needs.",
    discussion: """
      Keys and values, which grow with a speech, take the memory that is said of f32 or of bf16: \
      speak --kv-precision chooses. What speak and serve will take is said for a CPU and for a GPU, \
      with the --max-batch, --memory and --kv-precision that they are to be given.
      """)

  @Argument(help: "Name or folder of a model; by default the bundled voice.")
  var model: String?

  @Option(help: "Speeches at once; by default 16 on a CPU and 1 on a GPU.")
  var maxBatch: Int?

  @Option(help: MemorySize.help)
  var memory: MemorySize?

  @Option(help: KVPrecision.help)
  var kvPrecision = KVPrecision.automatic

  @Flag(help: "Prints JSON.")
  var json = false

  func validate() throws {
    if let maxBatch, !(1...1024).contains(maxBatch) {
      throw ValidationError("--max-batch: expected 1 to 1024, found \(maxBatch).")
    }
  }

  private struct Description: Encodable {
    let variant: String
    let size: String
    let parameters: Int
    let codec_parameters: Int
    let model_bytes: Int
    let codec_bytes: Int
    let talker: String
    let predictor: String
    let voices: [String]
    let languages: [String]
    let kv_bytes_per_second: KeysAndValues
    let plans: [Plan]
  }

  /// What an engine takes.
  private struct Plan: Encodable {
    let device: String
    let kv_precision: String
    /// Speeches at once.
    let voices: Int
    /// Positions of prompt and frames that one of them can have.
    let positions: Int
    /// Those that each can have while all of them speak; what needs more waits.
    let positions_of_each: Int
    let pages: Int
    let page_bytes: Int
    let kv_bytes: Int
    let codec_state_bytes: Int
    let weight_bytes: Int

    init(_ plan: MemoryPlan, device: String, _ precision: CachePrecision, weightBytes: Int) {
      self.device = device
      kv_precision = KVPrecision(precision).rawValue
      voices = plan.voices
      positions = plan.capacity
      positions_of_each = plan.capacityOfEach
      pages = plan.pages
      page_bytes = plan.pageBytes
      kv_bytes = plan.keyValueBytes
      codec_state_bytes = plan.codecBytes
      weight_bytes = weightBytes
    }
  }

  /// What engines with the options take on a CPU and on a GPU, as they compute it when they open.
  ///
  /// - Parameter stored: How a GPU keeps keys and values where nothing is asked for.
  private func plans(
    _ checkpoint: Checkpoint, stored: CachePrecision?, weightBytes: Int
  ) throws -> [Plan] {
    var limits = EngineLimits(capacity: SpeechSynthesizer.standardCapacity)
    limits.keyValueBytes = memory?.bytes
    let asked = kvPrecision.cachePrecision
    let devices = [
      ("cpu", OpenedEngine.voicesOnCPU, asked ?? .float32),
      ("cuda", OpenedEngine.voicesOnGPU, asked ?? stored),
    ]
    return try devices.compactMap { device, voices, precision in
      guard let precision else { return nil }
      limits.voices = maxBatch ?? voices
      return Plan(
        try MemoryPlan(checkpoint, limits, precision: precision), device: device, precision,
        weightBytes: weightBytes)
    }
  }

  /// Bytes that keys and values take, a second of prompt or speech.
  private struct KeysAndValues: Encodable {
    let f32: Int
    let bf16: Int
    /// What --kv-precision auto is on the CPU, and on a GPU.
    let auto_cpu: Int
    let auto_cuda: Int?
  }

  func run() async throws {
    let checkpoint = try Checkpoint(model: model)
    let configuration = checkpoint.configuration
    let talker = configuration.talker.transformer
    func parameters(_ weights: any WeightSource) -> Int {
      (weights as? Safetensors)?.tensors.values.reduce(0) { $0 + $1.count } ?? 0
    }
    func bytes(_ weights: any WeightSource) -> Int { (weights as? Safetensors)?.byteCount ?? 0 }
    // Weights without the talker's head are no model yet, but there is still something to show.
    let stored = (try? checkpoint.talkerElementType).map(CachePrecision.init(weights:))
    func state(_ precision: CachePrecision) -> Int {
      25 * talker.layerCount * talker.kvWidth * precision.byteCount
    }
    func shape(_ shape: TransformerConfiguration) -> String {
      "\(shape.layerCount) layers of \(shape.hiddenSize), \(shape.headCount)/\(shape.kvHeadCount) "
        + "heads of \(shape.headDim)"
    }
    let description = Description(
      variant: configuration.variant.rawValue, size: configuration.sizeLabel,
      parameters: parameters(checkpoint.weights),
      codec_parameters: parameters(checkpoint.codecWeights),
      model_bytes: bytes(checkpoint.weights), codec_bytes: bytes(checkpoint.codecWeights),
      talker: shape(talker), predictor: shape(configuration.predictor.transformer),
      voices: configuration.talker.speakers.keys.sorted(),
      languages: LanguageChoice.names(configuration.talker),
      kv_bytes_per_second: KeysAndValues(
        f32: state(.float32), bf16: state(.bfloat16), auto_cpu: state(.float32),
        auto_cuda: stored.map(state)),
      plans: try plans(
        checkpoint, stored: stored,
        weightBytes: bytes(checkpoint.weights) + bytes(checkpoint.codecWeights)))
    if json { return try printJSON(description) }
    func megabytes(_ bytes: Int) -> String {
      bytes < 1_000_000
        ? String(format: "%.1f kB", Double(bytes) / 1e3)
        : String(format: "%.1f MB", Double(bytes) / 1e6)
    }
    try printResult("Qwen3-TTS 12 Hz, \(description.variant), size \(description.size)")
    try printResult("Talker: \(description.talker)")
    try printResult("Code predictor: \(description.predictor)")
    try printResult("Parameters: \(description.parameters), codec \(description.codec_parameters)")
    try printResult(
      "Weights: \(megabytes(description.model_bytes)), codec \(megabytes(description.codec_bytes)), "
        + "mapped")
    try printResult(
      "Keys and values of a second: \(megabytes(state(.float32))) in f32, "
        + "\(megabytes(state(.bfloat16))) in bf16; auto is f32 on the CPU and "
        + (stored.map { "\(KVPrecision($0).rawValue) on a GPU" }
          ?? "on a GPU what the talker's head is stored in, which is not among the weights"))
    for plan in description.plans {
      let count =
        plan.voices == 1
        ? "One speech"
        : (plan.pages < plan.voices ? "\(plan.pages) of " : "") + "\(plan.voices) speeches at once"
      func length(_ positions: Int) -> String {
        "\(positions) positions, \(Int(Double(positions) * 0.08)) s with the prompt"
      }
      let others =
        plan.positions_of_each == plan.positions
        ? "" : " (one alone up to \(length(plan.positions)); what finds no room waits)"
      try printResult(
        "\(count) on \(plan.device == "cpu" ? "a CPU" : "a GPU"), of up to "
          + "\(length(plan.positions_of_each))\(others): \(megabytes(plan.kv_bytes)) of keys and values "
          + "in \(plan.kv_precision) (\(plan.pages) pages of \(megabytes(plan.page_bytes))), "
          + "\(megabytes(plan.codec_state_bytes)) of codec states, besides the weights")
    }
    try printResult(
      "Voices: "
        + (description.voices.isEmpty ? "none" : description.voices.joined(separator: ", ")))
    try printResult("Languages: auto, " + description.languages.joined(separator: ", "))
  }
}

/// `qwen3-tts doctor`
struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Reports what this machine can run and what is missing.",
    discussion: """
      --verify computes every operation on the GPU (or with --device cpu by this processor's \
      instructions) and compares the results with those of plain code on the CPU: random inputs, odd \
      sizes, memory full of NaN; then utterances of the official model, whose codes must be equal with \
      keys and values in F32, the encoders of cloned voices, whole utterances of small random models, \
      two models at a time, many requests at once, and failures. It says which one is wrong and by how much.
      """)

  @Flag(help: "Prints JSON.")
  var json = false

  @Flag(help: "Check what the device computes.")
  var verify = false

  @Flag(
    help: """
      Compiles the kernels that the models on this machine need on its GPU, so that the first speech \
      begins at once.
      """)
  var prepare = false

  @Option(help: "With --verify: cuda, cpu, or auto for a GPU where there is one.")
  var device = SpeechDevice.automatic

  @Option(help: "With --verify: the seed of the random inputs; by default another one each time.")
  var seed: UInt64?

  @Option(
    help: """
      With --verify: operations with this word in their names, or golden, encoders, utterances, \
      neighbours, rows, slots, load or faults; and nothing else.
      """)
  var only: String?

  @Option(
    help:
      "With --verify: utterances whose keys and values are kept so: f32, bf16, or auto for both.")
  var kvPrecision = KVPrecision.automatic

  @OptionGroup var older: ArchitectureArguments

  @Option(
    help: """
      With --verify: the shape that speaks, tiny, tiny06, wide, wide06, 0.6B or 1.7B; without it, \
      the small ones, and on a GPU those as wide as released ones, of few layers.
      """)
  var synthetic: String?

  func validate() throws {
    let isPlain =
      seed == nil && only == nil && synthetic == nil && device == .automatic
      && kvPrecision == .automatic && older.architecture == nil
    guard verify || isPlain else {
      throw ValidationError(
        "--device, --seed, --only, --kv-precision, --architecture and --synthetic belong to --verify."
      )
    }
    try older.check(device)
    guard !(verify && prepare) else { throw ValidationError("Give --verify or --prepare.") }
    guard !(verify && json) else { throw ValidationError("--verify prints lines, not JSON.") }
    if let synthetic, SyntheticSize(rawValue: synthetic) == nil {
      throw ValidationError(
        "--synthetic: expected tiny, tiny06, wide, wide06, 0.6B or 1.7B, found \(synthetic).")
    }
  }

  private struct Finding: Encodable {
    let name: String
    let isUsable: Bool
    let detail: String
  }

  /// A finding for each GPU, or one that says why there is none.
  private static func lookForGPUs() -> [Finding] {
    do {
      let count = try CUDAContext.deviceCount()
      let version = try NVRTC.version()
      return try (0..<count).map { ordinal in
        let context = try CUDAContext(device: ordinal)
        let (free, total) = try context.memory()
        return Finding(
          name: ordinal == 0 ? "CUDA" : "CUDA, --device cuda:\(ordinal)", isUsable: true,
          detail: "\(context.deviceDescription), "
            + String(format: "%.1f of %.1f GB free, ", Double(free) / 1e9, Double(total) / 1e9)
            + "NVRTC \(version)")
      }
    } catch {
      return [
        Finding(name: "CUDA", isUsable: false, detail: "\(error); speech runs on the CPU")
      ]
    }
  }

  func run() async throws {
    if verify {
      // Lines that could not be written are an error at the end: the verdict matters more.
      var failure: (any Error)?
      var verification = DeviceVerification(seed: seed ?? UInt64.random(in: .min ... .max)) {
        line in
        do { try printResult(line) } catch { failure = failure ?? error }
      }
      verification.device = device
      verification.sizes = synthetic.flatMap { SyntheticSize(rawValue: $0) }.map { [$0] }
      verification.only = only
      verification.precision = kvPrecision.cachePrecision
      verification.architecture = older.architecture
      try verification.run()
      if let failure { throw failure }
      return try printResult("Verified.")
    }
    var findings = [
      Finding(
        name: "CPU", isUsable: true,
        detail: "\(CPUBackend.threadCount) threads, \(CPUBackend.instructionSet)")
    ]
    let gpus = Self.lookForGPUs()
    findings += gpus
    findings.append(
      Finding(
        name: "Same seed, same speech", isUsable: true,
        detail: "on the CPU alone and beside others"
          + (gpus.contains { $0.isUsable }
            ? "; on the GPU with --max-batch 2 or more alone and beside others, and with one voice, which "
              + "has faster kernels of its own, the same every time, but not the same as with several"
            : "")))
    let hasLibrary = SoundFileLibrary.shared != nil
    findings.append(
      Finding(
        name: "Recordings in FLAC, Ogg, MP3, Opus", isUsable: hasLibrary,
        detail: hasLibrary
          ? "libsndfile" : "libsndfile is missing: apt install \(SoundFileLibrary.packageName)"))
    findings.append(
      Finding(
        name: "Downloads", isUsable: CurlLibrary.shared != nil,
        detail: CurlLibrary.shared?.version
          ?? "libcurl is missing: apt install \(CurlLibrary.packageName)"))
    let models = ModelStore(environment: ProcessInfo.processInfo.environment).present
    findings.append(
      Finding(
        name: "Models", isUsable: !models.isEmpty,
        detail: models.isEmpty
          ? "none; qwen3-tts download 0.6B-CustomVoice fetches one"
          : models.map(\.short).joined(separator: ", ")))
    do {
      let synthesizer = try await SpeechSynthesizer()
      findings.append(
        Finding(
          name: "Bundled voice", isUsable: true,
          detail: synthesizer.voices.joined(separator: ", ")))
    } catch {
      findings.append(Finding(name: "Bundled voice", isUsable: false, detail: "\(error)"))
    }
    if prepare {
      do {
        let names = try KernelProgress.prepare(
          ModelStore(environment: ProcessInfo.processInfo.environment))
        findings.append(
          Finding(
            name: "Kernels", isUsable: true,
            detail: "compiled for \(names.joined(separator: ", "))"))
      } catch {
        findings.append(
          Finding(name: "Kernels", isUsable: false, detail: "none to compile, \(error)"))
      }
    }
    if json { return try printJSON(findings) }
    for finding in findings {
      try printResult("\(finding.isUsable ? "yes" : "no ")  \(finding.name): \(finding.detail)")
    }
  }
}
