// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func addTrailingText(
    _ table: CUDATensor, ids: CUDAIndices, idsPerSlot: Int, frame: CUDAIndices,
    count: CUDAIndices, slots: CUDAIndices, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(table.columns == out.columns && slots.count == out.rows && ids.stride == 1)
    try launch(
      "add_trailing_text", over: out.count, table.address, ids.address, Int32(idsPerSlot),
      frame.address, Int32(frame.stride), count.address, Int32(count.stride), slots.address,
      Int32(slots.stride), out.address, Int32(out.rows), Int32(out.columns))
  }
}
