// SPDX-License-Identifier: MIT

package import SpeechModel

import CCPUKernels

extension CPUBackend {
  package func attention(
    _ qkv: CPUTensor, _ layer: AttentionLayer<CPUTensor>, rows map: RowMap<CPUIndices>,
    cache: CacheLayer<CPUCache>, into out: CPUTensor
  ) {
    let (shape, kept) = (layer.shape, cache.cache)
    let last = map.positions.values
    let longest = min(layer.window ?? Int.max, Int(last.max() ?? 0) + 1)
    precondition(longest <= kept.capacity, "the cache holds what a query sees")
    let slots = map.slots.values
    kept.withPages { pages in
      qt_attention(
        qkv.base, Int32(qkv.rows), Int32(shape.headCount), Int32(shape.kvHeadCount),
        Int32(shape.headDim), Int32(layer.window ?? 0), last, slots, pages,
        kept.keys[cache.layer].base, kept.values[cache.layer].base,
        kept.elementType, reserveScores(qkv.rows * shape.headCount * longest), longest, out.base)
    }
  }
}
