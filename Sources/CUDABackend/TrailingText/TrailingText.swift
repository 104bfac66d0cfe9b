// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func addTrailingText(
    _ source: CUDATensor, rowsPerSlot: Int, frame: CUDAIndices, count: CUDAIndices,
    slots: CUDAIndices, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(source.columns == out.columns && slots.count == out.rows)
    try launch(
      "add_trailing_text", over: out.count, source.address, Int32(rowsPerSlot), frame.address,
      Int32(frame.stride), count.address, Int32(count.stride), slots.address, Int32(slots.stride),
      out.address, Int32(out.rows), Int32(out.columns))
  }
}
