// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func increment() throws {
    for (count, stride) in [(1, 1), (20, 2), (300, 1)] {
      let values = try indices(random.ids(count, below: 1000), stride: stride)
      try backend.increment(values, by: -3)
      try expect(values, "\(count), every \(stride)")
    }
  }
}
