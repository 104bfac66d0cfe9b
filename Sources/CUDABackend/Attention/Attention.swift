// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CachePrecision {
  /// Ending of the names of kernels that read or write such a cache.
  var suffix: String {
    switch self {
    case .float32: "f32"
    case .bfloat16: "bf16"
    }
  }
}

extension CUDABackend {
  static let attentionKernels = cacheKernels(["norm_rotate_append", "attention"])

  /// The names of kernels that exist for each way keys and values are kept.
  static func cacheKernels(_ names: [String]) -> [String] {
    names.flatMap { name in CachePrecision.allCases.map { "\(name)_\($0.suffix)" } }
  }

  package func qkNormRopeAppend(
    _ qkv: CUDATensor, _ layer: AttentionLayer<CUDATensor>, rows map: RowMap<CUDAIndices>,
    to cache: CacheLayer<CUDACache>
  ) throws(CUDAError) {
    let (shape, kept) = (layer.shape, cache.cache)
    precondition(
      shape.headDim % 32 == 0 && shape.headDim <= 256 && qkv.columns == shape.packedWidth)
    try launch(
      "norm_rotate_append_\(kept.precision.suffix)",
      grid: CUDAGrid(shape.headCount + 2 * shape.kvHeadCount, qkv.rows),
      block: shape.headDim, qkv.address, layer.queryNorm?.address ?? 0,
      layer.keyNorm?.address ?? 0, layer.epsilon, layer.inverseFrequencies.address,
      map.positions.address, Int32(map.positions.stride), map.slots.address,
      Int32(map.slots.stride), cache.keys.address, cache.values.address,
      Int32(shape.headCount), Int32(shape.kvHeadCount), Int32(shape.headDim),
      Int32(kept.capacity))
  }

  package func attention(
    _ qkv: CUDATensor, _ layer: AttentionLayer<CUDATensor>, rows map: RowMap<CUDAIndices>,
    cache: CacheLayer<CUDACache>, into out: CUDATensor
  ) throws(CUDAError) {
    let (shape, kept) = (layer.shape, cache.cache)
    precondition(shape.headDim % 32 == 0 && shape.headDim <= 256 && out.columns == shape.queryWidth)
    try launch(
      "attention_\(kept.precision.suffix)", grid: CUDAGrid(shape.headCount, qkv.rows),
      block: 256, qkv.address, map.positions.address, Int32(map.positions.stride),
      map.slots.address, Int32(map.slots.stride), cache.keys.address, cache.values.address,
      out.address, Int32(shape.headCount), Int32(shape.kvHeadCount), Int32(shape.headDim),
      Int32(layer.window ?? 0), Int32(kept.capacity))
  }

  /// `attentionStep` for two rows and more, the result in parts if wanted; false when the kernels do
  /// not take these shapes.
  func attendRows(
    _ qkv: CUDATensor, _ layer: AttentionLayer<CUDATensor>, rows map: RowMap<CUDAIndices>,
    cache: CacheLayer<CUDACache>, inParts: Bool, into out: CUDATensor
  ) throws(CUDAError) -> Bool {
    let (shape, kept) = (layer.shape, cache.cache)
    let group = shape.headCount / shape.kvHeadCount
    guard qkv.rows > 1, shape.headDim == 64 || shape.headDim == 128, 16 % group == 0 else {
      return false
    }
    precondition(qkv.columns == shape.packedWidth && out.columns == shape.queryWidth)
    let heads = shape.headCount + 2 * shape.kvHeadCount
    try launch(
      "rotate_heads_\(shape.headDim)_\(kept.precision.suffix)",
      grid: CUDAGrid((qkv.rows * heads + 3) / 4), block: 128,
      qkv.address, layer.queryNorm?.address ?? 0, layer.keyNorm?.address ?? 0, layer.epsilon,
      layer.inverseFrequencies.address, map.positions.address, Int32(map.positions.stride),
      map.slots.address, Int32(map.slots.stride), cache.keys.address, cache.values.address,
      Int32(qkv.rows), Int32(shape.headCount), Int32(shape.kvHeadCount), Int32(kept.capacity))
    let perBlock = 16 / group
    try launch(
      "attention_rows_\(shape.headDim)_\(kept.precision.suffix)",
      grid: CUDAGrid(shape.kvHeadCount, (qkv.rows + perBlock - 1) / perBlock), block: 128,
      qkv.address, map.positions.address, Int32(map.positions.stride), map.slots.address,
      Int32(map.slots.stride), cache.keys.address, cache.values.address, out.address,
      Int32(inParts ? 1 : 0), Int32(qkv.rows), Int32(shape.headCount), Int32(shape.kvHeadCount),
      Int32(layer.window ?? 0), Int32(kept.capacity))
    return true
  }
}

extension CacheLayer<CUDACache> {
  var keys: CUDATensor { cache.keys[layer] }
  var values: CUDATensor { cache.values[layer] }
}
