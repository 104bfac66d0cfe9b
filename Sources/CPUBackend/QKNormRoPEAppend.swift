// SPDX-License-Identifier: MIT

package import SpeechModel

import CCPUKernels

extension CPUBackend {
  package func qkNormRopeAppend(
    _ qkv: CPUTensor, _ layer: AttentionLayer<CPUTensor>, rows map: RowMap<CPUIndices>,
    to cache: CacheLayer<CPUCache>
  ) {
    let (shape, kept) = (layer.shape, cache.cache)
    let positions = map.positions.values
    let rows = (0..<qkv.rows).map { row in
      Int64(kept.row(slot: Int(map.slots[row]), position: Int(positions[row])))
    }
    qt_norm_rotate_append(
      qkv.base, Int32(qkv.rows), Int32(shape.headCount), Int32(shape.kvHeadCount),
      Int32(shape.headDim), layer.queryNorm.map { UnsafePointer($0.base) },
      layer.keyNorm.map { UnsafePointer($0.base) }, layer.epsilon, layer.inverseFrequencies.base,
      positions, rows, kept.keys[cache.layer].base, kept.values[cache.layer].base,
      kept.elementType)
  }
}
