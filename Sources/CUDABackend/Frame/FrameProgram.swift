// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

/// One frame of one utterance as a single kernel (`Frame.cu`): compiled for a model and a device, with
/// the addresses of everything that it reads and writes.
package final class CUDAFrameProgram {
  /// Eight warps that compute, and one that copies.
  static let threads = 288

  let kernel: CUDAKernel
  let grid: CUDAGrid
  let sharedBytes: Int
  /// The addresses, on the device.
  let words: CUDAIndices
  /// Through which blocks send each other numbers; the words say where.
  private let mailbox: FrameMailbox

  init(
    kernel: CUDAKernel, grid: CUDAGrid, sharedBytes: Int, words: CUDAIndices,
    mailbox: FrameMailbox
  ) {
    (self.kernel, self.grid, self.sharedBytes, self.words) = (kernel, grid, sharedBytes, words)
    self.mailbox = mailbox
  }
}

/// The memory through which blocks of the frame kernel send each other numbers.
struct FrameMailbox {
  let pairs: CUDATensor
  let numbers: CUDATensor
  let counts: CUDAIndices
}

/// Whether a frame runs as one kernel or as a graph of some hundreds.
package enum FrameKernel: Sendable {
  /// As one where that was measured to be faster: on devices of sm_90 (docs/performance.md).
  case automatic
  case off
  /// As one, with these macros, `NAME` or `NAME=VALUE`: `NO_BULK_COPIES` takes the way of devices before
  /// sm_90.
  case on(macros: [String])

  /// Macros of the kernel for devices of an architecture; `nil` where a frame runs as a graph.
  package func macros(architecture: Architecture) -> [String]? {
    switch self {
    case .automatic: architecture.number == 90 ? [] : nil
    case .off: nil
    case .on(let macros): macros
    }
  }
}

/// The constants of `Frame.cu` for a model on a device, where the kernel takes it.
struct FrameShape {
  let talker: TransformerConfiguration
  let predictor: TransformerConfiguration
  let talkerVocabulary: Int
  let predictorVocabulary: Int
  let codebookCount: Int
  let isProjected: Bool
  let rule: SamplingRule
  /// How the talker's keys and values are kept; the predictor's are F32.
  let talkerCache: CachePrecision
  /// Blocks: one an SM.
  let grid: Int
  /// Pieces in the ring.
  private(set) var slots: Int

  static var warps: Int { 8 }
  /// Eight rows of 1024 columns, each row 64 bytes longer.
  static var slotBytes: Int { 8 * (2048 + 64) }
  /// `COPIES` in the kernel.
  static var copies: Int { 4 }
  /// Pieces in a ring below which copies do not run ahead.
  static var fewestSlots: Int { 3 }

  /// `nil` when the model or the device does not fit the kernel.
  init?(
    _ configuration: ModelConfiguration, talkerCache: CachePrecision = .bfloat16,
    _ context: CUDAContext
  ) {
    self.talkerCache = talkerCache
    talker = configuration.talker.transformer
    predictor = configuration.predictor.transformer
    talkerVocabulary = configuration.talker.vocabularySize
    predictorVocabulary = configuration.predictor.codebookSize
    codebookCount = configuration.talker.codebookCount
    isProjected = talker.hiddenSize != predictor.hiddenSize
    rule = .talker(configuration.talker)
    let grid = context.multiprocessorCount
    self.grid = grid
    for shape in [talker, predictor] {
      let widths = [shape.hiddenSize, shape.queryWidth, shape.intermediateSize]
      guard widths.allSatisfy({ $0 % 1024 == 0 }), shape.headDim == 128,
        shape.headCount == 2 * shape.kvHeadCount, shape.kvHeadCount <= grid, shape.window == nil
      else { return nil }
    }
    // Each block makes some of the queries, activations and scores; see `Frame.cu`.
    let counts = [talker, predictor].flatMap {
      [$0.attention.packedWidth, $0.intermediateSize]
    }
    guard counts.allSatisfy({ $0 >= 8 * grid }), talkerVocabulary >= 8 * grid,
      predictorVocabulary >= 8 * grid, talkerVocabulary % 8 == 0, predictorVocabulary % 8 == 0
    else { return nil }
    guard context.launchesCooperatively, context.architecture.number >= 80,
      (2...32).contains(codebookCount), talkerVocabulary <= 4096, predictorVocabulary <= 4096
    else { return nil }
    slots = 0
    let room = context.sharedBytesPerBlock - sharedBytes - Self.staticBytes
    slots = max(0, room) / (Self.slotBytes + 16)
    guard slots >= Self.fewestSlots else { return nil }
  }

  /// Whether the kernel takes a step of the model, as its weights are stored.
  func takes(_ step: FrameParameters<CUDABackend>) -> Bool {
    var matrices = step.heads + step.embeddings
    if let projection = step.projection { matrices.append(projection.weight) }
    for stack in [step.talker, step.predictor] {
      guard
        stack.layers.allSatisfy({ $0.attention.queryNorm != nil && $0.attention.keyNorm != nil })
      else { return false }
      matrices += stack.layers.flatMap { [$0.qkv, $0.output, $0.gateUp, $0.down] }
    }
    return step.slotCount == 1 && step.predictor.cache.precision == .float32
      && matrices.allSatisfy { $0.suffix == "bf16" }
  }

  /// Room for the kernel's own shared variables, and what the driver keeps.
  static var staticBytes: Int { 2048 }

  var mostSplits: Int { max(1, grid / max(talker.kvHeadCount, predictor.kvHeadCount)) }
  private var vocabulary: Int { max(talkerVocabulary, predictorVocabulary) }

  /// Addresses the kernel reads: eight a layer, heads, tables, and 27 more.
  var wordCount: Int { 8 * (talker.layerCount + predictor.layerCount) + 2 * codebookCount + 27 }

  /// Pairs of number and tag that travel between SMs; `PAIR_COUNT` in the kernel.
  var pairCount: Int {
    let packed = max(talker.attention.packedWidth, predictor.attention.packedWidth)
    let heads = max(talker.kvHeadCount, predictor.kvHeadCount)
    return 2 * packed + mostSplits * heads * 2 * (128 + 1)
  }

  /// Numbers that every SM reads; `NUMBER_COUNT · COPIES` in the kernel.
  var numberCount: Int {
    func row(_ shape: TransformerConfiguration) -> Int {
      shape.queryWidth + 3 * shape.hiddenSize + shape.intermediateSize
    }
    return Self.copies
      * (row(talker) + talkerVocabulary + 2 * row(predictor) + predictorVocabulary)
  }

  /// Rows of `count` that a block multiplies at the most, in groups of eight.
  private func blockRows(_ count: Int) -> Int { 8 * ((count / 8 + grid - 1) / grid) }

  /// The rings and `Shared` of the kernel, which checks the number.
  var sharedBytes: Int {
    let rows = max(
      blockRows(max(talker.attention.packedWidth, predictor.attention.packedWidth)),
      blockRows(vocabulary), 2 * blockRows(max(talker.intermediateSize, predictor.intermediateSize))
    )
    let scratch = max(2 * vocabulary, 2 * (4 * 128 + 4 * 32 + Self.warps * 2 * 128))
    let own = blockRows(max(talker.hiddenSize, predictor.hiddenSize))
    let floats =
      scratch + talker.hiddenSize + 4 * Self.warps * rows + 2 * own + 4 * Self.warps + 256
    let parts = Self.warps * 6 * 320
    return slots * (Self.slotBytes + 16) + 4 * floats + parts + 8 * wordCount + 256
  }

  /// The kernel for the model on the device, with options of its own.
  func program(_ context: CUDAContext, definitions: [String]) -> KernelProgram {
    KernelSources.frame(options: context.compilerOptions + definitions + options)
  }

  /// Options that define the constants.
  private var options: [String] {
    func stack(
      _ prefix: String, _ shape: TransformerConfiguration, vocabulary: Int, cache: CachePrecision
    ) -> [String] {
      [
        "HIDDEN=\(shape.hiddenSize)", "QUERY=\(shape.queryWidth)", "KV=\(shape.kvWidth)",
        "INNER=\(shape.intermediateSize)", "LAYERS=\(shape.layerCount)",
        "VOCABULARY=\(vocabulary)", "EPSILON=\(shape.normEpsilon)f",
        "CACHE=\(cache.suffix.uppercased())",
      ].map { "-D\(prefix)_\($0)" }
    }
    return stack("T", talker, vocabulary: talkerVocabulary, cache: talkerCache)
      + stack("P", predictor, vocabulary: predictorVocabulary, cache: .float32)
      + [
        "PROJECTED=\(isProjected ? 1 : 0)", "CODEBOOKS=\(codebookCount)", "GRID=\(grid)",
        "SLOTS=\(slots)", "MOST_SPLITS=\(mostSplits)", "RING_DEPTH=\(CUDAFrameRing.depth)",
        "END_TOKEN=\(rule.endToken ?? -1)", "SUPPRESSED_START=\(rule.suppressed.lowerBound)",
        "SUPPRESSED_END=\(rule.suppressed.upperBound)", "MINIMUM_TOKENS=\(rule.minimumTokens)",
        "FRAME_KERNEL", "WORD_COUNT=\(wordCount)", "PAIRS_MADE=\(pairCount)",
        "NUMBERS_MADE=\(numberCount)",
        "SHARED_BYTES=\(sharedBytes)",
      ].map { "-D\($0)" }
  }
}

extension CUDABackend {
  package func makeFrameProgram(
    _ step: FrameParameters<CUDABackend>
  ) throws(CUDAError) -> CUDAFrameProgram? {
    guard let frameDefinitions,
      let shape = FrameShape(
        step.configuration, talkerCache: step.talker.cache.precision, context),
      shape.takes(step)
    else { return nil }
    let image = try cache.image(shape.program(context, definitions: frameDefinitions))
    let kernel = try CUDAModule(image: image, context).kernel(
      "frame_step", sharedBytes: shape.sharedBytes)
    let mailbox = FrameMailbox(
      pairs: try makeTensor(rows: shape.pairCount, columns: 2),
      numbers: try makeTensor(rows: shape.numberCount, columns: 1),
      counts: try makeIndices(count: 2))
    let words = frameWords(step, mailbox)
    precondition(words.count == shape.wordCount, "an address for each word")
    let place = try makeIndices(count: 2 * words.count)
    try write(
      words.flatMap {
        [Int32(truncatingIfNeeded: $0), Int32(truncatingIfNeeded: $0 >> 32)]
      }, to: place)
    return CUDAFrameProgram(
      kernel: kernel, grid: CUDAGrid(shape.grid), sharedBytes: shape.sharedBytes, words: place,
      mailbox: mailbox)
  }

  package func makeFrame(
    _ program: CUDAFrameProgram, advancing: Bool
  ) throws(CUDAError) {
    try stream.launch(
      program.kernel, grid: program.grid, block: CUDAFrameProgram.threads,
      sharedBytes: program.sharedBytes, cooperative: true, program.words.address,
      Int32(advancing ? 1 : 0))
  }

  /// The addresses in the order of the kernel's enumeration.
  private func frameWords(
    _ step: FrameParameters<CUDABackend>, _ mailbox: FrameMailbox
  ) -> [UInt64] {
    var words: [UInt64] = []
    for layer in step.talker.layers + step.predictor.layers {
      words += [layer.qkv, layer.output, layer.gateUp, layer.down].map(\.address)
      words += [layer.inputNorm.address, layer.postNorm.address]
      words += [layer.attention.queryNorm?.address ?? 0, layer.attention.keyNorm?.address ?? 0]
    }
    words += step.heads.map(\.address)
    words += step.embeddings.map(\.address)
    for stack in [step.talker, step.predictor] {
      words += [stack.norm.address, stack.inverseFrequencies.address]
      words += [stack.cache.keys[0].address, stack.cache.values[0].address]
    }
    words += [
      step.projection?.weight.address ?? 0, step.projection?.bias.address ?? 0,
      step.hidden.address, step.logits.address, step.predictorLogits.address, step.codes.address,
      step.positions.address, step.sampling.frame.address, step.sampling.settings.address,
      step.sampling.seen.address, step.trailing.address, step.trailingCount.address,
      UInt64(step.capacity), mailbox.pairs.address, mailbox.numbers.address,
      mailbox.counts.address,
      step.ring.memory.deviceAddress + UInt64(4 * CUDAFrameRing.header),
      step.ring.counter.address, step.ring.memory.deviceAddress,
    ]
    return words
  }
}
