// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func copy(_ source: CUDATensor, into out: CUDATensor) throws(CUDAError) {
    precondition(source.count == out.count, "a copy keeps its size")
    try launch("copy", over: out.count, source.address, out.address, out.count)
  }

  package func copy(_ cache: CUDACache, slot: Int, into other: Int) throws(CUDAError) {
    precondition(cache.pages == nil && slot != other, "two slots of a cache without pages")
    let (blocks, pitch) = (2 * cache.keys.count, cache.keys[0].count)
    let count = cache.capacity * cache.all.columns
    precondition(slot >= 0 && other >= 0 && (max(slot, other) + 1) * count <= pitch)
    try launch(
      "copy_slot", over: blocks * count, cache.all.address, blocks, pitch, slot * count,
      other * count, count)
  }
}
