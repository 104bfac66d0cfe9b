// SPDX-License-Identifier: MIT

package import CUDA
package import SpeechModel

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
  package typealias Readback = CUDAReadback
  package typealias Recording = CUDARecording
  package typealias FrameProgram = CUDAFrameProgram

  package let context: CUDAContext
  package let stream: CUDAStream
  /// False: every body runs operation by operation.
  package let recordsSteps: Bool
  /// False: fused operations run as the smaller ones they are defined by.
  package let streamsWeights: Bool
  /// Whether a row's bits depend neither on how many rows there are nor on what they hold: for engines in
  /// which utterances are spoken beside each other.
  ///
  /// Each product then has one order of its sums, whatever its rows (`LinearPlan`, `GEMMPlan`), and
  /// one row is a batch of one: no kernel is for few rows alone, and no frame is one kernel.
  package let independentRows: Bool
  private let kernels: [String: CUDAKernel]
  let cache: KernelCache
  /// Macros of the frame kernel; `nil`: frames run as a graph of kernels.
  let frameDefinitions: [String]?
  let staging: HostStaging
  let readbacks: ReadbackPool
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
  let progress: CUDAEvent

  /// - Parameters:
  ///   - recordsSteps: Whether `run(_:_:)` records its bodies.
  ///   - streamsWeights: Whether decoding uses its own kernels.
  ///   - independentRows: Whether a row's bits are the same alone and among others; decoding then has no
  ///     kernels of its own.
  ///   - sharedMemoryShare: Percent of an SM's first-level memory that is shared memory; one share for
  ///     all kernels, so that one may start on an SM where another ends.
  ///   - cache: Where compiled kernels are kept.
  ///   - frameKernel: Whether a frame runs as one kernel where the model fits it.
  ///   - model: The model whose frames will be made here: their kernel is then compiled at the same time
  ///     as the others.
  ///   - cachePrecision: How that model's keys and values will be cached; `nil` for bf16, as its weights are.
  package init(
    _ context: CUDAContext, recordsSteps: Bool = true, streamsWeights: Bool = true,
    independentRows: Bool = false, sharedMemoryShare: Int? = 50, cache: KernelCache = .standard,
    frameKernel: FrameKernel = .automatic, model: ModelConfiguration? = nil,
    cachePrecision: CachePrecision? = nil
  ) throws(CUDAError) {
    self.streamsWeights = streamsWeights
    self.independentRows = independentRows
    self.cache = cache
    let macros =
      streamsWeights && !independentRows
      ? frameKernel.macros(architecture: context.architecture) : nil
    frameDefinitions = macros?.map { "-D\($0)" }
    self.context = context
    self.recordsSteps = recordsSteps
    stream = try CUDAStream(context)
    let general = KernelSources.general(
      options: context.compilerOptions, many: independentRows)
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
      // Products take the whole first-level memory of an SM as shared memory; and where they are beside
      // all other kernels, these do so, too: an SM changes its share only when it is idle.
      let isWhole =
        independentRows && sharedMemoryShare != nil
        || KernelSources.sharedMemoryPrograms.contains(kernel.program)
      kernels[kernel.name] = try module.kernel(
        kernel.name, parameters: kernel.parameters,
        sharedMemoryShare: isWhole ? 100 : sharedMemoryShare,
        sharedBytes: sharedBytes[kernel.name])
    }
    self.kernels = kernels
    staging = try HostStaging(stream)
    readbacks = ReadbackPool(stream)
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
}
