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

  package func scatterRows(
    _ source: CUDATensor, ids: CUDAIndices, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(source.columns == out.columns && ids.count == source.rows)
    try launch(
      "scatter_rows", over: source.count, source.address, ids.address, Int32(ids.stride),
      out.address, Int32(source.rows), Int32(source.columns))
  }

  package func gatherIndices(
    _ source: CUDAIndices, width: Int, ids: CUDAIndices, into out: CUDAIndices
  ) throws(CUDAError) {
    precondition(out.count == ids.count * width)
    try moveIndices("gather_indices", source, width: width, ids: ids, into: out)
  }

  package func scatterIndices(
    _ source: CUDAIndices, width: Int, ids: CUDAIndices, into out: CUDAIndices
  ) throws(CUDAError) {
    precondition(source.count == ids.count * width)
    try moveIndices("scatter_indices", source, width: width, ids: ids, into: out)
  }

  private func moveIndices(
    _ name: String, _ source: CUDAIndices, width: Int, ids: CUDAIndices, into out: CUDAIndices
  ) throws(CUDAError) {
    try launch(
      name, over: ids.count * width, source.address, Int32(source.stride), Int32(width),
      ids.address, Int32(ids.stride), out.address, Int32(out.stride), Int32(ids.count))
  }
}
