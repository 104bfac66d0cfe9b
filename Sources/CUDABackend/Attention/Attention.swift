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
  package func normRotateAppend(
    _ qkv: CUDATensor, shape: AttentionShape, queryNorm: CUDATensor?, keyNorm: CUDATensor?,
    epsilon: Float, inverseFrequencies: CUDATensor, positions: CUDAIndices, slots: CUDAIndices,
    layer: Int, cache: CUDACache
  ) throws(CUDAError) {
    precondition(
      shape.headDim % 32 == 0 && shape.headDim <= 256 && qkv.columns == shape.packedWidth)
    try launch(
      "qk_norm_rope_append_\(cache.precision.suffix)",
      grid: CUDAGrid(shape.headCount + 2 * shape.kvHeadCount, qkv.rows),
      block: shape.headDim, qkv.address, queryNorm?.address ?? 0, keyNorm?.address ?? 0, epsilon,
      inverseFrequencies.address, positions.address, Int32(positions.stride), slots.address,
      Int32(slots.stride), cache.keys[layer].address, cache.values[layer].address,
      Int32(shape.headCount), Int32(shape.kvHeadCount), Int32(shape.headDim),
      Int32(cache.capacity))
  }

  package func attention(
    _ qkv: CUDATensor, shape: AttentionShape, window: Int?, positions: CUDAIndices,
    slots: CUDAIndices, layer: Int, cache: CUDACache, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(shape.headDim % 32 == 0 && shape.headDim <= 256 && out.columns == shape.queryWidth)
    try launch(
      "attention_\(cache.precision.suffix)", grid: CUDAGrid(shape.headCount, qkv.rows),
      block: 256, qkv.address, positions.address, Int32(positions.stride), slots.address,
      Int32(slots.stride),
      cache.keys[layer].address, cache.values[layer].address, out.address,
      Int32(shape.headCount), Int32(shape.kvHeadCount), Int32(shape.headDim), Int32(window ?? 0),
      Int32(cache.capacity))
  }

  /// `attentionStep` for two rows and more, the result in parts if wanted; false when the kernels do
  /// not take these shapes.
  func attendRows(
    _ qkv: CUDATensor, shape: AttentionShape, queryNorm: CUDATensor?, keyNorm: CUDATensor?,
    epsilon: Float, inverseFrequencies: CUDATensor, window: Int?, positions: CUDAIndices,
    slots: CUDAIndices, layer: Int, cache: CUDACache, inParts: Bool, into out: CUDATensor
  ) throws(CUDAError) -> Bool {
    let group = shape.headCount / shape.kvHeadCount
    guard qkv.rows > 1, shape.headDim == 64 || shape.headDim == 128, 16 % group == 0 else {
      return false
    }
    precondition(qkv.columns == shape.packedWidth && out.columns == shape.queryWidth)
    let heads = shape.headCount + 2 * shape.kvHeadCount
    try launch(
      "qk_norm_rope_append_heads_\(shape.headDim)_\(cache.precision.suffix)",
      grid: CUDAGrid((qkv.rows * heads + 3) / 4), block: 128,
      qkv.address, queryNorm?.address ?? 0, keyNorm?.address ?? 0, epsilon,
      inverseFrequencies.address, positions.address, Int32(positions.stride), slots.address,
      Int32(slots.stride), cache.keys[layer].address, cache.values[layer].address,
      Int32(qkv.rows), Int32(shape.headCount), Int32(shape.kvHeadCount), Int32(cache.capacity))
    let perBlock = 16 / group
    try launch(
      "flash_attention_\(shape.headDim)_\(cache.precision.suffix)",
      grid: CUDAGrid(shape.kvHeadCount, (qkv.rows + perBlock - 1) / perBlock), block: 128,
      qkv.address, positions.address, Int32(positions.stride), slots.address, Int32(slots.stride),
      cache.keys[layer].address, cache.values[layer].address, out.address,
      Int32(inParts ? 1 : 0), Int32(qkv.rows), Int32(shape.headCount), Int32(shape.kvHeadCount),
      Int32(window ?? 0), Int32(cache.capacity))
    return true
  }
}
