// SPDX-License-Identifier: MIT

package import SpeechModel

import CCPUKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// This target is pointers to C kernels throughout, which is its purpose: it is built without strict
// memory safety, because marking every expression would point at none. What makes them sound: the
// backend owns every allocation until it goes, a `Matrix` keeps its mapped storage alive, and views
// are cut with checked ranges.

/// F32 numbers in host memory.
package struct CPUTensor: BackendTensor {
  let base: UnsafeMutablePointer<Float>
  package let rows: Int
  package let columns: Int

  var count: Int { rows * columns }

  package func rows(_ range: Range<Int>) -> CPUTensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows outside the tensor")
    return CPUTensor(base: base + range.lowerBound * columns, rows: range.count, columns: columns)
  }

  package func reshaped(rows: Int, columns: Int) -> CPUTensor {
    precondition(rows * columns == count, "a reshaped tensor keeps its size")
    return CPUTensor(base: base, rows: rows, columns: columns)
  }
}

/// I32 numbers in host memory.
package struct CPUIndices: BackendIndices {
  let base: UnsafeMutablePointer<Int32>
  package let count: Int
  let stride: Int

  subscript(index: Int) -> Int32 {
    get { base[index * stride] }
    nonmutating set { base[index * stride] = newValue }
  }

  package func strided(from start: Int, count: Int, by stride: Int) -> CPUIndices {
    precondition(
      start >= 0 && (count == 0 || start + (count - 1) * stride < self.count),
      "elements outside the indices")
    return CPUIndices(base: base + start * self.stride, count: count, stride: stride * self.stride)
  }

  /// The elements, contiguous.
  var values: [Int32] { (0..<count).map { self[$0] } }
}

/// Weights where they were mapped: parts stacked along their rows.
package struct CPUMatrix {
  struct Part {
    let base: UnsafeRawPointer
    let elementType: qt_dtype
    let elementSize: Int
    let rows: Int
    /// Keeps the bytes mapped.
    let storage: any TensorStorage
  }

  let parts: [Part]
  let rows: Int
  let columns: Int

  /// Address and type of a row.
  func row(_ index: Int) -> (UnsafeRawPointer, qt_dtype) {
    var index = index
    for part in parts {
      if index < part.rows {
        return (part.base + index * columns * part.elementSize, part.elementType)
      }
      index -= part.rows
    }
    preconditionFailure("row outside the matrix")
  }
}

/// Keys and values, `[layers][slots · capacity, kvWidth]`; untouched pages cost nothing.
package struct CPUCache {
  let keys: [UnsafeMutableRawPointer]
  let values: [UnsafeMutableRawPointer]
  /// Of a layer's keys.
  let byteCount: Int
  let capacity: Int
  let precision: CachePrecision

  var elementType: qt_dtype {
    switch precision {
    case .float32: QT_F32
    case .bfloat16: QT_BF16
    }
  }
}

/// Frames published since the last reset.
package final class CPUFrameRing {
  var frames: [[Int32]] = []
}

/// The model on the CPU: F32 arithmetic over weights in their stored precision, on all cores.
///
/// It is the oracle of every other backend and a usable engine by itself. Not `Sendable`: one thread
/// uses it at a time.
package final class CPUBackend: Backend {
  package typealias Failure = Never
  package typealias Tensor = CPUTensor
  package typealias Indices = CPUIndices
  package typealias Matrix = CPUMatrix
  package typealias Cache = CPUCache
  package typealias FrameRing = CPUFrameRing

  /// Addresses and sizes of everything handed out.
  private var regions: [(UnsafeMutableRawPointer, Int)] = []
  /// Rows of a history and of what follows it; grown to the longest asked for.
  private var joined = ScratchBuffer()
  private var scores = ScratchBuffer()

  package init() {}

  deinit {
    for (address, size) in regions { munmap(address, size) }
  }

  /// Bytes handed out; mapped, not necessarily touched.
  package var allocatedByteCount: Int { regions.reduce(0) { $0 + $1.1 } }

  /// Zeroed pages; those never touched take no memory.
  private func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    let size = max(byteCount, 64)
    guard
      let address = mmap(
        nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      address != MAP_FAILED
    else { qt_out_of_memory(size) }
    regions.append((address, size))
    return address
  }

  /// Whether so many bytes can be had at once, beside what there is.
  package static func canMap(byteCount: Int) -> Bool {
    let address = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let address, address != MAP_FAILED else { return false }
    munmap(address, byteCount)
    return true
  }

  // MARK: Memory

  package func makeTensor(rows: Int, columns: Int) -> CPUTensor {
    let address = allocate(byteCount: rows * columns * MemoryLayout<Float>.size)
    return CPUTensor(
      base: address.bindMemory(to: Float.self, capacity: rows * columns), rows: rows,
      columns: columns)
  }

  package func makeIndices(count: Int) -> CPUIndices {
    let address = allocate(byteCount: count * MemoryLayout<Int32>.size)
    return CPUIndices(
      base: address.bindMemory(to: Int32.self, capacity: count), count: count, stride: 1)
  }

  /// F32 throughout: memory is not short here, and the codes are then those of the official model in F32.
  package func cachePrecision(weights: ElementType) -> CachePrecision { .float32 }

  package func makeCache(
    layerCount: Int, slotCount: Int, capacity: Int, kvWidth: Int, precision: CachePrecision
  ) -> CPUCache {
    let byteCount = slotCount * capacity * kvWidth * precision.byteCount
    func layers() -> [UnsafeMutableRawPointer] {
      (0..<layerCount).map { _ in allocate(byteCount: byteCount) }
    }
    return CPUCache(
      keys: layers(), values: layers(), byteCount: byteCount, capacity: capacity,
      precision: precision)
  }

  package func makeFrameRing(slotCount: Int, codebookCount: Int) -> CPUFrameRing {
    CPUFrameRing()
  }

  package func loadMatrix(_ parts: [HostTensor]) -> CPUMatrix {
    let columns = parts[0].count / parts[0].shape[0]
    let loaded = parts.map { tensor in
      precondition(tensor.count == tensor.shape[0] * columns, "stacked matrices have one width")
      let type: qt_dtype =
        switch tensor.elementType {
        case .float32: QT_F32
        case .bfloat16: QT_BF16
        case .float16: QT_F16
        case .int32, .int64, .int16, .uint8: preconditionFailure("\(tensor.name) holds integers")
        }
      // Safety: the storage never moves its bytes and is kept beside the address.
      let address = tensor.storage.withBytes { bytes in
        bytes.withUnsafeBytes { buffer in
          buffer.baseAddress.map { $0 + tensor.byteRange.lowerBound }
        }
      }
      guard let address else { preconditionFailure("\(tensor.name) has no bytes") }
      return CPUMatrix.Part(
        base: address, elementType: type, elementSize: tensor.elementType.byteCount,
        rows: tensor.shape[0], storage: tensor.storage)
    }
    return CPUMatrix(
      parts: loaded, rows: loaded.reduce(0) { $0 + $1.rows }, columns: columns)
  }

  package func loadVector(_ values: [Float]) -> CPUTensor {
    let tensor = makeTensor(rows: 1, columns: values.count)
    write(values, to: tensor)
    return tensor
  }

  // MARK: Host exchange

  package func write(_ values: [Float], to tensor: CPUTensor) {
    precondition(values.count <= tensor.count, "more values than the tensor holds")
    tensor.base.update(from: values, count: values.count)
  }

  package func write(_ values: [Int32], to indices: CPUIndices) {
    precondition(values.count <= indices.count, "more values than the indices hold")
    for (index, value) in values.enumerated() { indices[index] = value }
  }

  package func read(_ tensor: CPUTensor) -> [Float] {
    Array(UnsafeBufferPointer(start: tensor.base, count: tensor.count))
  }

  package func read(_ indices: CPUIndices) -> [Int32] { indices.values }

  package func clear(_ tensor: CPUTensor) {
    tensor.base.update(repeating: 0, count: tensor.count)
  }

  package func clear(_ indices: CPUIndices) {
    for index in 0..<indices.count { indices[index] = 0 }
  }

  package func publish(_ codes: CPUIndices, to ring: CPUFrameRing) {
    ring.frames.append(codes.values)
  }

  package func collect(_ index: Int, from ring: CPUFrameRing) -> [Int32] { ring.frames[index] }

  package func reset(_ ring: CPUFrameRing) { ring.frames.removeAll() }

  // MARK: Rows

  package func copy(_ source: CPUTensor, into out: CPUTensor) {
    precondition(source.count == out.count, "a copy keeps its size")
    out.base.update(from: source.base, count: source.count)
  }

  package func copy(_ source: CPUCache, into out: CPUCache) {
    precondition(
      source.byteCount == out.byteCount && source.precision == out.precision
        && source.keys.count == out.keys.count, "caches of one shape")
    for (from, to) in zip(source.keys + source.values, out.keys + out.values) {
      to.copyMemory(from: from, byteCount: out.byteCount)
    }
  }

  package func add(_ source: CPUTensor, into out: CPUTensor) {
    precondition(source.columns == out.columns && (source.rows == out.rows || source.rows == 1))
    for row in 0..<out.rows {
      let from = source.rows == 1 ? 0 : row
      qt_add(source.base + from * source.columns, out.base + row * out.columns, out.columns)
    }
  }

  package func gatherSum(
    _ table: CPUMatrix, entries: Int, scale: CPUTensor, codes: CPUIndices, width: Int,
    range: Range<Int>, into out: CPUTensor
  ) {
    precondition(table.columns == out.columns && codes.count >= out.rows * width)
    for row in 0..<out.rows {
      for book in range {
        let id = book * entries + Int(codes[row * width + book])
        let (address, type) = table.row(id)
        qt_add_row(
          address, type, out.columns, scale.base[id], book > range.lowerBound,
          out.base + row * out.columns)
      }
    }
  }

  package func gather(
    _ table: CPUMatrix, ids: CPUIndices, scale: CPUTensor?, accumulate: Bool, into out: CPUTensor
  ) {
    precondition(table.columns == out.columns && ids.count == out.rows)
    for row in 0..<out.rows {
      let id = Int(ids[row])
      let target = out.base + row * out.columns
      guard id >= 0 else {
        if !accumulate { target.update(repeating: 0, count: out.columns) }
        continue
      }
      let (address, type) = table.row(id)
      qt_add_row(address, type, out.columns, scale?.base[id] ?? 1, accumulate, target)
    }
  }

  package func gatherRows(
    _ source: CPUTensor, ids: CPUIndices, accumulate: Bool, into out: CPUTensor
  ) {
    precondition(source.columns == out.columns && ids.count == out.rows)
    for row in 0..<out.rows {
      let id = Int(ids[row])
      precondition(id < source.rows, "row outside the tensor")
      let target = out.base + row * out.columns
      guard id >= 0 else {
        if !accumulate { target.update(repeating: 0, count: out.columns) }
        continue
      }
      qt_add_row(source.base + id * source.columns, QT_F32, out.columns, 1, accumulate, target)
    }
  }

  package func addTrailing(
    _ source: CPUTensor, rowsPerSlot: Int, frame: CPUIndices, count: CPUIndices, slots: CPUIndices,
    into out: CPUTensor
  ) {
    for row in 0..<out.rows {
      let slot = Int(slots[row])
      let index = slot * rowsPerSlot + Int(min(frame[slot], count[slot]))
      qt_add(source.base + index * source.columns, out.base + row * out.columns, out.columns)
    }
  }

  package func increment(_ values: CPUIndices, by amount: Int32) {
    for index in 0..<values.count { values[index] &+= amount }
  }

  // MARK: Transformer

  package func rmsNorm(
    _ x: CPUTensor, weight: CPUTensor, epsilon: Float, into out: CPUTensor
  ) {
    qt_rms_norm(x.base, Int32(x.rows), Int32(x.columns), weight.base, epsilon, out.base)
  }

  package func linear(
    _ x: CPUTensor, _ weight: CPUMatrix, bias: CPUTensor?, into out: CPUTensor
  ) {
    multiply(x, weight, bias: bias, scale: nil, accumulate: false, into: out)
  }

  package func linearAdd(
    _ x: CPUTensor, _ weight: CPUMatrix, bias: CPUTensor?, scale: CPUTensor?, into out: CPUTensor
  ) {
    multiply(x, weight, bias: bias, scale: scale, accumulate: true, into: out)
  }

  private func multiply(
    _ x: CPUTensor, _ weight: CPUMatrix, bias: CPUTensor?, scale: CPUTensor?, accumulate: Bool,
    into out: CPUTensor
  ) {
    precondition(x.columns == weight.columns && out.columns == weight.rows && x.rows == out.rows)
    var column = 0
    for part in weight.parts {
      qt_linear(
        part.base, part.elementType, Int32(part.rows), Int32(weight.columns), x.base,
        Int32(x.rows), bias.map { UnsafePointer($0.base + column) },
        scale.map { UnsafePointer($0.base + column) }, accumulate, out.base + column,
        Int32(out.columns))
      column += part.rows
    }
  }

  package func swiGLU(_ x: CPUTensor, into out: CPUTensor) {
    precondition(x.columns == 2 * out.columns && x.rows == out.rows)
    qt_swiglu(x.base, Int32(out.rows), Int32(out.columns), out.base)
  }

  package func silu(_ x: CPUTensor) { qt_silu(x.base, x.count) }

  package func normRotateAppend(
    _ qkv: CPUTensor, shape: AttentionShape, queryNorm: CPUTensor?, keyNorm: CPUTensor?,
    epsilon: Float, inverseFrequencies: CPUTensor, positions: CPUIndices, slots: CPUIndices,
    layer: Int, cache: CPUCache
  ) {
    let where_ = positions.values
    let rows = (0..<qkv.rows).map { row in
      Int64(Int(slots[row]) * cache.capacity + Int(where_[row]) % cache.capacity)
    }
    qt_norm_rotate_append(
      qkv.base, Int32(qkv.rows), Int32(shape.headCount), Int32(shape.kvHeadCount),
      Int32(shape.headDim), queryNorm.map { UnsafePointer($0.base) },
      keyNorm.map { UnsafePointer($0.base) }, epsilon, inverseFrequencies.base, where_, rows,
      cache.keys[layer], cache.values[layer], cache.elementType)
  }

  package func attention(
    _ qkv: CPUTensor, shape: AttentionShape, window: Int?, positions: CPUIndices,
    slots: CPUIndices, layer: Int, cache: CPUCache, into out: CPUTensor
  ) {
    let last = positions.values
    let longest = min(window ?? Int.max, Int(last.max() ?? 0) + 1)
    precondition(longest <= cache.capacity, "the cache holds what a query sees")
    qt_attention(
      qkv.base, Int32(qkv.rows), Int32(shape.headCount), Int32(shape.kvHeadCount),
      Int32(shape.headDim), Int32(window ?? 0), last, slots.values, Int32(cache.capacity),
      cache.keys[layer], cache.values[layer], cache.elementType,
      scores.reserve(qkv.rows * shape.headCount * longest), longest, out.base)
  }

  // MARK: Sampling

  package func sample(
    _ logits: CPUTensor, rule: SamplingRule, state: SamplingState<CPUBackend>,
    into codes: CPUIndices
  ) {
    let words = SamplingWord.count
    for row in 0..<logits.rows {
      var scores = read(logits.rows(row..<row + 1))
      let settings = state.settings.strided(from: row * words, count: words, by: 1).values
      let seen = state.seen.strided(
        from: row * state.vocabularySize, count: state.vocabularySize, by: 1)
      let token = Sampling.draw(
        &scores, rule: rule,
        row: SamplingWord.decode(settings, codebook: rule.codebook, frame: state.frame[row]),
        seen: { seen[$0] != 0 })
      if rule.remembers { seen[Int(token)] = 1 }
      codes[row] = token
    }
  }

  // MARK: Codec

  /// The history followed by `count` numbers, which `fill` makes; afterwards the history holds the
  /// last rows.
  private func join(
    _ history: CPUTensor, _ count: Int, fill: (UnsafeMutablePointer<Float>) -> Void
  ) -> UnsafeMutablePointer<Float> {
    let rows = joined.reserve(history.count + count)
    rows.update(from: history.base, count: history.count)
    fill(rows + history.count)
    history.base.update(from: rows + count, count: history.count)
    return rows
  }

  private func join(_ history: CPUTensor, _ x: CPUTensor) -> UnsafeMutablePointer<Float> {
    precondition(history.columns == x.columns)
    return join(history, x.count) { $0.update(from: x.base, count: x.count) }
  }

  /// `out (+)=` the convolution of `rows`, history included; then Snake.
  private func convolve(
    _ rows: UnsafePointer<Float>, inputs: Int, _ weight: CPUMatrix, bias: CPUTensor, kernel: Int,
    dilation: Int, then snake: Snake<CPUBackend>? = nil, accumulate: Bool = false,
    into out: CPUTensor
  ) {
    precondition(weight.columns == inputs * kernel && weight.rows == out.columns)
    qt_convolution(
      weight.parts[0].base, weight.parts[0].elementType, Int32(out.columns), Int32(inputs),
      Int32(kernel), Int32(dilation), rows, Int32(out.rows), bias.base,
      snake.map { UnsafePointer($0.alpha.base) }, snake.map { UnsafePointer($0.inverseBeta.base) },
      accumulate, out.base)
  }

  package func causalConvolution(
    _ x: CPUTensor, history: CPUTensor, weight: CPUMatrix, bias: CPUTensor, kernel: Int,
    dilation: Int, into out: CPUTensor
  ) {
    precondition(history.rows == (kernel - 1) * dilation && out.rows == x.rows)
    convolve(
      join(history, x), inputs: x.columns, weight, bias: bias, kernel: kernel, dilation: dilation,
      into: out)
  }

  package func snakeConvolution(
    _ x: CPUTensor, alpha: CPUTensor, inverseBeta: CPUTensor, history: CPUTensor,
    weight: CPUMatrix, bias: CPUTensor, kernel: Int, dilation: Int, scratch: CPUTensor,
    into out: CPUTensor
  ) {
    precondition(history.rows == (kernel - 1) * dilation && out.rows == x.rows)
    convolve(
      joinSnake(history, x, alpha: alpha, inverseBeta: inverseBeta), inputs: x.columns, weight,
      bias: bias, kernel: kernel, dilation: dilation, into: out)
  }

  private func joinSnake(
    _ history: CPUTensor, _ x: CPUTensor, alpha: CPUTensor, inverseBeta: CPUTensor
  ) -> UnsafeMutablePointer<Float> {
    precondition(history.columns == x.columns)
    return join(history, x.count) {
      qt_snake(x.base, Int32(x.rows), Int32(x.columns), alpha.base, inverseBeta.base, $0)
    }
  }

  /// The second Snake of a unit comes as its first convolution ends, and its last is added to the
  /// rows as it ends: no pass over them is for either alone.
  package func decoderBlock(
    _ x: CPUTensor, _ block: DecoderBlock<CPUBackend>, history: CPUTensor,
    unitHistories: [CPUTensor], inner: CPUTensor, scratch: (CPUTensor, CPUTensor),
    into out: CPUTensor
  ) {
    snake(x, alpha: block.snake.alpha, inverseBeta: block.snake.inverseBeta, into: x)
    transposedConvolution(
      x, history: history, weight: block.transposed.weight, bias: block.transposed.bias,
      stride: block.stride, into: out)
    for (unit, history) in zip(block.units, unitHistories) {
      precondition(history.rows == 6 * unit.dilation && inner.rows == out.rows)
      let rows = joinSnake(
        history, out, alpha: unit.first.alpha, inverseBeta: unit.first.inverseBeta)
      convolve(
        rows, inputs: out.columns, unit.dilated.weight, bias: unit.dilated.bias, kernel: 7,
        dilation: unit.dilation, then: unit.second, into: inner)
      convolve(
        inner.base, inputs: out.columns, unit.pointwise.weight, bias: unit.pointwise.bias,
        kernel: 1, dilation: 1, accumulate: true, into: out)
    }
  }

  package func transposedConvolution(
    _ x: CPUTensor, history: CPUTensor?, weight: CPUMatrix, bias: CPUTensor, stride: Int,
    into out: CPUTensor
  ) {
    let kernel = weight.columns / out.columns
    precondition(weight.rows == x.columns && out.rows == x.rows * stride)
    precondition(kernel == (history == nil ? stride : 2 * stride))
    qt_transposed_convolution(
      weight.parts[0].base, weight.parts[0].elementType, Int32(out.columns), Int32(x.columns),
      Int32(kernel), Int32(stride), history.map { join($0, x) } ?? x.base, Int32(x.rows),
      bias.base, out.base)
  }

  package func depthwiseConvolution(
    _ x: CPUTensor, history: CPUTensor, weight: CPUTensor, bias: CPUTensor, into out: CPUTensor
  ) {
    precondition(weight.rows == x.columns && history.rows == weight.columns - 1)
    qt_depthwise(
      weight.base, Int32(x.columns), Int32(weight.columns), join(history, x), Int32(x.rows),
      bias.base, out.base)
  }

  package func layerNorm(
    _ x: CPUTensor, weight: CPUTensor, bias: CPUTensor, epsilon: Float, into out: CPUTensor
  ) {
    qt_layer_norm(
      x.base, Int32(x.rows), Int32(x.columns), weight.base, bias.base, epsilon, out.base)
  }

  package func gelu(_ x: CPUTensor) { qt_gelu(x.base, x.count) }

  package func snake(
    _ x: CPUTensor, alpha: CPUTensor, inverseBeta: CPUTensor, into out: CPUTensor
  ) {
    qt_snake(x.base, Int32(x.rows), Int32(x.columns), alpha.base, inverseBeta.base, out.base)
  }

  package func clamp(_ x: CPUTensor) { qt_clamp(x.base, x.count) }
}

/// Memory for one operation, kept for the next.
private struct ScratchBuffer: ~Copyable {
  private var base: UnsafeMutablePointer<Float>?
  private var capacity = 0

  /// At least `count` numbers, not initialised.
  mutating func reserve(_ count: Int) -> UnsafeMutablePointer<Float> {
    if let base, capacity >= count { return base }
    free(base)
    let size = count * MemoryLayout<Float>.size
    guard let memory = malloc(size) else { qt_out_of_memory(size) }
    let fresh = memory.bindMemory(to: Float.self, capacity: count)
    base = fresh
    capacity = count
    return fresh
  }

  deinit { free(base) }
}

extension CPUBackend {
  /// Threads in use.
  package static var threadCount: Int {
    get { Int(qt_thread_count()) }
    set { qt_set_thread_count(Int32(clamping: newValue)) }
  }

  /// Runs a body on one thread with the kernels that every processor has, the reference of the others.
  package static func withPlainKernels(_ body: () throws -> Void) rethrows {
    let (isa, threads) = (qt_current_isa(), qt_thread_count())
    defer {
      _ = qt_select_isa(isa)
      qt_set_thread_count(threads)
    }
    _ = qt_select_isa(QT_PORTABLE)
    qt_set_thread_count(1)
    try body()
  }

  /// The instruction set the kernels run in.
  package static var instructionSet: String {
    switch qt_current_isa() {
    case QT_AVX512: "AVX-512"
    case QT_AVX2: "AVX2"
    default:
      #if arch(arm64)
        "NEON"
      #else
        "SSE2"
      #endif
    }
  }
}
