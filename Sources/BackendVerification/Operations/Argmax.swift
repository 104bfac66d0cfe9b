// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func argmax() throws {
    for (rows, columns) in [(1, 1), (5, 33), (17, 2048)] {
      // Whole numbers, so that some are equal.
      let values = random.floats(rows * columns, in: -4...4).map { $0.rounded() }
      let picks = try indices([Int32](repeating: -1, count: rows), stride: 2)
      try backend.argmax(try tensor(values, columns: columns), into: picks)
      try expect(picks, "\(rows)×\(columns)")
    }
  }
}
