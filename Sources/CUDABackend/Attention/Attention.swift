// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CacheLayer<CUDACache> {
  /// Keys of the layer.
  var keys: CUDATensor { cache.keys[layer] }
  /// Values of the layer.
  var values: CUDATensor { cache.values[layer] }
}

extension CUDABackend {
  package func attention(
    _ qkv: CUDATensor, _ layer: AttentionLayer<CUDATensor>, rows map: RowMap<CUDAIndices>,
    cache: CacheLayer<CUDACache>, into out: CUDATensor
  ) throws(CUDAError) {
    let (shape, stored) = (layer.shape, cache.cache)
    precondition(shape.headDim % 32 == 0 && shape.headDim <= 256 && out.columns == shape.queryWidth)
    try launch(
      "attention_\(stored.precision.element)", grid: CUDAGrid(shape.headCount, qkv.rows),
      block: 256, qkv.address, map.positions.address, Int32(map.positions.stride),
      map.slots.address, Int32(map.slots.stride), cache.keys.address, cache.values.address,
      out.address, Int32(shape.headCount), Int32(shape.kvHeadCount), Int32(shape.headDim),
      Int32(layer.window ?? 0), Int32(stored.capacity), stored.pagesAddress)
  }

  package func attentionStep(
    _ qkv: CUDATensor, _ layer: AttentionLayer<CUDATensor>, rows map: RowMap<CUDAIndices>,
    cache: CacheLayer<CUDACache>, into out: CUDATensor
  ) throws(CUDAError) {
    let (shape, stored) = (layer.shape, cache.cache)
    precondition(qkv.columns == shape.packedWidth && out.columns == shape.queryWidth)
    guard isDecodeStep(qkv, shape) else {
      if try flashAttention(qkv, layer, rows: map, cache: cache, isSplit: false, into: out) {
        return
      }
      try qkNormRopeAppend(qkv, layer, rows: map, to: cache)
      return try attention(qkv, layer, rows: map, cache: cache, into: out)
    }
    try launch(
      "decode_attention_\(shape.headDim)_\(stored.precision.element)",
      grid: CUDAGrid(shape.headCount),
      block: 256, qkv.address, layer.queryNorm?.address ?? 0, layer.keyNorm?.address ?? 0,
      layer.epsilon, layer.inverseFrequencies.address, map.positions.address, map.slots.address,
      cache.keys.address, cache.values.address, out.address, UInt64(0), UInt64(0),
      Int32(shape.headCount), Int32(shape.kvHeadCount), Int32(layer.window ?? 0),
      Int32(stored.capacity), stored.pagesAddress)
  }

  /// `attentionStep` for a row of each of some slots, the result as split rows; each row's as if it were
  /// alone.
  ///
  /// - Precondition: `hasBatchAttention`.
  func batchAttention(
    _ qkv: CUDATensor, _ layer: AttentionLayer<CUDATensor>, rows map: RowMap<CUDAIndices>,
    cache: CacheLayer<CUDACache>, into out: SplitRows
  ) throws(CUDAError) {
    let (shape, stored) = (layer.shape, cache.cache)
    precondition(map.positions.stride == 1 && map.slots.stride == 1, "adjacent rows")
    precondition(qkv.columns == shape.packedWidth && out.columns == shape.queryWidth)
    let isPaired = shape.headCount == 2 * shape.kvHeadCount
    if isPaired, stored.pagesAddress == 0, stored.capacity <= Self.passPositions,
      stored.precision == .float32, layer.window == nil, let queryNorm = layer.queryNorm,
      let keyNorm = layer.keyNorm
    {
      return try launch(
        "pass_attention_\(shape.headDim)",
        grid: CUDAGrid((shape.kvHeadCount + 3) / 4, qkv.rows), block: 128, qkv.address,
        queryNorm.address, keyNorm.address, layer.epsilon, layer.inverseFrequencies.address,
        map.positions.address, map.slots.address, cache.keys.address, cache.values.address,
        out.address, Int32(shape.kvHeadCount), Int32(stored.capacity))
    }
    try launch(
      "decode_attention\(isPaired ? "_pairs" : "")_\(shape.headDim)_\(stored.precision.element)",
      grid: CUDAGrid(isPaired ? shape.kvHeadCount : shape.headCount, 1, qkv.rows), block: 256,
      qkv.address, layer.queryNorm?.address ?? 0, layer.keyNorm?.address ?? 0, layer.epsilon,
      layer.inverseFrequencies.address, map.positions.address, map.slots.address,
      cache.keys.address, cache.values.address, UInt64(0), UInt64(0), out.address,
      Int32(shape.headCount), Int32(shape.kvHeadCount), Int32(layer.window ?? 0),
      Int32(stored.capacity), stored.pagesAddress)
  }

  /// Whether `batchAttention` takes a layer's shape.
  func hasBatchAttention(_ shape: AttentionShape) -> Bool {
    shape.headDim == 64 || shape.headDim == 128
  }

  package func attentionLinearAdd(
    _ qkv: CUDATensor, _ layer: AttentionLayer<CUDATensor>, rows map: RowMap<CUDAIndices>,
    cache: CacheLayer<CUDACache>, attended: CUDATensor, weight: CUDAMatrix, scale: CUDATensor?,
    into out: CUDATensor
  ) throws(CUDAError) {
    let (shape, stored) = (layer.shape, cache.cache)
    let columns = weight.columns
    guard isDecodeStep(qkv, shape), scale == nil, weight.format == .stored(.bf16),
      columns == 1024 || columns == 2048, shape.headCount <= Self.mostAttentionHeads
    else {
      // A split weight has a kernel for few rows.
      if !weight.isSplit || qkv.rows > 4 || independentRows, weight.gemmLayout != nil,
        try flashAttention(qkv, layer, rows: map, cache: cache, isSplit: true, into: attended)
      {
        return try gemm(
          SplitRows(attended), weight,
          GEMMEpilogue(scale: scale, flags: .accumulate, out: out))
      }
      try attentionStep(qkv, layer, rows: map, cache: cache, into: attended)
      return try linearAdd(attended, weight, bias: nil, scale: scale, into: out)
    }
    let seen = min(layer.window ?? stored.capacity, stored.capacity)
    let blocks = min(Self.mostAttentionBlocks, (seen + Self.attentionSpan - 1) / Self.attentionSpan)
    let stats = stored.partial.address + UInt64(4 * shape.headCount * blocks * shape.headDim)
    try launch(
      "decode_attention_split_\(shape.headDim)_\(stored.precision.element)",
      grid: CUDAGrid(shape.headCount, blocks), block: 256,
      qkv.address, layer.queryNorm?.address ?? 0, layer.keyNorm?.address ?? 0, layer.epsilon,
      layer.inverseFrequencies.address, map.positions.address, map.slots.address,
      cache.keys.address, cache.values.address, stored.partial.address, stats, UInt64(0),
      Int32(shape.headCount), Int32(shape.kvHeadCount), Int32(layer.window ?? 0),
      Int32(stored.capacity), stored.pagesAddress)
    try launch(
      "gemv_merge_add_\(columns / 1024)", grid: CUDAGrid((out.columns + 7) / 8), block: 128,
      stored.partial.address, stats, map.positions.address, Int32(blocks),
      Int32(layer.window ?? 0), Int32(shape.headDim), weight.address, out.address,
      Int32(out.columns))
  }

  /// `attentionStep` for two rows and more, or for any number of independent ones, the result as split
  /// rows if wanted; false when the kernels do not take these shapes.
  private func flashAttention(
    _ qkv: CUDATensor, _ layer: AttentionLayer<CUDATensor>, rows map: RowMap<CUDAIndices>,
    cache: CacheLayer<CUDACache>, isSplit: Bool, into out: CUDATensor
  ) throws(CUDAError) -> Bool {
    let (shape, stored) = (layer.shape, cache.cache)
    let group = shape.headCount / shape.kvHeadCount
    guard qkv.rows > 1 || independentRows, shape.headDim == 64 || shape.headDim == 128,
      16 % group == 0
    else {
      return false
    }
    precondition(qkv.columns == shape.packedWidth && out.columns == shape.queryWidth)
    let heads = shape.headCount + 2 * shape.kvHeadCount
    try launch(
      "qk_norm_rope_append_heads_\(shape.headDim)_\(stored.precision.element)",
      grid: CUDAGrid((qkv.rows * heads + 3) / 4), block: 128,
      qkv.address, layer.queryNorm?.address ?? 0, layer.keyNorm?.address ?? 0, layer.epsilon,
      layer.inverseFrequencies.address, map.positions.address, Int32(map.positions.stride),
      map.slots.address, Int32(map.slots.stride), cache.keys.address, cache.values.address,
      Int32(qkv.rows), Int32(shape.headCount), Int32(shape.kvHeadCount), Int32(stored.capacity),
      stored.pagesAddress)
    // A block walks the slots of its rows one after the other.
    let perBlock = map.haveSlotsOfTheirOwn ? 1 : 16 / group
    try launch(
      "flash_attention_\(shape.headDim)_\(stored.precision.element)",
      grid: CUDAGrid(shape.kvHeadCount, (qkv.rows + perBlock - 1) / perBlock), block: 128,
      qkv.address, map.positions.address, Int32(map.positions.stride), map.slots.address,
      Int32(map.slots.stride), cache.keys.address, cache.values.address, out.address,
      Int32(isSplit ? 1 : 0), Int32(qkv.rows), Int32(perBlock), Int32(shape.headCount),
      Int32(shape.kvHeadCount), Int32(layer.window ?? 0), Int32(stored.capacity),
      stored.pagesAddress)
    return true
  }

  /// Whether the attention kernels for a step of one row take these shapes. Several rows may be one
  /// slot's, and then depend on each other's keys.
  private func isDecodeStep(_ qkv: CUDATensor, _ shape: AttentionShape) -> Bool {
    streamsWeights && !independentRows && qkv.rows == 1
      && (shape.headDim == 64 || shape.headDim == 128)
  }

  /// The most positions of a slot in `PassAttention.cu`; twin of `PASS_POSITIONS`.
  static var passPositions: Int { 16 }

  // MARK: Decode attention split over blocks (SplitAttention.cuh)

  /// Positions that a block takes at a time.
  static var attentionSpan: Int { 64 }
  /// The most blocks that share a head.
  static var mostAttentionBlocks: Int { 8 }
  /// The most heads whose blocks leave something to merge.
  static var mostAttentionHeads: Int { 64 }
  /// Room for what the blocks leave: sums of `headDim` elements, and two more each.
  static var attentionPartials: Int { mostAttentionHeads * mostAttentionBlocks * (128 + 2) }
}
