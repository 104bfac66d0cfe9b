// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func recording() throws {
    let values = try indices(random.ids(20, below: 1000), stride: 2)
    let recordings = (B.Recording(), B.Recording())
    // Two bodies take turns: each is replayed from a recording of its own.
    for _ in 0..<3 {
      try backend.run(recordings.0) { () throws(B.Failure) in
        try backend.increment(values, by: 5)
      }
      try backend.run(recordings.1) { () throws(B.Failure) in
        try backend.increment(values.strided(from: 1, count: 7, by: 2), by: -2)
      }
    }
    try expect(values, "bodies run three times")
    let time = try backend.time { () throws(B.Failure) in try backend.increment(values, by: -3) }
    // A queue is in order by itself.
    try backend.wait(for: backend)
    try expect(values, "a timed body")
    keep([time > .zero && time < .seconds(10) ? 1 : 0], "time of an increment", within: .exact)
  }
}
