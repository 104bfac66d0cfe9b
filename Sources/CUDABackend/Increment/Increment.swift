// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func increment(_ values: CUDAIndices, by amount: Int32) throws(CUDAError) {
    try launch(
      "increment", over: values.count, values.address, Int32(values.stride), Int32(values.count),
      amount)
  }

  package func increment(
    _ values: CUDAIndices, at ids: CUDAIndices, by amount: Int32
  ) throws(CUDAError) {
    try launch(
      "increment_at", over: ids.count, values.address, Int32(values.stride), ids.address,
      Int32(ids.stride), Int32(ids.count), amount)
  }
}
