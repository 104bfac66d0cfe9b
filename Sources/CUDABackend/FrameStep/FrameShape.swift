// SPDX-License-Identifier: MIT

import CKernelSources
import CUDA
import SpeechModel

/// A model on a device as the frame kernel is compiled for it, where the kernel takes it.
///
/// What follows from the shape is computed in `FrameShape.h`, which the kernel compiles too.
struct FrameShape {
  private let shape: FrameKernelShape
  private let talker: TransformerConfiguration
  private let predictor: TransformerConfiguration
  private let rule: SamplingRule
  /// How the talker's keys and values are cached; the predictor's are F32.
  private let talkerCache: CachePrecision
  /// Shared memory that a block may have on the device.
  private let sharedBytesPerBlock: Int

  /// `nil` when the model or the device does not fit the kernel.
  init?(
    _ configuration: ModelConfiguration, talkerCache: CachePrecision = .bfloat16,
    _ context: CUDAContext
  ) {
    talker = configuration.talker.transformer
    predictor = configuration.predictor.transformer
    rule = .talker(configuration.talker)
    self.talkerCache = talkerCache
    sharedBytesPerBlock = context.sharedBytesPerBlock
    let grid = context.multiprocessorCount
    let codebookCount = configuration.talker.codebookCount
    let vocabularies = [configuration.talker.vocabularySize, configuration.predictor.codebookSize]
    for stack in [talker, predictor] {
      let widths = [stack.hiddenSize, stack.queryWidth, stack.intermediateSize]
      guard widths.allSatisfy({ $0 % 1024 == 0 }), stack.headDim == Int(FRAME_HEAD),
        stack.headCount == 2 * stack.kvHeadCount, stack.kvHeadCount <= grid, stack.window == nil
      else { return nil }
      // Each block computes some of the queries and activations; see Mailbox.cuh.
      guard stack.attention.packedWidth >= 8 * grid, stack.intermediateSize >= 8 * grid else {
        return nil
      }
    }
    // And some of the scores.
    guard vocabularies.allSatisfy({ $0 >= 8 * grid && $0 % 8 == 0 && $0 <= 4096 }),
      context.launchesCooperatively, context.architecture.number >= 80,
      (2...32).contains(codebookCount)
    else { return nil }
    shape = FrameKernelShape(
      talker: FrameStackShape(talker, vocabulary: vocabularies[0]),
      predictor: FrameStackShape(predictor, vocabulary: vocabularies[1]),
      codebooks: Int32(codebookCount), grid: Int32(grid))
    guard frameStages(shape, Int32(sharedBytesPerBlock)) >= Int32(FRAME_FEWEST_STAGES) else {
      return nil
    }
  }

  /// One block per SM.
  var grid: CUDAGrid { CUDAGrid(Int(shape.grid)) }
  /// The warps that compute, and the one that copies.
  var threads: Int { Int(FRAME_THREADS) + 32 }
  /// Dynamic shared memory of a launch.
  var sharedBytes: Int { Int(frameSharedBytes(shape, Int32(sharedBytesPerBlock))) }
  /// Where the kernel looks for the addresses of everything that it reads and writes.
  var pointers: FramePointerLayout { framePointerLayout(shape) }
  /// Values with a tag that travel between SMs, 64 bits each.
  var taggedCount: Int { Int(frameTaggedLayout(shape).count) }
  /// Values with a flag that travel between SMs, all copies.
  var flaggedCount: Int { Int(FRAME_COPIES) * Int(frameFlaggedCount(shape)) }

  /// The kernel for the model on the device, with options of its own.
  func program(_ context: CUDAContext, definitions: [String]) -> KernelProgram {
    KernelSources.program(
      KernelSources.frameProgram, options: context.compilerOptions + definitions + options)
  }

  /// Options that define what `FrameConstants.cuh` asks for.
  private var options: [String] {
    stackOptions("T", shape.talker, epsilon: talker.normEpsilon, cache: talkerCache)
      + stackOptions("P", shape.predictor, epsilon: predictor.normEpsilon, cache: .float32)
      + [
        "PROJECTED=\(talker.hiddenSize == predictor.hiddenSize ? 0 : 1)",
        "CODEBOOKS=\(shape.codebooks)", "GRID=\(shape.grid)",
        "SHARED_BYTES_PER_BLOCK=\(sharedBytesPerBlock)", "RING_DEPTH=\(CUDAFrameRing.depth)",
        "END_TOKEN=\(rule.endToken ?? -1)", "SUPPRESSED_START=\(rule.suppressed.lowerBound)",
        "SUPPRESSED_END=\(rule.suppressed.upperBound)", "MINIMUM_TOKENS=\(rule.minimumTokens)",
      ].map { "-D\($0)" }
  }

  private func stackOptions(
    _ prefix: String, _ stack: FrameStackShape, epsilon: Float, cache: CachePrecision
  ) -> [String] {
    [
      "HIDDEN=\(stack.hidden)", "QUERY=\(stack.query)", "KV=\(stack.kv)", "INNER=\(stack.inner)",
      "LAYERS=\(stack.layers)", "VOCABULARY=\(stack.vocabulary)", "EPSILON=\(epsilon)f",
      "CACHE=\(cache.element.rawValue.uppercased())",
    ].map { "-D\(prefix)_\($0)" }
  }
}

extension FrameStackShape {
  init(_ stack: TransformerConfiguration, vocabulary: Int) {
    self.init(
      hidden: Int32(stack.hiddenSize), query: Int32(stack.queryWidth), kv: Int32(stack.kvWidth),
      inner: Int32(stack.intermediateSize), layers: Int32(stack.layerCount),
      vocabulary: Int32(vocabulary))
  }
}
