// SPDX-License-Identifier: MIT

import CUDA
import CUDABackend
import FakeCUDA
import SpeechModel
import Testing

/// Copies to the host that are under way together, and what they leave.
@Suite struct ReadbackTests {
  static func onDevice(_ body: (CUDABackend) throws -> Void) throws {
    FakeDevice.install()
    try body(CUDABackend(CUDAContext()))
  }

  @Test func `reads under way have memory of their own, which serves the next ones`() async {
    await #expect(processExitsWith: .success) {
      try ReadbackTests.onDevice { backend in
        let tensors = try (0..<5).map { index in
          let tensor = try backend.makeTensor(rows: 1920, columns: 1)
          try backend.write([Float](repeating: Float(index), count: 1920), to: tensor)
          return tensor
        }
        var objects = 0
        for turn in 0..<3 {
          let readbacks = try tensors.map { try backend.beginRead($0) }
          // Overwritten before they are finished, in another order.
          for index in [3, 0, 4, 2, 1] {
            try #expect(backend.isRead(readbacks[index]))
            try #expect(
              backend.finishRead(readbacks[index])
                == [Float](repeating: Float(index), count: 1920))
          }
          if turn == 0 { objects = Int(fakeCUDALiveObjects()) }
          #expect(fakeCUDALiveObjects() == Int32(objects))
        }
        // Those that nobody waits for as well.
        for _ in 0..<20 { _ = try backend.beginRead(tensors[0]) }
        #expect(fakeCUDALiveObjects() == Int32(objects))
        withExtendedLifetime(tensors) {}
      }
      #expect(fakeCUDALiveObjects() == 0)
    }
  }

  @Test func `a read that the device fails in is reported when it is asked for`() async {
    await #expect(processExitsWith: .success) {
      try ReadbackTests.onDevice { backend in
        let tensor = try backend.makeTensor(rows: 3, columns: 1)
        for symbol in [
          "cuMemcpyDtoHAsync_v2", "cuEventRecord", "cuEventQuery", "cuEventSynchronize",
        ] {
          fakeCUDAFail(symbol, 1, 719, 0)
          let error = #expect(throws: CUDAError.self) {
            let readback = try backend.beginRead(tensor)
            guard try backend.isRead(readback) else { return }
            _ = try backend.finishRead(readback)
          }
          #expect(error?.name == "CUDA_ERROR_LAUNCH_FAILED", "\(symbol)")
        }
        fakeCUDAFail("", 0, 0, 0)
        try #expect(backend.finishRead(backend.beginRead(tensor)) == [0, 0, 0])
      }
      #expect(fakeCUDALiveObjects() == 0)
    }
  }

  @Test func `an entry has fewer rows than its ring, and one that is lost is reported`() async {
    await #expect(processExitsWith: .success) {
      try ReadbackTests.onDevice { backend in
        let ring = try backend.makeFrameRing(rowCount: 4, codebookCount: 2)
        let codes = try backend.makeIndices(count: 6)
        try backend.write([1, 2, 3, 4, 5, 6], to: codes)
        for rows in [1, 3, 2] {
          try backend.publish(codes.strided(from: 0, count: 2 * rows, by: 1), to: ring)
        }
        for (entry, rows) in [1, 3, 2].enumerated() {
          try #expect(backend.isPublished(entry, in: ring))
          try #expect(
            backend.collect(entry, count: 2 * rows, from: ring) == (1...Int32(2 * rows)).map(\.self)
          )
        }
        fakeCUDAPublishes(0)
        try backend.publish(codes, to: ring)
        let lost = #expect(throws: CUDAError.self) { try backend.isPublished(3, in: ring) }
        #expect(lost?.name == "frame 3 was never published")
        fakeCUDAFail("cuStreamQuery", 1, 719, 0)
        let failed = #expect(throws: CUDAError.self) { try backend.isPublished(3, in: ring) }
        #expect(failed?.name == "CUDA_ERROR_LAUNCH_FAILED")
      }
    }
  }

  @Test func `steps have one of a few numbers of rows, so that few are recorded`() async {
    await #expect(processExitsWith: .success) {
      try ReadbackTests.onDevice { backend in
        let rows = (1...200).map { backend.stepRows(for: $0) }
        #expect(zip(rows, 1...200).allSatisfy { $0 >= $1 })
        #expect(Set(rows).sorted() == [1, 2, 4, 8, 16, 24, 32, 48, 64, 128, 192, 256])
        #expect(rows.allSatisfy { backend.stepRows(for: $0) == $0 })
        let frames = (1...64).map { backend.codecFrames(for: $0) }
        #expect(backend.independentRows ? Set(frames).count == 12 : frames == Array(1...64))
      }
    }
  }
}
