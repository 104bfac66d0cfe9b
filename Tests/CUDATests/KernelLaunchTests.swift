// SPDX-License-Identifier: MIT

import CUDA
import FakeCUDA
import Testing

/// A launch is checked against what its kernel takes, on any driver.
@Suite struct KernelLaunchTests {
  /// A kernel of the fake driver that is said to take a pointer, an F32 and a count.
  static func launch(_ body: (CUDAStream, CUDAKernel) throws -> Void) throws {
    FakeDevice.install()
    let context = try CUDAContext()
    let kernel = try CUDAModule(image: Array("fake".utf8), context).kernel(
      "scale", parameters: KernelParameter.list("pfi"))
    try body(CUDAStream(context), kernel)
  }

  @Test func `arguments of the listed kinds are launched`() async {
    await #expect(processExitsWith: .success) {
      try KernelLaunchTests.launch { stream, kernel in
        try stream.launch(
          kernel, grid: CUDAGrid(1), block: 32, UInt64(64), Float(0.5), Int32(3))
      }
    }
  }

  @Test func `an argument of another kind stops the program`() async {
    await #expect(processExitsWith: .failure) {
      try KernelLaunchTests.launch { stream, kernel in
        try stream.launch(
          kernel, grid: CUDAGrid(1), block: 32, UInt64(64), Int32(3), Float(0.5))
      }
    }
  }

  @Test func `a missing argument stops the program`() async {
    await #expect(processExitsWith: .failure) {
      try KernelLaunchTests.launch { stream, kernel in
        try stream.launch(kernel, grid: CUDAGrid(1), block: 32, UInt64(64), Float(0.5))
      }
    }
  }

  @Test func `an argument too many stops the program`() async {
    await #expect(processExitsWith: .failure) {
      try KernelLaunchTests.launch { stream, kernel in
        try stream.launch(
          kernel, grid: CUDAGrid(1), block: 32, UInt64(64), Float(0.5), Int32(3), Int32(3))
      }
    }
  }
}
