// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

/// Memory on the device, freed with the last view of it, once what was queued before has run.
final class CUDAMemory {
  private let memory: DeviceMemory
  private let stream: CUDAStream

  /// Bytes that are not initialised, for work of `stream`.
  init(byteCount: Int, _ stream: CUDAStream) throws(CUDAError) {
    memory = try DeviceMemory(byteCount: byteCount, stream.context)
    self.stream = stream
  }

  deinit { stream.drain() }

  var address: UInt64 { memory.address }

  func clear() throws(CUDAError) { try memory.clear(on: stream) }

  /// Copies stored bytes there, one tensor after the other.
  func upload(_ parts: [HostTensor]) throws(CUDAError) {
    var offset = 0
    for part in parts {
      try part.storage.withBytes { (bytes: RawSpan) throws(CUDAError) in
        try memory.upload(bytes, part.byteRange, to: offset, on: stream)
      }
      offset += part.byteRange.count
    }
  }
}

/// A view of F32 numbers on the device.
package struct CUDATensor: BackendTensor {
  let memory: CUDAMemory
  let address: UInt64
  package let rows: Int
  package let columns: Int

  var count: Int { rows * columns }

  package func rows(_ range: Range<Int>) -> CUDATensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows outside the tensor")
    return CUDATensor(
      memory: memory, address: address + UInt64(4 * range.lowerBound * columns),
      rows: range.count, columns: columns)
  }

  package func reshaped(rows: Int, columns: Int) -> CUDATensor {
    precondition(rows * columns == count, "a reshaped tensor keeps its size")
    return CUDATensor(memory: memory, address: address, rows: rows, columns: columns)
  }
}

/// A view of I32 numbers on the device.
package struct CUDAIndices: BackendIndices {
  let memory: CUDAMemory
  let address: UInt64
  package let count: Int
  let stride: Int

  package func strided(from start: Int, count: Int, by stride: Int) -> CUDAIndices {
    precondition(
      start >= 0 && (count == 0 || start + (count - 1) * stride < self.count),
      "elements outside the indices")
    return CUDAIndices(
      memory: memory, address: address + UInt64(4 * start * self.stride), count: count,
      stride: stride * self.stride)
  }
}

/// A weight on the device, in its stored precision.
package struct CUDAMatrix {
  let memory: CUDAMemory
  let address: UInt64
  package let rows: Int
  package let columns: Int
  /// How it stands there.
  let format: WeightFormat
}

/// Keys and values on the device, `[layers][slots · capacity, kvWidth]`, in words of 32 bits.
package struct CUDACache {
  /// All keys, then all values.
  let all: CUDATensor
  let keys: [CUDATensor]
  let values: [CUDATensor]
  let capacity: Int
  let precision: CachePrecision
  /// Where blocks of one head leave what the product after them merges.
  let partial: CUDATensor
}

/// Frames in page-locked memory: word 0 counts those published, `depth` places follow.
///
/// The count wraps around; `depth` is a power of two, so a frame's place does not depend on that.
package final class CUDAFrameRing {
  static var depth: Int { 1024 }
  static var header: Int { 16 }

  let memory: PinnedMemory
  /// Codes of a frame.
  let width: Int
  /// Frames published, on the device.
  let counter: CUDAIndices
  private let stream: CUDAStream

  init(width: Int, counter: CUDAIndices, _ stream: CUDAStream) throws(CUDAError) {
    memory = try PinnedMemory(count: Self.header + Self.depth * width, stream.context)
    self.width = width
    self.counter = counter
    self.stream = stream
  }

  deinit { stream.drain() }
}

/// A body as a graph of launches, once it has run.
package final class CUDARecording: BackendRecording {
  fileprivate var graph: CUDAGraph?
  fileprivate var stream: CUDAStream?

  package init() {}

  deinit { stream?.drain() }
}

/// The model on an NVIDIA device: F32 arithmetic over weights in their stored precision.
///
/// Not `Sendable`: one thread uses it at a time. All work goes through one stream, in order.
package final class CUDABackend: ComposedBackend {
  package typealias Failure = CUDAError
  package typealias Tensor = CUDATensor
  package typealias Indices = CUDAIndices
  package typealias Matrix = CUDAMatrix
  package typealias Cache = CUDACache
  package typealias FrameRing = CUDAFrameRing
  package typealias Recording = CUDARecording
  package typealias FrameProgram = CUDAFrameProgram

  package let context: CUDAContext
  package let stream: CUDAStream
  /// False: every body runs operation by operation.
  package let recordsSteps: Bool
  /// False: fused operations run as the smaller ones they are defined by.
  package let streamsWeights: Bool
  private let kernels: [String: CUDAKernel]
  let cache: KernelCache
  /// Macros of the frame kernel; `nil`: frames run as a graph of kernels.
  let frameDefinitions: [String]?
  /// Through which numbers pass between host and device, and its first word not under way.
  private let staging: PinnedMemory
  private var staged = 0
  private static var stagingWords: Int { 1 << 20 }
  /// Room for the partial sums of products with split k.
  private(set) var partials: CUDATensor
  /// How many blocks of a tile have stored their partial sums.
  private(set) var arrivals: CUDAIndices
  /// Room for `splitScratchRows` split rows, as wide as the widest matrix.
  private(set) var splitScratch: CUDATensor
  /// Rows that are split at once; longer inputs go in turns.
  static var splitScratchRows: Int { 256 }
  /// What `splitScratch` was before it grew: recordings may still use it.
  private var outgrown: [CUDATensor] = []
  /// How far the queue was when another last began to wait for it.
  private let progress: CUDAEvent

  /// - Parameters:
  ///   - recordsSteps: Whether `replay` records its bodies.
  ///   - streamsWeights: Whether decoding uses its own kernels.
  ///   - sharedMemoryShare: Percent of an SM's first-level memory that is shared memory; one share for
  ///     all kernels, so that one may begin on an SM where another ends.
  ///   - cache: Where compiled kernels are kept.
  ///   - frameKernel: Whether a frame runs as one kernel where the model fits it.
  ///   - model: The model whose frames will be made here: their kernel is then compiled along with the others
  ///     and not after them.
  ///   - cachePrecision: How that model's keys and values will be kept; `nil` for bf16, as its weights are.
  package init(
    _ context: CUDAContext, recordsSteps: Bool = true, streamsWeights: Bool = true,
    sharedMemoryShare: Int? = 50, cache: KernelCache = .standard,
    frameKernel: FrameKernel = .automatic, model: ModelConfiguration? = nil,
    cachePrecision: CachePrecision? = nil
  ) throws(CUDAError) {
    self.streamsWeights = streamsWeights
    self.cache = cache
    let macros = streamsWeights ? frameKernel.macros(architecture: context.architecture) : nil
    frameDefinitions = macros?.map { "-D\($0)" }
    self.context = context
    self.recordsSteps = recordsSteps
    stream = try CUDAStream(context)
    let general = KernelSources.general(options: context.compilerOptions)
    var programs = general
    if let model, let frameDefinitions,
      let shape = FrameShape(model, talkerCache: cachePrecision ?? .bfloat16, context)
    {
      programs.append(shape.program(context, definitions: frameDefinitions))
    }
    let images = try cache.images(programs)
    var modules: [String: CUDAModule] = [:]
    for (program, image) in zip(general, images) {
      modules[program.name] = try CUDAModule(image: image, context)
    }
    let sharedBytes = GEMMTile.sharedBytesByKernel(architecture: context.architecture)
    var kernels: [String: CUDAKernel] = [:]
    // All of them now: loading one may not happen while a body is recorded.
    for kernel in KernelSources.kernels {
      guard let module = modules[kernel.program] else { continue }
      // Products take the whole first-level memory of an SM as shared memory.
      kernels[kernel.name] = try module.kernel(
        kernel.name, parameters: kernel.parameters,
        sharedMemoryShare: kernel.program == KernelSources.gemmProgram ? 100 : sharedMemoryShare,
        sharedBytes: sharedBytes[kernel.name])
    }
    self.kernels = kernels
    staging = try PinnedMemory(count: Self.stagingWords, context)
    progress = try CUDAEvent(context)
    partials = try Self.zeros(rows: 1, columns: 2 << 20, stream)
    arrivals = try Self.zeros(count: 1 << 12, stream)
    splitScratch = partials.rows(0..<0)
  }

  deinit { stream.drain() }

  /// Grows the room for split rows; before anything is recorded that uses it.
  func reserveSplitScratch(columns: Int) throws(CUDAError) {
    let wanted = Self.splitScratchRows * columns
    guard splitScratch.count < wanted else { return }
    let wider = try makeTensor(rows: 1, columns: wanted)
    outgrown.append(splitScratch)
    splitScratch = wider
  }

  /// Queues a kernel by name.
  func launch<each Argument: KernelArgument>(
    _ name: String, grid: CUDAGrid, block: Int, sharedBytes: Int = 0, clusterDepth: Int = 1,
    _ arguments: repeat each Argument
  ) throws(CUDAError) {
    guard let kernel = kernels[name] else { preconditionFailure("no kernel \(name)") }
    guard grid.x > 0, grid.y > 0 else { return }
    try stream.launch(
      kernel, grid: grid, block: block, sharedBytes: sharedBytes,
      programmatic: context.architecture.hasProgrammaticLaunch, clusterDepth: clusterDepth,
      repeat each arguments)
  }

  /// Queues a kernel with a thread for each of `count` numbers.
  func launch<each Argument: KernelArgument>(
    _ name: String, over count: Int, _ arguments: repeat each Argument
  ) throws(CUDAError) {
    try launch(name, grid: CUDAGrid((count + 255) / 256), block: 256, repeat each arguments)
  }

  // MARK: Memory

  func allocate(byteCount: Int) throws(CUDAError) -> CUDAMemory {
    try CUDAMemory(byteCount: byteCount, stream)
  }

  private static func zeros(
    rows: Int, columns: Int, _ stream: CUDAStream
  ) throws(CUDAError) -> CUDATensor {
    let memory = try CUDAMemory(byteCount: 4 * rows * columns, stream)
    try memory.clear()
    return CUDATensor(memory: memory, address: memory.address, rows: rows, columns: columns)
  }

  private static func zeros(count: Int, _ stream: CUDAStream) throws(CUDAError) -> CUDAIndices {
    let memory = try CUDAMemory(byteCount: 4 * count, stream)
    try memory.clear()
    return CUDAIndices(memory: memory, address: memory.address, count: count, stride: 1)
  }

  package func makeTensor(rows: Int, columns: Int) throws(CUDAError) -> CUDATensor {
    try Self.zeros(rows: rows, columns: columns, stream)
  }

  package func makeIndices(count: Int) throws(CUDAError) -> CUDAIndices {
    try Self.zeros(count: count, stream)
  }

  /// As the weights are, which halves what a long context takes of the device's memory.
  package func cachePrecision(weights: ElementType) -> CachePrecision {
    CachePrecision(weights: weights)
  }

  package func makeCache(
    layerCount: Int, slotCount: Int, capacity: Int, kvWidth: Int, precision: CachePrecision
  ) throws(CUDAError) -> CUDACache {
    precondition(kvWidth % 2 == 0, "a row of the cache is whole words")
    let rows = slotCount * capacity
    let all = try makeTensor(
      rows: 2 * layerCount * rows, columns: kvWidth * precision.byteCount / 4)
    func layers(from first: Int) -> [CUDATensor] {
      (first..<first + layerCount).map { all.rows($0 * rows..<($0 + 1) * rows) }
    }
    return CUDACache(
      all: all, keys: layers(from: 0), values: layers(from: layerCount), capacity: capacity,
      precision: precision,
      partial: try makeTensor(rows: 1, columns: Self.attentionPartials))
  }

  package func makeFrameRing(
    slotCount: Int, codebookCount: Int
  ) throws(CUDAError) -> CUDAFrameRing {
    try CUDAFrameRing(
      width: slotCount * codebookCount, counter: makeIndices(count: 1), stream)
  }

  /// Matrices as they are stored.
  func loadStored(_ parts: [HostTensor]) throws(CUDAError) -> CUDAMatrix {
    let rows = parts.reduce(0) { $0 + $1.shape[0] }
    let columns = parts[0].count / parts[0].shape[0]
    precondition(parts.allSatisfy { $0.count == $0.shape[0] * columns }, "parts have one width")
    let type = parts[0].elementType
    guard parts.allSatisfy({ $0.elementType == type }) else {
      // Parts stored in different ways become F32.
      let tensor = try makeTensor(rows: rows, columns: columns)
      try write(parts.flatMap { $0.floats() }, to: tensor)
      return CUDAMatrix(
        memory: tensor.memory, address: tensor.address, rows: rows, columns: columns,
        format: .stored(.f32))
    }
    if type == .bfloat16 { try reserveSplitScratch(columns: columns) }
    let memory = try allocate(byteCount: rows * columns * type.byteCount)
    try memory.upload(parts)
    return CUDAMatrix(
      memory: memory, address: memory.address, rows: rows, columns: columns,
      format: .stored(ElementFormat(parts[0])))
  }

  package func loadVector(_ values: [Float]) throws(CUDAError) -> CUDATensor {
    let tensor = try makeTensor(rows: 1, columns: values.count)
    try write(values, to: tensor)
    return tensor
  }

  // MARK: Host exchange

  /// Room in the staging memory, or `nil` when it is too small; waits when it is all under way.
  private func stage(words: Int) throws(CUDAError) -> Int? {
    guard words <= Self.stagingWords / 4 else { return nil }
    if staged + words > Self.stagingWords {
      try stream.synchronize()
      staged = 0
    }
    defer { staged += words }
    return staged
  }

  private func send<Element: BitwiseCopyable>(
    _ values: [Element], to address: UInt64
  ) throws(CUDAError) {
    guard !values.isEmpty else { return }
    if let first = try stage(words: values.count) {
      try staging.upload(values, by: first, to: address, on: stream)
    } else {
      try stream.write(values, to: address)
    }
  }

  private func receive<Element: BitwiseCopyable>(
    _ address: UInt64, count: Int, zero: Element
  ) throws(CUDAError) -> [Element] {
    guard count > 0 else { return [] }
    if let first = try stage(words: count) {
      return try staging.download(address, count: count, zero: zero, by: first, on: stream)
    }
    return try stream.read(address, count: count, zero: zero)
  }

  package func writeRows(
    of table: HostTensor, ids: [Int32], to tensor: CUDATensor
  ) throws(CUDAError) {
    let width = table.count / table.shape[0]
    precondition(width == tensor.columns && ids.count <= tensor.rows)
    guard table.elementType == .bfloat16, width % 2 == 0,
      2 * splitScratch.count >= ids.count * width,
      let first = try stage(words: ids.count * width / 2)
    else {
      return try write(
        ids.flatMap { table.floats(Int($0) * width..<(Int($0) + 1) * width) }, to: tensor)
    }
    let start = table.byteRange.lowerBound
    let ranges = ids.map { start + 2 * Int($0) * width..<start + 2 * (Int($0) + 1) * width }
    precondition(ranges.allSatisfy { $0.upperBound <= table.byteRange.upperBound })
    table.storage.withBytes { staging.fill($0, ranges, from: first) }
    try staging.send(
      from: first, byteCount: 2 * ids.count * width, to: splitScratch.address, on: stream)
    try launch(
      "widen_rows", over: ids.count * width / 2, splitScratch.address, tensor.address,
      ids.count * width / 2)
  }

  package func write(_ values: [Float], to tensor: CUDATensor) throws(CUDAError) {
    precondition(values.count <= tensor.count, "more values than the tensor holds")
    try send(values, to: tensor.address)
  }

  package func write(_ values: [Int32], to indices: CUDAIndices) throws(CUDAError) {
    precondition(values.count <= indices.count, "more values than the indices hold")
    if indices.stride == 1 { return try send(values, to: indices.address) }
    for (index, value) in values.enumerated() {
      try send([value], to: indices.address + UInt64(4 * index * indices.stride))
    }
  }

  package func read(_ tensor: CUDATensor) throws(CUDAError) -> [Float] {
    try receive(tensor.address, count: tensor.count, zero: 0)
  }

  package func read(_ indices: CUDAIndices) throws(CUDAError) -> [Int32] {
    guard indices.count > 0 else { return [] }
    let span = (indices.count - 1) * indices.stride + 1
    let words: [Int32] = try receive(indices.address, count: span, zero: 0)
    return (0..<indices.count).map { words[$0 * indices.stride] }
  }

  package func clear(_ tensor: CUDATensor) throws(CUDAError) {
    try launch("fill", over: tensor.count, tensor.address, 1, tensor.count, UInt32(0))
  }

  package func clear(_ indices: CUDAIndices) throws(CUDAError) {
    try launch(
      "fill", over: indices.count, indices.address, indices.stride, indices.count, UInt32(0))
  }

  // MARK: Recording

  package func run(
    _ recording: CUDARecording, _ body: () throws(CUDAError) -> Void
  ) throws(CUDAError) {
    guard recordsSteps else { return try body() }
    if recording.graph == nil {
      recording.graph = try stream.capture(body)
      recording.stream = stream
    }
    precondition(recording.stream === stream, "a recording is used where it was made")
    try recording.graph?.launch(on: stream)
  }

  package func wait(for other: CUDABackend) throws(CUDAError) {
    guard other !== self else { return }
    try other.progress.record(on: other.stream)
    try stream.wait(for: other.progress)
  }

  package func time(_ body: () throws(CUDAError) -> Void) throws(CUDAError) -> Duration {
    let (start, end) = (try CUDAEvent(context), try CUDAEvent(context))
    try start.record(on: stream)
    try body()
    try end.record(on: stream)
    try end.synchronize()
    return .nanoseconds(Int64(try end.milliseconds(since: start) * 1e6))
  }

  package var framesInFlight: Int { 4 }

  package func promptRows(for count: Int) -> Int {
    let step = count <= 64 ? 8 : 32
    // Also where nothing is recorded: how a product is cut depends on its rows, and the sums on that.
    return (count + step - 1) / step * step
  }

  package func publish(_ codes: CUDAIndices, to ring: CUDAFrameRing) throws(CUDAError) {
    precondition(codes.count == ring.width, "a frame has the ring's width")
    try launch(
      "publish", grid: CUDAGrid(1), block: 128, codes.address, Int32(codes.stride),
      Int32(ring.width), ring.counter.address,
      ring.memory.deviceAddress + UInt64(4 * CUDAFrameRing.header), Int32(CUDAFrameRing.depth),
      ring.memory.deviceAddress)
  }

  package func collect(
    _ index: Int, from ring: CUDAFrameRing
  ) throws(CUDAError) -> [Int32] {
    // Wraps around as the count of those published does.
    let number = Int32(truncatingIfNeeded: index)
    func publishedSince() -> Int { Int(ring.memory.loadAcquire(0) &- number) }
    var polls = 0
    while publishedSince() <= 0 {
      polls += 1
      if polls % 4096 == 0, try stream.isIdle(), publishedSince() <= 0 {
        throw CUDAError(
          call: "collect", code: -1, name: "frame \(index) was never published",
          remedy: "publish a frame before it is collected")
      }
      PinnedMemory.pause()
    }
    let start = CUDAFrameRing.header + index % CUDAFrameRing.depth * ring.width
    let codes = ring.memory.words(start..<start + ring.width)
    guard publishedSince() <= CUDAFrameRing.depth else {
      throw CUDAError(
        call: "collect", code: -1, name: "frame \(index) was overwritten",
        remedy: "collect a frame before \(CUDAFrameRing.depth) others follow it")
    }
    return codes
  }
}
