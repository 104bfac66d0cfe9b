// SPDX-License-Identifier: MIT

package import CUDA

/// How fast a device reads its memory, for judging how much of it a frame makes use of.
package enum ReadBandwidth {
  /// Each thread reads 16 bytes at a time, eight times before it looks at what came.
  private static let source = """
    extern "C" __global__ void read_all(const uint4 *from, long long count, unsigned *out) {
      long long stride = (long long)gridDim.x * blockDim.x;
      long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
      unsigned seen = 0;
      for (; i + 7 * stride < count; i += 8 * stride) {
        uint4 v[8];
        #pragma unroll
        for (int j = 0; j < 8; j++) v[j] = from[i + j * stride];
        #pragma unroll
        for (int j = 0; j < 8; j++) seen |= v[j].x | v[j].y | v[j].z | v[j].w;
      }
      // The memory is zero, so nothing is written; without it nothing would be read.
      if (seen) *out = seen;
    }
    """

  /// Bytes a second over memory much larger than the caches: the median of 21 reads, timed with events.
  ///
  /// - Parameter byteCount: How much is read each time, allocated for as long as it takes.
  package static func measure(
    _ context: CUDAContext, byteCount: Int = 1 << 30
  ) throws(CUDAError) -> Double {
    let stream = try CUDAStream(context)
    let image = try KernelCache.standard.image(
      KernelProgram(name: "bandwidth", source: source, options: context.compilerOptions))
    let kernel = try CUDAModule(image: image, context).kernel(
      "read_all", parameters: [.pointer, .int64, .pointer])
    let memory = try DeviceMemory(byteCount: byteCount, context)
    let out = try DeviceMemory(byteCount: 4, context)
    try memory.clear(on: stream)
    let (start, end) = (try CUDAEvent(context), try CUDAEvent(context))
    let grid = CUDAGrid(8 * context.multiprocessorCount)
    // What the loop leaves at the end is not read.
    let step = grid.x * 256 * 8
    let count = byteCount / 16 / step * step
    var times: [Float] = []
    for _ in 0..<23 {
      try start.record(on: stream)
      try stream.launch(
        kernel, grid: grid, block: 256, memory.address, count, out.address)
      try end.record(on: stream)
      try end.synchronize()
      times.append(try end.milliseconds(since: start))
    }
    // The first two warm up.
    let sorted = times.dropFirst(2).sorted()
    return Double(16 * count) / (Double(sorted[sorted.count / 2]) / 1000)
  }
}
