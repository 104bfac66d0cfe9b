// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

/// A view of F32 numbers on the device.
package struct CUDATensor: BackendTensor {
  let address: UInt64
  package let rows: Int
  package let columns: Int

  var count: Int { rows * columns }

  package func rows(_ range: Range<Int>) -> CUDATensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows outside the tensor")
    return CUDATensor(
      address: address + UInt64(4 * range.lowerBound * columns), rows: range.count,
      columns: columns)
  }

  package func reshaped(rows: Int, columns: Int) -> CUDATensor {
    precondition(rows * columns == count, "a reshaped tensor keeps its size")
    return CUDATensor(address: address, rows: rows, columns: columns)
  }
}

/// A view of I32 numbers on the device.
package struct CUDAIndices: BackendIndices {
  let address: UInt64
  package let count: Int
  let stride: Int

  package func strided(from start: Int, count: Int, by stride: Int) -> CUDAIndices {
    precondition(
      start >= 0 && (count == 0 || start + (count - 1) * stride < self.count),
      "elements outside the indices")
    return CUDAIndices(
      address: address + UInt64(4 * start * self.stride), count: count,
      stride: stride * self.stride)
  }
}

/// A weight on the device, in its stored precision.
package struct CUDAMatrix {
  let address: UInt64
  package let rows: Int
  package let columns: Int
  /// Ending of the names of kernels that read it.
  let suffix: String
  /// How it is laid out when only `Product.cu` and `FewRows.cu` can read it.
  var packed: PackedWeight? = nil
  /// Taps of a weight that `Encoders.cu` multiplies by, laid out before the inputs.
  var exactTaps: Int? = nil
}

/// Keys and values on the device, `[layers][slots · capacity, kvWidth]`, in words of 32 bits.
package struct CUDACache {
  /// All keys, then all values.
  let all: CUDATensor
  let keys: [CUDATensor]
  let values: [CUDATensor]
  let capacity: Int
  let precision: CachePrecision
  /// Where blocks of one head leave what the product behind them merges.
  let partial: CUDATensor
}

/// Frames in page-locked memory: word 0 counts those published, `depth` places follow.
package final class CUDAFrameRing {
  static var depth: Int { 1024 }
  static var header: Int { 16 }

  let memory: PinnedMemory
  /// Codes of a frame.
  let width: Int
  /// Frames published, on the device.
  let counter: CUDAIndices

  init(_ memory: PinnedMemory, width: Int, counter: CUDAIndices) {
    self.memory = memory
    self.width = width
    self.counter = counter
  }
}

/// The model on an NVIDIA device: F32 arithmetic over weights in their stored precision.
///
/// Not `Sendable`: one thread uses it at a time. All work goes through one stream, in order.
package final class CUDABackend: Backend {
  package typealias Failure = CUDAError
  package typealias Tensor = CUDATensor
  package typealias Indices = CUDAIndices
  package typealias Matrix = CUDAMatrix
  package typealias Cache = CUDACache
  package typealias FrameRing = CUDAFrameRing

  package let context: CUDAContext
  package let stream: CUDAStream
  /// False: every body runs operation by operation.
  package let recordsSteps: Bool
  /// False: fused operations run as the smaller ones they are defined by.
  package let streamsWeights: Bool
  // Declared before what they depend on is freed: graphs and memory go before the stream's module.
  private var graphs: [ReplayKey: CUDAGraph] = [:]
  private var memories: [DeviceMemory] = []
  private let kernels: [String: CUDAKernel]
  let cache: KernelCache
  /// Macros of the frame kernel; `nil`: frames run as a graph of kernels.
  let frameDefinitions: [String]?
  /// Programs of steps that run as one kernel, by the address of their codes.
  var framePrograms: [UInt64: FrameProgram] = [:]
  /// Through which numbers pass between host and device, and its first word not under way.
  private let staging: PinnedMemory
  private var staged = 0
  private static var stagingWords: Int { 1 << 20 }
  /// Room for the shares of products that are cut along k.
  private(set) var shares: CUDATensor
  /// How many blocks of a tile have left their share.
  private(set) var arrivals: CUDAIndices
  /// Room for `partRows` rows in bf16 parts, as wide as the widest matrix.
  private(set) var parts: CUDATensor
  /// Rows that are multiplied in parts at once; longer inputs go in turns.
  static var partRows: Int { 256 }

  /// - Parameters:
  ///   - recordsSteps: Whether `replay` records its bodies.
  ///   - streamsWeights: Whether decoding uses its own kernels.
  ///   - sharedMemoryShare: Percent of an SM's first-level memory that is shared memory; one share for
  ///     all kernels, so that one may begin on an SM where another ends.
  ///   - cache: Where compiled kernels are kept.
  ///   - frameKernel: Whether a frame runs as one kernel where the model fits it.
  ///   - model: The model whose frames will be made here: their kernel is then compiled beside the others
  ///     and not after them.
  package init(
    _ context: CUDAContext, recordsSteps: Bool = true, streamsWeights: Bool = true,
    sharedMemoryShare: Int? = 50, cache: KernelCache = .standard,
    frameKernel: FrameKernel = .automatic, model: ModelConfiguration? = nil
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
    if let model, let frameDefinitions, let shape = FrameShape(model, context) {
      programs.append(shape.program(context, definitions: frameDefinitions))
    }
    let images = try cache.images(programs)
    var modules: [String: CUDAModule] = [:]
    for (program, image) in zip(general, images) {
      modules[program.name] = try CUDAModule(image: image, context)
    }
    var kernels: [String: CUDAKernel] = [:]
    // All of them now: loading one may not happen while a body is recorded.
    for kernel in KernelSources.kernels {
      guard let module = modules[kernel.program] else { continue }
      // Products take all of an SM's first-level memory, so that nothing else is beside them.
      kernels[kernel.name] = try module.kernel(
        kernel.name, parameters: kernel.parameters,
        sharedMemoryShare: kernel.program == KernelSources.gemmProgram ? 100 : sharedMemoryShare,
        sharedBytes: Self.productSharedBytes(kernel.name, architecture: context.architecture))
    }
    self.kernels = kernels
    staging = try PinnedMemory(count: Self.stagingWords, context)
    shares = CUDATensor(address: 0, rows: 0, columns: 0)
    parts = shares
    arrivals = CUDAIndices(address: 0, count: 0, stride: 1)
    shares = try makeTensor(rows: 1, columns: 2 << 20)
    arrivals = try makeIndices(count: 1 << 12)
  }

  /// Grows the room for parts; before anything is recorded that uses it.
  func reserveParts(columns: Int) throws(CUDAError) {
    let wanted = Self.partRows * columns
    if parts.count < wanted { parts = try makeTensor(rows: 1, columns: wanted) }
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
      programmatic: context.architecture >= 90, clusterDepth: clusterDepth,
      repeat each arguments)
  }

  /// Queues a kernel with a thread for each of `count` numbers.
  func launch<each Argument: KernelArgument>(
    _ name: String, over count: Int, _ arguments: repeat each Argument
  ) throws(CUDAError) {
    try launch(name, grid: CUDAGrid((count + 255) / 256), block: 256, repeat each arguments)
  }

  // MARK: Memory

  func allocate(byteCount: Int) throws(CUDAError) -> DeviceMemory {
    let memory = try DeviceMemory(byteCount: byteCount, context)
    memories.append(memory)
    return memory
  }

  private func allocateZeros(byteCount: Int) throws(CUDAError) -> UInt64 {
    let memory = try allocate(byteCount: byteCount)
    try memory.clear(on: stream)
    return memory.address
  }

  package func makeTensor(rows: Int, columns: Int) throws(CUDAError) -> CUDATensor {
    CUDATensor(
      address: try allocateZeros(byteCount: 4 * rows * columns), rows: rows, columns: columns)
  }

  package func makeIndices(count: Int) throws(CUDAError) -> CUDAIndices {
    CUDAIndices(address: try allocateZeros(byteCount: 4 * count), count: count, stride: 1)
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
      partial: try makeTensor(rows: 1, columns: Self.attentionRoom))
  }

  package func makeFrameRing(
    slotCount: Int, codebookCount: Int
  ) throws(CUDAError) -> CUDAFrameRing {
    let width = slotCount * codebookCount
    return CUDAFrameRing(
      try PinnedMemory(count: CUDAFrameRing.header + CUDAFrameRing.depth * width, context),
      width: width, counter: try makeIndices(count: 1))
  }

  package func loadMatrix(_ parts: [HostTensor]) throws(CUDAError) -> CUDAMatrix {
    let rows = parts.reduce(0) { $0 + $1.shape[0] }
    let columns = parts[0].count / parts[0].shape[0]
    precondition(parts.allSatisfy { $0.count == $0.shape[0] * columns }, "parts have one width")
    let type = parts[0].elementType
    guard parts.allSatisfy({ $0.elementType == type }) else {
      // Parts stored in different ways become F32.
      let tensor = try makeTensor(rows: rows, columns: columns)
      try write(parts.flatMap { $0.floats() }, to: tensor)
      return CUDAMatrix(address: tensor.address, rows: rows, columns: columns, suffix: "f32")
    }
    let suffix = parts[0].kernelSuffix
    if type == .bfloat16 { try reserveParts(columns: columns) }
    let memory = try allocate(byteCount: rows * columns * type.byteCount)
    try upload(parts, to: memory)
    return CUDAMatrix(address: memory.address, rows: rows, columns: columns, suffix: suffix)
  }

  /// Copies stored bytes, one behind the other.
  func upload(_ parts: [HostTensor], to memory: DeviceMemory) throws(CUDAError) {
    var offset = 0
    for part in parts {
      try part.storage.withBytes { (bytes: RawSpan) throws(CUDAError) in
        try memory.upload(bytes, part.byteRange, to: offset, on: stream)
      }
      offset += part.byteRange.count
    }
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
    guard table.elementType == .bfloat16, width % 2 == 0, 2 * parts.count >= ids.count * width,
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
      from: first, byteCount: 2 * ids.count * width, to: parts.address, on: stream)
    try launch(
      "widen_rows", over: ids.count * width / 2, parts.address, tensor.address,
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

  // MARK: Replay

  package func replay(
    _ key: ReplayKey, _ body: () throws(CUDAError) -> Void
  ) throws(CUDAError) {
    guard recordsSteps else { return try body() }
    let graph: CUDAGraph
    if let recorded = graphs[key] {
      graph = recorded
    } else {
      graph = try stream.capture(body)
      graphs[key] = graph
    }
    try graph.launch(on: stream)
  }

  package func follow(_ other: CUDABackend) throws(CUDAError) {
    guard other !== self else { return }
    let event = try CUDAEvent(context)
    try event.record(on: other.stream)
    try stream.wait(for: event)
  }

  package func time(_ body: () throws(CUDAError) -> Void) throws(CUDAError) -> Duration {
    let (start, end) = (try CUDAEvent(context), try CUDAEvent(context))
    try start.record(on: stream)
    try body()
    try end.record(on: stream)
    try end.synchronize()
    return .nanoseconds(Int64(try end.milliseconds(since: start) * 1e6))
  }

  /// The codec waits behind whole frames, so few of those.
  package var framesInFlight: Int { framePrograms.isEmpty ? 4 : 2 }

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
    var polls = 0
    while ring.memory.loadAcquire(0) <= index {
      polls += 1
      if polls % 4096 == 0, try stream.isIdle(), ring.memory.loadAcquire(0) <= index {
        throw CUDAError(
          call: "collect", code: -1, name: "frame \(index) was never published",
          remedy: "publish a frame before it is collected")
      }
      PinnedMemory.pause()
    }
    let start = CUDAFrameRing.header + index % CUDAFrameRing.depth * ring.width
    let codes = ring.memory.words(start..<start + ring.width)
    guard Int(ring.memory.loadAcquire(0)) - index <= CUDAFrameRing.depth else {
      throw CUDAError(
        call: "collect", code: -1, name: "frame \(index) was overwritten",
        remedy: "collect a frame before \(CUDAFrameRing.depth) others follow it")
    }
    return codes
  }

  package func reset(_ ring: CUDAFrameRing) throws(CUDAError) {
    try clear(ring.counter)
    try stream.synchronize()
    ring.memory.store(0, at: 0)
  }
}
