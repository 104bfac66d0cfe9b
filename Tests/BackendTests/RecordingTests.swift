// SPDX-License-Identifier: MIT

import CPUBackend
import SpeechModel
import Testing

/// Bodies that may be recorded.
@Suite struct RecordingTests {
  @Test func `a body runs each time, with the numbers there are`() {
    let check = CPUCheck()
    let backend = check.backend
    let values = check.indices([1, 2])
    let recording = CPURecording()
    for _ in 0..<3 { backend.run(recording) { backend.increment(values, by: 2) } }
    #expect(backend.read(values) == [7, 8])
    backend.write([0, 0], to: values)
    backend.run(recording) { backend.increment(values, by: 2) }
    #expect(backend.read(values) == [2, 2])
  }

  @Test func `a body is timed, and work waits for that of another backend`() {
    let check = CPUCheck()
    let other = CPUBackend()
    let values = check.indices([1])
    let time = check.backend.time {
      for _ in 0..<1000 { check.backend.increment(values, by: 1) }
    }
    #expect(time > .zero)
    #expect(check.backend.read(values) == [1001])
    // In step with the host, nothing is ever under way.
    check.backend.wait(for: other)
  }
}
