// SPDX-License-Identifier: MIT

package import CUDA
import SpeechModel

/// A body as a graph of launches, once it has run.
package final class CUDARecording: BackendRecording {
  fileprivate var graph: CUDAGraph?
  fileprivate var stream: CUDAStream?

  package init() {}

  deinit { stream?.drain() }
}

extension CUDABackend {
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
}
