// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

// The fused operations for one or two rows: the steps of decoding, which read every weight once. Other
// shapes take the bodies in `Backend+Fused.swift`, whose meaning is the same.

extension CUDABackend {
  /// What a streaming kernel does with its products.
  enum StreamKind: String {
    case store = "store"
    case add = "add"
    case normStore = "norm_store"
    case normSwiGLU = "norm_swiglu"

    /// Rows of the weight a block takes, by thousands of columns; none where there is no kernel.
    func rowsPerBlock(_ thousands: Int) -> Int? {
      switch (self, thousands) {
      case (_, 1): 16
      case (_, 2), (.add, 3): 8
      case (.add, 6): 4
      default: nil
      }
    }
  }

  static let streamKernels: [String] = [StreamKind.store, .add, .normStore, .normSwiGLU].flatMap {
    kind in
    [1, 2, 3, 6].filter { kind.rowsPerBlock($0) != nil }.flatMap { thousands in
      [1, 2].map { "stream_\(kind.rawValue)_\(thousands)_\($0)" }
    }
  }

  /// Positions a block of `attention_step` takes.
  static var attentionSpan: Int { 64 }
  /// Heads a cache has room to merge.
  static var mergedHeads: Int { 32 }

  /// Queues the streaming kernel for these shapes; false when there is none.
  func stream(
    _ kind: StreamKind, _ x: CUDATensor, norm: CUDATensor?, epsilon: Float, _ weight: CUDAMatrix,
    bias: CUDATensor?, into out: CUDATensor
  ) throws(CUDAError) -> Bool {
    guard streamsWeights, weight.suffix == "bf16", (1...2).contains(x.rows), x.columns % 1024 == 0,
      let rows = kind.rowsPerBlock(x.columns / 1024)
    else { return false }
    let own = kind == .normSwiGLU ? rows / 2 : rows
    try launch(
      "stream_\(kind.rawValue)_\(x.columns / 1024)_\(x.rows)",
      grid: CUDAGrid((out.columns + own - 1) / own), block: 128, x.address, norm?.address ?? 0,
      epsilon, weight.address, bias?.address ?? 0, out.address, Int32(out.columns))
    return true
  }

  package func rmsNormLinear(
    _ x: CUDATensor, norm: CUDATensor, epsilon: Float, weight: CUDAMatrix, scratch: CUDATensor,
    into out: CUDATensor
  ) throws(CUDAError) {
    precondition(x.columns == weight.columns && out.columns == weight.rows && x.rows == out.rows)
    if try stream(.normStore, x, norm: norm, epsilon: epsilon, weight, bias: nil, into: out) {
      return
    }
    try rmsNorm(x, weight: norm, epsilon: epsilon, into: scratch)
    try linear(scratch, weight, bias: nil, into: out)
  }

  package func rmsNormSwiGLU(
    _ x: CUDATensor, norm: CUDATensor, epsilon: Float, gateUp: CUDAMatrix, scratch: CUDATensor,
    wide: CUDATensor, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(
      x.columns == gateUp.columns && 2 * out.columns == gateUp.rows && x.rows == out.rows)
    if try stream(.normSwiGLU, x, norm: norm, epsilon: epsilon, gateUp, bias: nil, into: out) {
      return
    }
    try rmsNorm(x, weight: norm, epsilon: epsilon, into: scratch)
    try linear(scratch, gateUp, bias: nil, into: wide)
    try swiGLU(wide, into: out)
  }

  package func attentionStep(
    _ qkv: CUDATensor, shape: AttentionShape, queryNorm: CUDATensor?, keyNorm: CUDATensor?,
    epsilon: Float, inverseFrequencies: CUDATensor, window: Int?, positions: CUDAIndices,
    slots: CUDAIndices, layer: Int, cache: CUDACache, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(qkv.columns == shape.packedWidth && out.columns == shape.queryWidth)
    // Several rows may be one slot's, and then depend on each other's keys.
    guard streamsWeights, qkv.rows == 1, shape.headDim == 64 || shape.headDim == 128,
      shape.headCount <= Self.mergedHeads
    else {
      try normRotateAppend(
        qkv, shape: shape, queryNorm: queryNorm, keyNorm: keyNorm, epsilon: epsilon,
        inverseFrequencies: inverseFrequencies, positions: positions, slots: slots, layer: layer,
        cache: cache)
      return try attention(
        qkv, shape: shape, window: window, positions: positions, slots: slots, layer: layer,
        cache: cache, into: out)
    }
    let seen = min(window ?? cache.capacity, cache.capacity)
    try launch(
      "attention_step_\(shape.headDim)",
      grid: CUDAGrid(shape.headCount, (seen + Self.attentionSpan - 1) / Self.attentionSpan, 1),
      block: 256, qkv.address, queryNorm?.address ?? 0, keyNorm?.address ?? 0, epsilon,
      inverseFrequencies.address, positions.address, Int32(positions.stride), slots.address,
      Int32(slots.stride), cache.keys[layer].address, cache.values[layer].address, out.address,
      cache.partial.address, cache.finished.address, Int32(shape.headCount),
      Int32(shape.kvHeadCount), Int32(window ?? 0), Int32(cache.capacity))
  }
}
