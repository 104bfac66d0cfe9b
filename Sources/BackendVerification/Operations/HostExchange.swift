// SPDX-License-Identifier: MIT

import SpeechModel

extension Workbench {
  mutating func hostExchange() throws {
    for (rows, columns) in [(1, 1), (7, 33), (300, 129)] {
      let tensor = try backend.makeTensor(rows: rows, columns: columns)
      let values = random.floats(rows * columns, in: -9...9)
      try backend.write(values, to: tensor)
      keep(zip(try backend.read(tensor), values).map { $0 - $1 }, "written", within: .exact)
      try backend.clear(tensor.rows(0..<1))
      try expect(tensor, "first row cleared", within: .exact)
    }
    let ids = try indices(random.ids(50, below: 1 << 30), stride: 3)
    try expect(ids, "indices, every third")
    try backend.clear(ids.strided(from: 1, count: 20, by: 2))
    try expect(ids, "indices, every sixth cleared")
    try writtenRows()
    try readsUnderWay()
  }

  /// Copies to the host of which several are under way, of numbers that change after they have begun.
  private mutating func readsUnderWay() throws {
    let counts = [1, 1920, 40_000, 1920, 7]
    let tensors = try counts.map { try input($0, 1, in: -9...9) }
    for turn in 0..<2 {
      let readbacks = try tensors.map { tensor in
        let readback = try backend.beginRead(tensor)
        try backend.clear(tensor.rows(0..<1))
        return readback
      }
      for (index, readback) in readbacks.enumerated().reversed() {
        while try !backend.isRead(readback) {}
        keep(
          try backend.finishRead(readback),
          "\(counts[index]) numbers begun to be read, turn \(turn)",
          within: .exact)
      }
      // One that nobody waits for.
      _ = try backend.beginRead(tensors[2])
    }
  }

  /// Rows of a stored table.
  private mutating func writtenRows() throws {
    for (type, columns) in [(ElementType.bfloat16, 96), (.bfloat16, 33), (.float32, 50)] {
      let table = stored([20, columns], type)
      // A matrix of the same width, as every model has that has such a table.
      _ = try backend.loadWeight([stored([2, columns], type)], as: .stored)
      let out = try output(9, columns)
      try backend.writeRows(of: table, ids: [19, 0] + random.ids(7, below: 20), to: out)
      try expect(out, "rows of \(type.rawValue), \(columns) columns", within: .exact)
    }
  }
}
