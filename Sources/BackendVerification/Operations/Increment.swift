// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func increment() throws {
    for (count, stride) in [(1, 1), (20, 2), (300, 1)] {
      let values = try indices(random.ids(count, below: 1000), stride: stride)
      try backend.increment(values, by: -3)
      try expect(values, "\(count), every \(stride)")
    }
    for (count, stride) in [(7, 1), (300, 2)] {
      let values = try indices(random.ids(count, below: 1000), stride: stride)
      let ids = [-1, Int32(count) - 1, 3, -1, 0]
      try backend.increment(values, at: try indices(ids, stride: 3), by: 5)
      try expect(values, "some of \(count), every \(stride)")
    }
  }
}
