// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

// The fused operations for one or two rows: the steps of decoding, which read every weight once. Other
// shapes take the bodies in `Backend+Fused.swift`, whose meaning is the same.

extension CUDABackend {
  /// What a streaming kernel does with its products.
  enum StreamKind: String, CaseIterable {
    case store = "store"
    case add = "add"
    case normStore = "norm_store"
    case normSwiGLU = "norm_swiglu"

    /// Outputs of a block of 128 threads, for so many thousand columns; `nil`: no kernel.
    func outputsPerBlock(_ thousands: Int) -> Int? {
      switch (self, thousands) {
      case (.store, 1), (.normStore, 1): 16
      case (.normSwiGLU, 1), (.store, 2), (.normStore, 2), (.add, 1...3): 8
      case (.normSwiGLU, 2), (.add, 6): 4
      default: nil
      }
    }
  }

  /// Positions a block of attention takes at a time.
  static var span: Int { 64 }
  /// The most blocks that share a head.
  static var mostBlocks: Int { 8 }
  /// The most heads whose blocks leave something to merge.
  static var mostHeads: Int { 64 }
  /// Room for what blocks of attention leave: sums of `width` numbers, two more each.
  static var attentionRoom: Int { mostHeads * mostBlocks * (128 + 2) }

  /// Queues the streaming kernel for these shapes; false when there is none.
  func stream(
    _ kind: StreamKind, _ x: CUDATensor, norm: CUDATensor?, epsilon: Float, _ weight: CUDAMatrix,
    bias: CUDATensor?, into out: CUDATensor
  ) throws(CUDAError) -> Bool {
    let thousands = x.columns / 1024
    guard streamsWeights, weight.suffix == "bf16", x.columns % 1024 == 0,
      let outputs = kind.outputsPerBlock(thousands), x.rows == 1 || x.rows == 2 && thousands < 6
    else { return false }
    try launch(
      "gemv_\(kind.rawValue)_\(thousands)_\(x.rows)",
      grid: CUDAGrid((out.columns + outputs - 1) / outputs), block: 128,
      x.address, norm?.address ?? 0, epsilon, weight.address, bias?.address ?? 0, out.address,
      Int32(out.columns))
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
    if try rmsNormProduct(x, norm: norm, epsilon: epsilon, weight, scratch: scratch, into: out) {
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

  /// Whether the attention kernels for a step of one row take these shapes. Several rows may be one
  /// slot's, and then depend on each other's keys.
  private func isStep(_ qkv: CUDATensor, _ shape: AttentionShape) -> Bool {
    streamsWeights && qkv.rows == 1 && (shape.headDim == 64 || shape.headDim == 128)
  }

  package func attentionStep(
    _ qkv: CUDATensor, shape: AttentionShape, queryNorm: CUDATensor?, keyNorm: CUDATensor?,
    epsilon: Float, inverseFrequencies: CUDATensor, window: Int?, positions: CUDAIndices,
    slots: CUDAIndices, layer: Int, cache: CUDACache, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(qkv.columns == shape.packedWidth && out.columns == shape.queryWidth)
    guard isStep(qkv, shape) else {
      if try attendRows(
        qkv, shape: shape, queryNorm: queryNorm, keyNorm: keyNorm, epsilon: epsilon,
        inverseFrequencies: inverseFrequencies, window: window, positions: positions,
        slots: slots, layer: layer, cache: cache, inParts: false, into: out)
      {
        return
      }
      try normRotateAppend(
        qkv, shape: shape, queryNorm: queryNorm, keyNorm: keyNorm, epsilon: epsilon,
        inverseFrequencies: inverseFrequencies, positions: positions, slots: slots, layer: layer,
        cache: cache)
      return try attention(
        qkv, shape: shape, window: window, positions: positions, slots: slots, layer: layer,
        cache: cache, into: out)
    }
    try launch(
      "decode_attention_\(shape.headDim)_\(cache.precision.suffix)", grid: CUDAGrid(shape.headCount),
      block: 256, qkv.address,
      queryNorm?.address ?? 0, keyNorm?.address ?? 0, epsilon, inverseFrequencies.address,
      positions.address, slots.address, cache.keys[layer].address, cache.values[layer].address,
      out.address, UInt64(0), Int32(shape.headCount), Int32(shape.kvHeadCount),
      Int32(window ?? 0), Int32(cache.capacity))
  }

  package func attentionLinearAdd(
    _ qkv: CUDATensor, shape: AttentionShape, queryNorm: CUDATensor?, keyNorm: CUDATensor?,
    epsilon: Float, inverseFrequencies: CUDATensor, window: Int?, positions: CUDAIndices,
    slots: CUDAIndices, layer: Int, cache: CUDACache, attended: CUDATensor, weight: CUDAMatrix,
    scale: CUDATensor?, into out: CUDATensor
  ) throws(CUDAError) {
    let columns = weight.columns
    guard isStep(qkv, shape), scale == nil, weight.suffix == "bf16",
      columns == 1024 || columns == 2048, shape.headCount <= Self.mostHeads
    else {
      if weight.packed == nil || qkv.rows > 4, packing(weight) != nil,
        try attendRows(
          qkv, shape: shape, queryNorm: queryNorm, keyNorm: keyNorm, epsilon: epsilon,
          inverseFrequencies: inverseFrequencies, window: window, positions: positions,
          slots: slots, layer: layer, cache: cache, inParts: true, into: attended)
      {
        return try product(
          PartRows(attended), weight,
          ProductEnd(scale: scale, flags: .accumulate, out: out))
      }
      try attentionStep(
        qkv, shape: shape, queryNorm: queryNorm, keyNorm: keyNorm, epsilon: epsilon,
        inverseFrequencies: inverseFrequencies, window: window, positions: positions,
        slots: slots, layer: layer, cache: cache, into: attended)
      return try linearAdd(attended, weight, bias: nil, scale: scale, into: out)
    }
    let seen = min(window ?? cache.capacity, cache.capacity)
    let blocks = min(Self.mostBlocks, (seen + Self.span - 1) / Self.span)
    let stats = cache.partial.address + UInt64(4 * shape.headCount * blocks * shape.headDim)
    try launch(
      "decode_attention_split_\(shape.headDim)_\(cache.precision.suffix)",
      grid: CUDAGrid(shape.headCount, blocks), block: 256,
      qkv.address, queryNorm?.address ?? 0, keyNorm?.address ?? 0, epsilon,
      inverseFrequencies.address, positions.address, slots.address, cache.keys[layer].address,
      cache.values[layer].address, cache.partial.address, stats, Int32(shape.headCount),
      Int32(shape.kvHeadCount), Int32(window ?? 0), Int32(cache.capacity))
    try launch(
      "gemv_merge_add_\(columns / 1024)", grid: CUDAGrid((out.columns + 7) / 8), block: 128,
      cache.partial.address, stats, positions.address, Int32(blocks), Int32(window ?? 0),
      Int32(shape.headDim), weight.address, out.address, Int32(out.columns))
  }
}
