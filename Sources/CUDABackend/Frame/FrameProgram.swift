// SPDX-License-Identifier: MIT

import CKernelSources
package import CUDA
package import SpeechModel

/// One frame of one utterance as a single kernel (`Frame.cu`): compiled for a model and a device, with
/// the addresses of everything that it reads and writes.
final class FrameProgram {
  /// Eight warps that compute, and one that copies.
  static let threads = 288

  let kernel: CUDAKernel
  let grid: CUDAGrid
  let sharedBytes: Int
  /// The addresses, on the device.
  let words: CUDAIndices

  init(kernel: CUDAKernel, grid: CUDAGrid, sharedBytes: Int, words: CUDAIndices) {
    (self.kernel, self.grid, self.sharedBytes, self.words) = (kernel, grid, sharedBytes, words)
  }
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
  package func macros(architecture: Int) -> [String]? {
    switch self {
    case .automatic: architecture == 90 ? [] : nil
    case .off: nil
    case .on(let macros): macros
    }
  }
}

extension FrameShape {
  /// Whether the kernel takes a step of the model, as its weights are stored.
  func takes(_ step: FrameStep<CUDABackend>) -> Bool {
    var matrices = [step.model.talker.head, step.model.talker.codecEmbedding]
    matrices += step.model.predictor.heads + step.model.predictor.embeddings
    if let projection = step.model.predictor.projection { matrices.append(projection.weight) }
    for stack in [step.model.talker.stack, step.model.predictor.stack] {
      guard stack.layers.allSatisfy({ $0.queryNorm != nil && $0.keyNorm != nil }) else {
        return false
      }
      matrices += stack.layers.flatMap { [$0.qkv, $0.output, $0.gateUp, $0.down] }
    }
    return step.slotCount == 1 && step.predictorWork.cache.precision == .float32
      && matrices.allSatisfy { $0.suffix == "bf16" }
  }
}

extension CUDABackend {
  package func prepare(_ step: FrameStep<CUDABackend>) throws(CUDAError) {
    guard let frameDefinitions,
      let shape = FrameShape(step.model.configuration, talkerCache: step.cache.precision, context),
      shape.takes(step)
    else { return }
    let image = try cache.image(shape.program(context, definitions: frameDefinitions))
    let kernel = try CUDAModule(image: image, context).kernel(
      "frame_step", parameters: [.pointer, .int32], sharedBytes: shape.sharedBytes)
    let words = try frameWords(step, shape)
    let place = try makeIndices(count: 2 * words.count)
    try write(
      words.flatMap {
        [Int32(truncatingIfNeeded: $0), Int32(truncatingIfNeeded: $0 >> 32)]
      }, to: place)
    framePrograms[step.codes.address] = FrameProgram(
      kernel: kernel, grid: shape.grid, sharedBytes: shape.sharedBytes, words: place)
  }

  package func framesFillDevice(_ step: FrameStep<CUDABackend>) -> Bool {
    framePrograms[step.codes.address] != nil
  }

  package func makeFrame(
    _ step: FrameStep<CUDABackend>, advancing: Bool
  ) throws(CUDAError) {
    guard let program = framePrograms[step.codes.address] else {
      if advancing { try step.advance() }
      return try step.makeCodes()
    }
    try stream.launch(
      program.kernel, grid: program.grid, block: FrameProgram.threads,
      sharedBytes: program.sharedBytes, cooperative: true, program.words.address,
      Int32(advancing ? 1 : 0))
  }

  /// The addresses in the order of the kernel's enumeration.
  private func frameWords(
    _ step: FrameStep<CUDABackend>, _ shape: FrameShape
  ) throws(CUDAError) -> [UInt64] {
    let (talker, predictor) = (step.model.talker, step.model.predictor)
    let work = step.predictorWork
    let pairs = try makeTensor(rows: shape.taggedCount, columns: 2)
    let numbers = try makeTensor(rows: shape.flaggedCount, columns: 1)
    let counts = try makeIndices(count: 2)
    var words: [UInt64] = []
    for layer in talker.stack.layers + predictor.stack.layers {
      words += [layer.qkv, layer.output, layer.gateUp, layer.down].map(\.address)
      words += [layer.inputNorm.address, layer.postNorm.address]
      words += [layer.queryNorm?.address ?? 0, layer.keyNorm?.address ?? 0]
    }
    words += ([talker.head] + predictor.heads).map(\.address)
    words += ([talker.codecEmbedding] + predictor.embeddings).map(\.address)
    for (stack, cache) in [(talker.stack, step.cache), (predictor.stack, work.cache)] {
      words += [stack.norm.address, stack.inverseFrequencies.address]
      words += [cache.keys[0].address, cache.values[0].address]
    }
    words += [
      predictor.projection?.weight.address ?? 0, predictor.projection?.bias.address ?? 0,
      step.hidden.address, step.logits.address, work.logits.address, step.codes.address,
      step.positions.address, step.sampling.frame.address, step.sampling.settings.address,
      step.sampling.seen.address, step.trailing.address, step.trailingCount.address,
      UInt64(step.capacity), pairs.address, numbers.address, counts.address,
      step.ring.memory.deviceAddress + UInt64(4 * CUDAFrameRing.header),
      step.ring.counter.address, step.ring.memory.deviceAddress,
    ]
    precondition(words.count == Int(shape.pointers.count), "an address for each word")
    return words
  }
}
