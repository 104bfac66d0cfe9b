// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

extension CUDABackend {
  package func normRotateAppend(
    _ qkv: CUDATensor, shape: AttentionShape, queryNorm: CUDATensor?, keyNorm: CUDATensor?,
    epsilon: Float, inverseFrequencies: CUDATensor, positions: CUDAIndices, slots: CUDAIndices,
    layer: Int, cache: CUDACache
  ) throws(CUDAError) {
    precondition(
      shape.headDim % 32 == 0 && shape.headDim <= 256 && qkv.columns == shape.packedWidth)
    try launch(
      "norm_rotate_append", grid: CUDAGrid(shape.headCount + 2 * shape.kvHeadCount, qkv.rows),
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
      "attention", grid: CUDAGrid(shape.headCount, qkv.rows), block: 256, qkv.address,
      positions.address, Int32(positions.stride), slots.address, Int32(slots.stride),
      cache.keys[layer].address, cache.values[layer].address, out.address,
      Int32(shape.headCount), Int32(shape.kvHeadCount), Int32(shape.headDim), Int32(window ?? 0),
      Int32(cache.capacity))
  }
}
