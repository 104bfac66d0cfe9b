// SPDX-License-Identifier: MIT

// What a backend does that records nothing, runs in step with the host and has one queue.

extension ComposedBackend {
  package func writeRows(
    of table: HostTensor, ids: [Int32], to tensor: Tensor
  ) throws(Failure) {
    let width = table.count / table.shape[0]
    try write(ids.flatMap { table.floats(Int($0) * width..<(Int($0) + 1) * width) }, to: tensor)
  }

  package func run(
    _ recording: Recording, _ body: () throws(Failure) -> Void
  ) throws(Failure) {
    try body()
  }

  package func time(_ body: () throws(Failure) -> Void) throws(Failure) -> Duration {
    let clock = ContinuousClock()
    let start = clock.now
    try body()
    return clock.now - start
  }

  package func wait(for other: Self) throws(Failure) {}

  package var framesInFlight: Int { 1 }
}

extension ComposedBackend where Readback == [Float] {
  package func beginRead(_ tensor: Tensor) throws(Failure) -> [Float] { try read(tensor) }

  package func isRead(_ readback: [Float]) throws(Failure) -> Bool { true }

  package func finishRead(_ readback: [Float]) throws(Failure) -> [Float] { readback }
}

extension MemoryBackend {
  /// Takes over a stored vector.
  package func vector(_ tensor: HostTensor) throws(Failure) -> Tensor {
    try loadVector(tensor.floats())
  }
}
