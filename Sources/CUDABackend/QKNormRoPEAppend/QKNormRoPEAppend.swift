// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  package func qkNormRopeAppend(
    _ qkv: CUDATensor, _ layer: AttentionLayer<CUDATensor>, rows map: RowMap<CUDAIndices>,
    to cache: CacheLayer<CUDACache>
  ) throws(CUDAError) {
    let (shape, stored) = (layer.shape, cache.cache)
    precondition(
      shape.headDim % 32 == 0 && shape.headDim <= 256 && qkv.columns == shape.packedWidth)
    try launch(
      "qk_norm_rope_append_\(stored.precision.element)",
      grid: CUDAGrid(shape.headCount + 2 * shape.kvHeadCount, qkv.rows),
      block: shape.headDim, qkv.address, layer.queryNorm?.address ?? 0,
      layer.keyNorm?.address ?? 0, layer.epsilon, layer.inverseFrequencies.address,
      map.positions.address, Int32(map.positions.stride), map.slots.address,
      Int32(map.slots.stride), cache.keys.address, cache.values.address,
      Int32(shape.headCount), Int32(shape.kvHeadCount), Int32(shape.headDim),
      Int32(stored.capacity), stored.pagesAddress)
  }
}
