// SPDX-License-Identifier: MIT

import CKernelSources
package import CUDA
package import SpeechModel

/// One frame of one utterance as a single kernel (`FrameMegakernel.cu`): compiled for a model and a
/// device, with the addresses of everything that it reads and writes.
package final class CUDAFrameProgram {
  let kernel: CUDAKernel
  let shape: FrameShape
  /// The addresses, on the device.
  let pointers: CUDAIndices
  /// Kept alive: the pointers say where it is.
  private let mailbox: FrameMailbox

  init(kernel: CUDAKernel, shape: FrameShape, pointers: CUDAIndices, mailbox: FrameMailbox) {
    self.kernel = kernel
    self.shape = shape
    self.pointers = pointers
    self.mailbox = mailbox
  }
}

/// The memory through which the blocks of the frame kernel send each other results (Mailbox.cuh).
struct FrameMailbox {
  let tagged: CUDATensor
  let flagged: CUDATensor
  let epochs: CUDAIndices
}

/// Whether a frame runs as one kernel or as a graph of some hundreds.
package enum FrameKernel: Sendable {
  /// As one where that was measured to be faster: on devices of sm_90 (docs/performance.md).
  case automatic
  case off
  /// As one, with these macros, `NAME` or `NAME=VALUE`: `NO_BULK_COPIES` copies weights as
  /// on devices before sm_90.
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

extension FrameShape {
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
    return step.talker.cache.pages == nil && step.predictor.cache.precision == .float32
      && matrices.allSatisfy { $0.format == .stored(.bf16) }
  }
}

extension CUDABackend {
  package func promptRows(for count: Int) -> Int {
    let step = count <= 64 ? 8 : 32
    // Also where nothing is recorded: how a product is cut depends on its rows, and the sums on that.
    return (count + step - 1) / step * step
  }

  package func stepRows(for count: Int) -> Int {
    [1, 2, 4, 8, 16, 24, 32, 48, 64].first { $0 >= count } ?? (count + 63) / 64 * 64
  }

  /// Steps of different slots have kernels of their own.
  package var prefersRowsOfDifferentSlots: Bool { independentRows }

  package func codecFrames(for count: Int) -> Int {
    // An engine for one voice decodes chunks as they are: how a product is cut depends on its rows there.
    guard independentRows else { return count }
    return [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64].first { $0 >= count } ?? count
  }

  package func makeFrameProgram(
    _ step: FrameParameters<CUDABackend>
  ) throws(CUDAError) -> CUDAFrameProgram? {
    guard let frameDefinitions,
      let shape = FrameShape(
        step.configuration, talkerCache: step.talker.cache.precision, context),
      shape.takes(step)
    else { return nil }
    let image = try cache.image(shape.program(context, definitions: frameDefinitions))
    let name = "frame_step"
    let kernel = try CUDAModule(image: image, context).kernel(
      name, parameters: KernelSources.parameters(of: name), sharedBytes: shape.sharedBytes)
    let mailbox = FrameMailbox(
      tagged: try makeTensor(rows: shape.taggedCount, columns: 2),
      flagged: try makeTensor(rows: shape.flaggedCount, columns: 1),
      epochs: try makeIndices(count: 2))
    let table = pointers(step, shape.pointers, mailbox)
    let pointers = try makeIndices(count: 2 * table.count)
    try write(
      table.flatMap {
        [Int32(truncatingIfNeeded: $0), Int32(truncatingIfNeeded: $0 >> 32)]
      }, to: pointers)
    return CUDAFrameProgram(kernel: kernel, shape: shape, pointers: pointers, mailbox: mailbox)
  }

  package func makeFrame(
    _ program: CUDAFrameProgram, advancing: Bool
  ) throws(CUDAError) {
    try stream.launch(
      program.kernel, grid: program.shape.grid, block: program.shape.threads,
      sharedBytes: program.shape.sharedBytes, cooperative: true, program.pointers.address,
      Int32(advancing ? 1 : 0))
  }

  /// The addresses, where `FrameShape.h` lays them out.
  private func pointers(
    _ step: FrameParameters<CUDABackend>, _ layout: FramePointerLayout, _ mailbox: FrameMailbox
  ) -> [UInt64] {
    var table = [UInt64](repeating: 0, count: Int(layout.count))
    func put(_ address: UInt64?, _ index: Int, in start: Int32) {
      table[Int(start) + index] = address ?? 0
    }
    for (stack, layers, start) in [
      (step.talker, layout.talkerLayers, layout.talkerStack),
      (step.predictor, layout.predictorLayers, layout.predictorStack),
    ] {
      for (index, layer) in stack.layers.enumerated() {
        let own = layers + Int32(index * FRAME_LAYER_POINTERS)
        put(layer.qkv.address, FRAME_LAYER_QKV, in: own)
        put(layer.output.address, FRAME_LAYER_OUTPUT, in: own)
        put(layer.gateUp.address, FRAME_LAYER_GATE_UP, in: own)
        put(layer.down.address, FRAME_LAYER_DOWN, in: own)
        put(layer.inputNorm.address, FRAME_LAYER_INPUT_NORM, in: own)
        put(layer.postNorm.address, FRAME_LAYER_POST_NORM, in: own)
        put(layer.attention.queryNorm?.address, FRAME_LAYER_QUERY_NORM, in: own)
        put(layer.attention.keyNorm?.address, FRAME_LAYER_KEY_NORM, in: own)
      }
      put(stack.norm.address, FRAME_STACK_NORM, in: start)
      put(stack.inverseFrequencies.address, FRAME_STACK_FREQUENCIES, in: start)
      put(stack.cache.keys[0].address, FRAME_STACK_KEYS, in: start)
      put(stack.cache.values[0].address, FRAME_STACK_VALUES, in: start)
    }
    for (index, head) in step.heads.enumerated() { put(head.address, index, in: layout.heads) }
    for (index, embedding) in step.embeddings.enumerated() {
      put(embedding.address, index, in: layout.tables)
    }
    let own = layout.step
    put(step.projection?.weight.address, FRAME_PROJECTION, in: own)
    put(step.projection?.bias.address, FRAME_PROJECTION_BIAS, in: own)
    put(step.hidden.address, FRAME_HIDDEN_STATE, in: own)
    put(step.logits.address, FRAME_TALKER_LOGITS, in: own)
    put(step.predictorLogits.address, FRAME_PREDICTOR_LOGITS, in: own)
    put(step.codes.address, FRAME_CODES, in: own)
    put(step.positions.address, FRAME_POSITION, in: own)
    put(step.sampling.frame.address, FRAME_INDEX, in: own)
    put(step.sampling.settings.address, FRAME_SETTINGS, in: own)
    put(step.sampling.seen.address, FRAME_SEEN, in: own)
    put(step.text.address, FRAME_TEXT, in: own)
    put(step.trailing.address, FRAME_TRAILING, in: own)
    put(step.trailingCount.address, FRAME_TRAILING_COUNT, in: own)
    put(UInt64(step.capacity), FRAME_CAPACITY, in: own)
    put(mailbox.tagged.address, FRAME_TAGGED, in: own)
    put(mailbox.flagged.address, FRAME_FLAGGED, in: own)
    put(mailbox.epochs.address, FRAME_EPOCHS, in: own)
    put(
      step.ring.memory.deviceAddress + UInt64(4 * CUDAFrameRing.header), FRAME_RING, in: own)
    put(step.ring.counter.address, FRAME_RING_COUNTER, in: own)
    put(step.ring.memory.deviceAddress, FRAME_PUBLISHED, in: own)
    return table
  }
}
