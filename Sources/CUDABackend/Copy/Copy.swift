// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func copy(_ source: CUDATensor, into out: CUDATensor) throws(CUDAError) {
    precondition(source.count == out.count, "a copy keeps its size")
    try launch("copy", over: out.count, source.address, out.address, out.count)
  }

  package func copy(_ source: CUDACache, into out: CUDACache) throws(CUDAError) {
    precondition(
      source.capacity == out.capacity && source.precision == out.precision, "caches of one shape")
    try copy(source.all, into: out.all)
  }
}
