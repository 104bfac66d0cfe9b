// SPDX-License-Identifier: MIT

extension CPUBackend {
  package func copy(_ source: CPUTensor, into out: CPUTensor) {
    precondition(source.count == out.count, "a copy keeps its size")
    out.base.update(from: source.base, count: source.count)
  }

  package func copy(_ source: CPUCache, into out: CPUCache) {
    precondition(
      source.byteCount == out.byteCount && source.precision == out.precision
        && source.keys.count == out.keys.count, "caches of one shape")
    for (from, to) in zip(source.keys + source.values, out.keys + out.values) {
      to.base.copyMemory(from: from.base, byteCount: out.byteCount)
    }
  }
}
