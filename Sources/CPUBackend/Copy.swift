// SPDX-License-Identifier: MIT

extension CPUBackend {
  package func copy(_ source: CPUTensor, into out: CPUTensor) {
    precondition(source.count == out.count, "a copy keeps its size")
    out.base.update(from: source.base, count: source.count)
  }

  package func copy(_ cache: CPUCache, slot: Int, into other: Int) {
    precondition(cache.pages == nil && slot != other, "two slots of a cache without pages")
    for layer in cache.keys + cache.values {
      (layer.base + other * cache.byteCount).copyMemory(
        from: layer.base + slot * cache.byteCount, byteCount: cache.byteCount)
    }
  }
}
