// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  package func gather(
    _ table: CUDAMatrix, ids: CUDAIndices, scale: CUDATensor?, accumulate: Bool,
    into out: CUDATensor
  ) throws(CUDAError) {
    precondition(table.columns == out.columns && ids.count == out.rows)
    try launch(
      "gather_\(table.element)", over: out.count, table.address, ids.address, Int32(ids.stride),
      scale?.address ?? 0, Int32(accumulate ? 1 : 0), out.address, Int32(out.rows),
      Int32(out.columns))
  }

  package func gatherSum(
    _ table: CUDAMatrix, entries: Int, scale: CUDATensor, codes: CUDAIndices, width: Int,
    range: Range<Int>, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(table.columns == out.columns && codes.stride == 1 && range.count <= 16)
    precondition(codes.count >= out.rows * width && range.upperBound <= width)
    try launch(
      "gather_sum_\(table.element)", over: out.count, table.address, Int32(entries),
      scale.address, codes.address, Int32(width), Int32(range.lowerBound),
      Int32(range.upperBound), out.address, Int32(out.rows), Int32(out.columns))
  }

  package func gatherRows(
    _ source: CUDATensor, ids: CUDAIndices, accumulate: Bool, into out: CUDATensor
  ) throws(CUDAError) {
    try gather(
      CUDAMatrix(
        memory: source.memory, address: source.address, rows: source.rows,
        columns: source.columns, format: .stored(.f32)),
      ids: ids, scale: nil, accumulate: accumulate, into: out)
  }
}
