// SPDX-License-Identifier: MIT

/// Memory, a queue of work in order, and the ways between them and the host.
package protocol MemoryBackend: AnyObject {
  /// What can go wrong in an operation: `Never` on the CPU.
  associatedtype Failure: Error
  /// A view of F32 numbers, `[rows, columns]`.
  associatedtype Tensor: BackendTensor
  /// A view of I32 numbers, possibly strided.
  associatedtype Indices: BackendIndices
  /// An immutable weight, `[rows, columns]`, in its stored precision or laid out anew.
  associatedtype Matrix
  /// The keys and values of a stack of layers.
  associatedtype Cache
  /// A ring of frames through which codes reach the host while later frames run.
  associatedtype FrameRing
  /// A copy to the host that is under way.
  associatedtype Readback = [Float]
  /// The record of a body, held by whom the body belongs to.
  associatedtype Recording: BackendRecording

  // MARK: Memory

  /// A tensor of zeros.
  func makeTensor(rows: Int, columns: Int) throws(Failure) -> Tensor
  /// Indices of zeros.
  func makeIndices(count: Int) throws(Failure) -> Indices
  /// A cache for `layerCount` layers of `kvWidth` keys and values, `slotCount` slots of `capacity`
  /// positions. Position `p` is kept at row `p mod capacity`.
  ///
  /// Keys and values are rounded to `precision` as they are kept, and every attention reads what is
  /// kept: that of the row itself, and that of a prompt, too.
  func makeCache(
    layerCount: Int, slotCount: Int, capacity: Int, kvWidth: Int, precision: CachePrecision
  ) throws(Failure) -> Cache
  /// A cache whose rows are lent in pages: position `p` of slot `s` is kept in row `p mod pageSize` of
  /// page `table[s, p / pageSize]`, one of `pageCount` that all slots share. Otherwise as above.
  func makeCache(
    layerCount: Int, pages table: PageTable<Indices>, pageCount: Int, kvWidth: Int,
    precision: CachePrecision
  ) throws(Failure) -> Cache
  /// How a talker's keys and values are kept here when nothing else is asked for, by the type that
  /// its weights are stored in.
  func cachePrecision(weights: ElementType) -> CachePrecision
  /// Takes over stored matrices of equal width, stacked along their rows, for the operations that
  /// `layout` names.
  ///
  /// Every part's first dimension is its rows; the others count as its columns. A backend on the
  /// host keeps the mapped bytes; another copies them.
  func loadWeight(_ parts: [HostTensor], as layout: WeightLayout) throws(Failure) -> Matrix
  /// Takes over a few numbers (a norm, a bias) as one row.
  func loadVector(_ values: [Float]) throws(Failure) -> Tensor

  // MARK: HostExchange

  /// *Host.* Overwrites the first `values.count` elements.
  func write(_ values: [Float], to tensor: Tensor) throws(Failure)
  /// *Host.* Overwrites the first `values.count` elements.
  func write(_ values: [Int32], to indices: Indices) throws(Failure)
  /// *Host.* Overwrites the first rows with rows of a stored table.
  func writeRows(of table: HostTensor, ids: [Int32], to tensor: Tensor) throws(Failure)
  /// *Host.* All elements, once everything before has run.
  func read(_ tensor: Tensor) throws(Failure) -> [Float]
  /// *Host.* All elements, once everything before has run.
  func read(_ indices: Indices) throws(Failure) -> [Int32]
  /// *Host.* Begins to copy all elements as they will be once everything before has run.
  func beginRead(_ tensor: Tensor) throws(Failure) -> Readback
  /// *Host.* Whether `finishRead` would not wait.
  func isRead(_ readback: Readback) throws(Failure) -> Bool
  /// *Host.* The elements, once they are there. To be asked once.
  func finishRead(_ readback: Readback) throws(Failure) -> [Float]
  /// Sets every element to zero.
  func clear(_ tensor: Tensor) throws(Failure)
  /// Sets every element to zero.
  func clear(_ indices: Indices) throws(Failure)

  // MARK: Recording

  /// Runs `body`, or the record that was made of it in `recording`.
  ///
  /// Each body has a recording of its own: the bodies that run with one recording do the same
  /// operations on the same tensors each time.
  func run(_ recording: Recording, _ body: () throws(Failure) -> Void) throws(Failure)
  /// *Host.* How long the device takes for what `body` queues, once everything before has run; waits
  /// until it is done.
  func time(_ body: () throws(Failure) -> Void) throws(Failure) -> Duration
  /// *Host.* What is queued from now on begins when all that `other` has queued so far is done.
  func wait(for other: Self) throws(Failure)

  // MARK: FrameRing

  /// A ring for codes of `codebookCount` codebooks and at most `rowCount` rows.
  func makeFrameRing(rowCount: Int, codebookCount: Int) throws(Failure) -> FrameRing
  /// Puts `codes`, `[rows, codebookCount]`, into the ring as the next entry.
  func publish(_ codes: Indices, to ring: FrameRing) throws(Failure)
  /// *Host.* Whether `collect` of an entry would not wait.
  func isPublished(_ index: Int, in ring: FrameRing) throws(Failure) -> Bool
  /// *Host.* Waits for entry `index`, counted from the ring's first, and returns the first `count` of its
  /// codes.
  ///
  /// A ring holds the last entries that were published, at least `framesInFlight` of them.
  func collect(_ index: Int, count: Int, from ring: FrameRing) throws(Failure) -> [Int32]
  /// Frames that may be queued before the host collects the first: 1 means none ahead.
  var framesInFlight: Int { get }

  // MARK: Copy

  /// `out[r] = source[r]`.
  func copy(_ source: Tensor, into out: Tensor) throws(Failure)
  /// Keys and values of every layer and position of a slot; the cache is one without pages.
  func copy(_ cache: Cache, slot: Int, into other: Int) throws(Failure)
}

/// A view of F32 numbers in a backend's memory. Copies are views of the same numbers.
package protocol BackendTensor {
  var rows: Int { get }
  var columns: Int { get }
  /// Some of the rows.
  func rows(_ range: Range<Int>) -> Self
  /// The same numbers in rows of another length.
  func reshaped(rows: Int, columns: Int) -> Self
}

/// A view of I32 numbers in a backend's memory. Copies are views of the same numbers.
package protocol BackendIndices {
  var count: Int { get }
  /// Every `stride`-th element from `start` on, `count` of them.
  func strided(from start: Int, count: Int, by stride: Int) -> Self
}

/// Which pages of a cache each slot has.
package struct PageTable<Indices: BackendIndices> {
  /// Positions in a page.
  package static var pageSize: Int { 64 }

  /// Numbers of pages, `[slots, pagesPerSlot]`.
  package let indices: Indices
  package let pagesPerSlot: Int

  package init(indices: Indices, pagesPerSlot: Int) {
    self.indices = indices
    self.pagesPerSlot = pagesPerSlot
  }
}

/// What a backend has recorded of one body; nothing at first.
///
/// Whoever owns the body and the tensors it works on holds its recordings, so they go together, and
/// no other body can be replayed in its place.
package protocol BackendRecording: AnyObject {
  init()
}

/// How keys and values are kept.
package enum CachePrecision: Sendable, Equatable, CaseIterable {
  case float32
  /// Rounded to the nearest number, to the even one of two equally near.
  case bfloat16

  /// That of a talker whose weights are stored so: what an official run in that precision keeps.
  package init(weights: ElementType) {
    self = weights == .bfloat16 ? .bfloat16 : .float32
  }

  package var byteCount: Int { self == .float32 ? 4 : 2 }
}

/// What a weight is for.
package enum WeightLayout: Sendable, Equatable {
  /// Any operation, a row at a time as a rule: as it is stored.
  case stored
  /// `linear` and what is made of it.
  case product
  /// `causalConvolution`, or a stack of them.
  case convolution(kernel: Int)
  case transposedConvolution(stride: Int)
  /// `linear` (kernel 1), `gather` or `causalConvolution`, in F32 throughout: where codes are found,
  /// the last bits decide.
  case exact(kernel: Int)
}
