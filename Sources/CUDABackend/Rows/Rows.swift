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

  package func add(_ source: CUDATensor, into out: CUDATensor) throws(CUDAError) {
    precondition(source.columns == out.columns && (source.rows == out.rows || source.rows == 1))
    try launch("add", over: out.count, source.address, out.address, out.count, source.count)
  }

  package func gather(
    _ table: CUDAMatrix, ids: CUDAIndices, scale: CUDATensor?, accumulate: Bool,
    into out: CUDATensor
  ) throws(CUDAError) {
    precondition(table.columns == out.columns && ids.count == out.rows)
    try launch(
      "gather_\(table.suffix)", over: out.count, table.address, ids.address, Int32(ids.stride),
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
      "gather_sum_\(table.suffix)", over: out.count, table.address, Int32(entries),
      scale.address, codes.address, Int32(width), Int32(range.lowerBound),
      Int32(range.upperBound), out.address, Int32(out.rows), Int32(out.columns))
  }

  package func gatherRows(
    _ source: CUDATensor, ids: CUDAIndices, accumulate: Bool, into out: CUDATensor
  ) throws(CUDAError) {
    try gather(
      CUDAMatrix(
        address: source.address, rows: source.rows, columns: source.columns, suffix: "f32"),
      ids: ids, scale: nil, accumulate: accumulate, into: out)
  }

  package func addTrailing(
    _ source: CUDATensor, rowsPerSlot: Int, frame: CUDAIndices, count: CUDAIndices,
    slots: CUDAIndices, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(source.columns == out.columns && slots.count == out.rows)
    try launch(
      "add_trailing_text", over: out.count, source.address, Int32(rowsPerSlot), frame.address,
      Int32(frame.stride), count.address, Int32(count.stride), slots.address, Int32(slots.stride),
      out.address, Int32(out.rows), Int32(out.columns))
  }

  package func increment(_ values: CUDAIndices, by amount: Int32) throws(CUDAError) {
    try launch(
      "increment", over: values.count, values.address, Int32(values.stride), Int32(values.count),
      amount)
  }

  package func swiGLU(_ x: CUDATensor, into out: CUDATensor) throws(CUDAError) {
    precondition(x.columns == 2 * out.columns && x.rows == out.rows)
    try launch(
      "swiglu", over: out.count, x.address, out.address, Int32(out.rows), Int32(out.columns))
  }

  package func silu(_ x: CUDATensor) throws(CUDAError) {
    try launch("silu", over: x.count, x.address, x.count)
  }

  package func gelu(_ x: CUDATensor) throws(CUDAError) {
    try launch("gelu", over: x.count, x.address, x.count)
  }

  package func snake(
    _ x: CUDATensor, alpha: CUDATensor, inverseBeta: CUDATensor, into out: CUDATensor
  ) throws(CUDAError) {
    precondition(alpha.count == x.columns && inverseBeta.count == x.columns)
    try launch(
      "snake", over: x.count, x.address, alpha.address, inverseBeta.address, out.address, x.count,
      Int32(x.columns))
  }

  package func clamp(_ x: CUDATensor) throws(CUDAError) {
    try launch("clamp_unit", over: x.count, x.address, x.count)
  }
}
