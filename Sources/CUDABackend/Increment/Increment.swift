// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func increment(_ values: CUDAIndices, by amount: Int32) throws(CUDAError) {
    try launch(
      "increment", over: values.count, values.address, Int32(values.stride), Int32(values.count),
      amount)
  }
}
