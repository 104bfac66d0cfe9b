// SPDX-License-Identifier: MIT

import CCUDA

/// A queue of work on the device. One thread uses it at a time.
package final class CUDAStream {
  package let context: CUDAContext
  let handle: CCUstream
  /// Where a launch lays out its arguments; the driver copies them before it returns.
  private let argumentBytes: UnsafeMutableRawPointer
  private let argumentAddresses: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  static var argumentLimit: Int { 48 }

  package init(_ context: CUDAContext) throws(CUDAError) {
    var stream: CCUstream?
    try context.call("cuStreamCreate") { ccuStreamCreate(&stream, StreamFlags.nonBlocking) }
    guard let stream else {
      throw CUDAError(driver: "cuStreamCreate", code: CUDAError.invalidHandle)
    }
    self.context = context
    handle = stream
    argumentBytes = .allocate(byteCount: 8 * Self.argumentLimit, alignment: 8)
    argumentAddresses = .allocate(capacity: Self.argumentLimit)
  }

  deinit {
    context.release("cuStreamSynchronize") { ccuStreamSynchronize(handle) }
    context.release("cuStreamDestroy") { ccuStreamDestroy(handle) }
    argumentBytes.deallocate()
    argumentAddresses.deallocate()
  }

  /// Waits until everything queued has run.
  package func synchronize() throws(CUDAError) {
    try context.call("cuStreamSynchronize") { ccuStreamSynchronize(handle) }
  }

  /// Waits until everything queued has run, before what it works on is released. A failure is reported
  /// by the next call that is checked.
  package func drain() {
    context.release("cuStreamSynchronize") { ccuStreamSynchronize(handle) }
  }

  /// What is queued from now on begins when the event has passed.
  package func wait(for event: CUDAEvent) throws(CUDAError) {
    try context.call("cuStreamWaitEvent") { ccuStreamWaitEvent(handle, event.handle, 0) }
  }

  /// True when everything queued has run; throws what a kernel failed with.
  package func isIdle() throws(CUDAError) -> Bool {
    var waits = false
    try context.call("cuStreamQuery") {
      let code = ccuStreamQuery(handle)
      waits = code == CCUDA_NOT_READY
      return waits ? 0 : code
    }
    return !waits
  }

  /// Queues one run of a kernel. The arguments are in the order of the kernel's parameter list.
  ///
  /// - Precondition: Their number and kinds are the kernel's.
  /// - Parameters:
  ///   - block: Threads of a block.
  ///   - sharedBytes: Dynamic shared memory of a block.
  ///   - programmatic: The kernel may start while its predecessor still runs, and waits for it itself
  ///     (`wait_for_previous` in Kernel.cuh).
  ///   - cooperative: All blocks are resident at once.
  ///   - clusterDepth: So many adjacent blocks along z form a cluster.
  package func launch<each Argument: KernelArgument>(
    _ kernel: CUDAKernel, grid: CUDAGrid, block: Int, sharedBytes: Int = 0,
    programmatic: Bool = false, cooperative: Bool = false, clusterDepth: Int = 1,
    _ arguments: repeat each Argument
  ) throws(CUDAError) {
    var count = 0
    for argument in repeat each arguments {
      append(argument, at: count, of: kernel)
      count += 1
    }
    precondition(
      count == kernel.parameters.count,
      "\(kernel.name) takes \(kernel.parameters.count) arguments, not \(count)")
    try context.call("cuLaunchKernelEx(\(kernel.name))") {
      ccudaLaunch(
        kernel.handle, UInt32(grid.x), UInt32(grid.y), UInt32(grid.z), UInt32(block),
        UInt32(sharedBytes), handle, argumentAddresses, programmatic ? 1 : 0,
        cooperative ? 1 : 0, UInt32(clusterDepth))
    }
  }

  private func append<Argument: KernelArgument>(
    _ argument: Argument, at index: Int, of kernel: CUDAKernel
  ) {
    precondition(
      index < kernel.parameters.count && kernel.parameters[index] == Argument.kind,
      "\(kernel.name) takes no \(Argument.kind) as argument \(index)")
    let address = argumentBytes + 8 * index
    address.storeBytes(of: argument, as: Argument.self)
    argumentAddresses[index] = address
  }

  /// Records what `body` queues, without running it.
  package func capture(_ body: () throws(CUDAError) -> Void) throws(CUDAError) -> CUDAGraph {
    try context.call("cuStreamBeginCapture") {
      ccuStreamBeginCapture(handle, CaptureMode.threadLocal)
    }
    var failure: CUDAError?
    do {
      try body()
    } catch {
      failure = error
    }
    var graph: CCUgraph?
    do {
      try context.call("cuStreamEndCapture") { ccuStreamEndCapture(handle, &graph) }
    } catch {
      // A failed body makes the recording invalid; its own error says why.
      throw failure ?? error
    }
    guard let graph else {
      throw failure
        ?? CUDAError(driver: "cuStreamEndCapture", code: CUDAError.captureInvalidated)
    }
    defer { context.release("cuGraphDestroy") { ccuGraphDestroy(graph) } }
    if let failure { throw failure }
    return try CUDAGraph(graph, context)
  }
}

/// Blocks of a launch.
package struct CUDAGrid: Sendable, Equatable {
  package var x: Int
  package var y: Int
  package var z: Int

  package init(_ x: Int, _ y: Int = 1, _ z: Int = 1) {
    (self.x, self.y, self.z) = (x, y, z)
  }
}

/// Recorded work, ready to run.
package final class CUDAGraph {
  private let context: CUDAContext
  private let handle: CCUgraphExec

  init(_ graph: CCUgraph, _ context: CUDAContext) throws(CUDAError) {
    var executable: CCUgraphExec?
    try context.call("cuGraphInstantiateWithFlags") { ccuGraphInstantiate(&executable, graph, 0) }
    guard let executable else {
      throw CUDAError(driver: "cuGraphInstantiateWithFlags", code: CUDAError.invalidHandle)
    }
    handle = executable
    self.context = context
  }

  deinit { context.release("cuGraphExecDestroy") { ccuGraphExecDestroy(handle) } }

  /// Queues one run.
  package func launch(on stream: CUDAStream) throws(CUDAError) {
    try context.call("cuGraphLaunch") { ccuGraphLaunch(handle, stream.handle) }
  }
}

/// A point in a stream, with its time.
package final class CUDAEvent {
  private let context: CUDAContext
  fileprivate let handle: CCUevent

  package init(_ context: CUDAContext) throws(CUDAError) {
    var event: CCUevent?
    try context.call("cuEventCreate") { ccuEventCreate(&event, 0) }
    guard let event else {
      throw CUDAError(driver: "cuEventCreate", code: CUDAError.invalidHandle)
    }
    handle = event
    self.context = context
  }

  deinit { context.release("cuEventDestroy") { ccuEventDestroy(handle) } }

  package func record(on stream: CUDAStream) throws(CUDAError) {
    try context.call("cuEventRecord") { ccuEventRecord(handle, stream.handle) }
  }

  /// True when what was queued before it has run; throws what a kernel failed with.
  package func hasPassed() throws(CUDAError) -> Bool {
    var waits = false
    try context.call("cuEventQuery") {
      let code = ccuEventQuery(handle)
      waits = code == CCUDA_NOT_READY
      return waits ? 0 : code
    }
    return !waits
  }

  package func synchronize() throws(CUDAError) {
    try context.call("cuEventSynchronize") { ccuEventSynchronize(handle) }
  }

  /// Milliseconds from `start` to this event, once both have passed.
  package func milliseconds(since start: CUDAEvent) throws(CUDAError) -> Float {
    var time: Float = 0
    try context.call("cuEventElapsedTime") { ccuEventElapsedTime(&time, start.handle, handle) }
    return time
  }
}
