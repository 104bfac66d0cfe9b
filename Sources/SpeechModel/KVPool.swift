// SPDX-License-Identifier: MIT

/// Keys and values of many utterances in pages, which slots are lent as their speech grows. Models whose
/// talkers have one geometry, as all released ones do, share a pool.
package final class KVPool<B: Backend> {
  /// What the keys and values of a talker depend on.
  package struct Geometry: Hashable, Sendable {
    package let layerCount: Int
    package let kvWidth: Int
    package let precision: CachePrecision

    package init(_ shape: TransformerConfiguration, _ precision: CachePrecision) {
      layerCount = shape.layerCount
      kvWidth = shape.kvWidth
      self.precision = precision
    }

    /// Bytes of a page.
    package var pageByteCount: Int {
      2 * layerCount * kvWidth * precision.byteCount * PageTable<B.Indices>.pageSize
    }
  }

  package let geometry: Geometry
  package let slotCount: Int
  /// Pages that can be lent: numbers 0…
  package let pageCount: Int
  /// Positions of a slot at the most.
  package let capacity: Int
  let cache: B.Cache
  private let table: PageTable<B.Indices>
  private let backend: B

  /// The slot of rows that fill up a pass; it has a page of its own.
  var spareSlot: Int { slotCount }

  /// - Parameter capacity: Positions of a slot at the most, rounded up to whole pages.
  package init(
    _ geometry: Geometry, slotCount: Int, capacity: Int, pageCount: Int, on backend: B
  ) throws(B.Failure) {
    let size = PageTable<B.Indices>.pageSize
    let pagesPerSlot = (capacity + size - 1) / size
    self.geometry = geometry
    self.slotCount = slotCount
    self.pageCount = pageCount
    self.capacity = pagesPerSlot * size
    self.backend = backend
    table = PageTable(
      indices: try backend.makeIndices(count: (slotCount + 1) * pagesPerSlot),
      pagesPerSlot: pagesPerSlot)
    try backend.write(
      [Int32](repeating: Int32(pageCount), count: (slotCount + 1) * pagesPerSlot),
      to: table.indices)
    cache = try backend.makeCache(
      layerCount: geometry.layerCount, pages: table, pageCount: pageCount + 1,
      kvWidth: geometry.kvWidth, precision: geometry.precision)
  }

  /// Lends a slot its page for positions `index · pageSize ..< (index + 1) · pageSize`.
  package func assign(slot: Int, index: Int, page: Int) throws(B.Failure) {
    precondition(
      slot < slotCount && index < table.pagesPerSlot && page < pageCount, "a page of the pool")
    try backend.write(
      [Int32(page)],
      to: table.indices.strided(from: slot * table.pagesPerSlot + index, count: 1, by: 1))
  }
}
