// SPDX-License-Identifier: MIT

import CPUBackend
import ModelFiles
import SpeechModel
import Testing

/// Numbers between a backend and the host.
@Suite struct HostExchangeTests {
  @Test func `what is written to a part is read there, and nowhere else`() {
    let check = CPUCheck()
    let backend = check.backend
    let tensor = backend.makeTensor(rows: 3, columns: 2)
    backend.write([1, 2, 3], to: tensor.rows(1..<3))
    #expect(backend.read(tensor) == [0, 0, 1, 2, 3, 0])
    backend.clear(tensor.rows(1..<2))
    #expect(backend.read(tensor) == [0, 0, 0, 0, 3, 0])
    let indices = check.indices([1, 2, 3, 4, 5])
    let view = indices.strided(from: 1, count: 2, by: 2)
    #expect(backend.read(view) == [2, 4])
    backend.write([9, 8], to: view)
    #expect(backend.read(indices) == [1, 9, 3, 8, 5])
    backend.clear(view)
    #expect(backend.read(indices) == [1, 0, 3, 0, 5])
  }

  @Test func `a read that is begun gives the numbers of then`() {
    let check = CPUCheck()
    let backend = check.backend
    let tensor = check.tensor([[1, 2], [3, 4]])
    let readback = backend.beginRead(tensor)
    backend.write([9, 9, 9, 9], to: tensor)
    #expect(backend.isRead(readback))
    #expect(backend.finishRead(readback) == [1, 2, 3, 4])
  }

  @Test(arguments: [ElementType.float32, .bfloat16, .float16])
  func `rows of a stored table are widened`(_ type: ElementType) {
    let check = CPUCheck()
    let table = CPUCheck.stored([[1, 2], [0.5, -4], [8, 0.25]], type)
    let out = check.tensor([[7, 7], [7, 7], [7, 7]])
    check.backend.writeRows(of: table, ids: [2, 0], to: out)
    #expect(check.rows(out) == [[8, 0.25], [1, 2], [7, 7]])
  }
}
