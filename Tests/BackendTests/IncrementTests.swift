// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Counters.
@Suite struct IncrementTests {
  @Test func `every element of a view is increased, and none beside it`() {
    let check = CPUCheck()
    let values = check.indices([1, 2, 3, 4, 5, 6, 7])
    check.backend.increment(values.strided(from: 1, count: 3, by: 2), by: -10)
    #expect(check.backend.read(values) == [1, -8, 3, -6, 5, -4, 7])
    check.backend.increment(values, by: 1)
    #expect(check.backend.read(values) == [2, -7, 4, -5, 6, -3, 8])
  }

  @Test func `elements are increased by their number, and none for a negative one`() {
    let check = CPUCheck()
    let values = check.indices([1, 2, 3, 4])
    check.backend.increment(values, at: check.indices([3, -1, 0]), by: 10)
    #expect(check.backend.read(values) == [11, 2, 3, 14])
  }
}
