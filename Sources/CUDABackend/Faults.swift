// SPDX-License-Identifier: MIT

package import CUDA

extension CUDABackend {
  /// Queues a kernel that stops with an error: afterwards every call of this process on the device
  /// fails. For verification of how that is reported.
  ///
  /// - Returns: The kernel, to be kept until it has run.
  package func breakDevice() throws(CUDAError) -> CUDAKernel {
    let source = "extern \"C\" __global__ void stop() { asm volatile(\"trap;\"); }"
    let image = try NVRTC.compile(
      KernelProgram(name: "stop", source: source, options: context.compilerOptions))
    let kernel = try CUDAModule(image: image, context).kernel("stop", parameters: [])
    try stream.launch(kernel, grid: CUDAGrid(1), block: 1)
    return kernel
  }
}
